//! The command `semivox evaluate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use semivox_inference::SeenScans;
use semivox_inference::evaluation::{Evaluation, FailedCase};
use semivox_inference::label_folders::{self, Comparison, DescribedClasses};
use semivox_trainer::TrainError;
use semivox_trainer::run::folder::make_writable;

use super::progress::Counter;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Folder of predicted label maps.
    predictions: PathBuf,
    /// Folder of reference label maps with the same names; further files in it are left out.
    references: PathBuf,
    /// Classes of the label values: a classes.txt or dataset.json, a run folder or a model [default: the file of that
    /// name beside a reference folder labels/, labelsTr/ or labelsTs/, else equal values are the same class].
    #[arg(long, value_name = "PATH")]
    classes: Option<PathBuf>,
    /// The predictions hold class indices, as of `predict --class-indices` [default: where some of their numbers are no
    /// label values].
    #[arg(long)]
    class_indices: bool,
    /// Folder for evaluation.csv and evaluation.json [default: the folder of the predictions].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the evaluation as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Print only errors.
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

const AFTER: &str = "\
Distances are in millimeters by the files' own spacing. HD95 comes in both conventions: hd95_mm is the
95th percentile of the distances of both directions together (as MedPy), hd95_directed_max_mm the
larger of the two directions' percentiles (as MONAI). Where only one of the two masks has a class, its
Dice is 0 and its distances are undefined; where neither has it, all are. Undefined values are counted, and
left out of the means. Predictions without a reference, and references without a prediction, are listed and
left out. Pairs that cannot be compared are listed and left out too; the exit code is then 1. Voxels of a value that
--classes names `ignore` are removed from both label maps first. Of predictions by semivox predict, whose
folder has seen.json, cases that the model was trained on are counted, and the means are given without
them too.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let (predictions, references) = (&arguments.predictions, &arguments.references);
    let out = arguments.out.as_ref().unwrap_or(predictions);
    if out.join("config.toml").is_file() {
        return Err(TrainError::unexpected(
            out.display(),
            "a folder for the evaluation",
            "that of a run, whose own evaluation.json it would replace",
            "choose another --out",
        ));
    }
    // Before a long evaluation rather than after it.
    if predictions.is_dir() {
        make_writable(out)?;
    }
    let counter = Counter::new("evaluating", arguments.quiet || arguments.json);
    let (mut classes, note) = classes(arguments)?;
    if arguments.class_indices {
        let described = classes.as_mut().ok_or_else(|| {
            let hint = "name the file or the model that describes them with --classes";
            TrainError::setting("--class-indices", "described classes", "none", hint)
        })?;
        described.class_indices = true;
    }
    let seen = SeenScans::read(predictions)?;
    let Comparison {
        evaluation,
        alone,
        notes,
    } = label_folders::evaluate(predictions, references, classes.as_ref(), &|done, total| {
        counter.at(done, total);
    })?;
    counter.finish();
    let evaluation = seen.mark(evaluation);
    let ids = evaluation.cases.iter().map(|case| case.id.as_str());
    let ids = ids.collect();
    let unknown = [seen.note_on_unrecorded(&ids), seen.among(&ids).note()];
    let unknown = unknown.into_iter().flatten();
    if !arguments.quiet {
        note.iter()
            .chain(&notes)
            .cloned()
            .chain(unknown)
            .for_each(|note| tell!("note: {note}"));
    }
    evaluation.write(out.join("evaluation.json"))?;
    evaluation.write_csv(out.join("evaluation.csv"))?;
    tell_of_omissions(arguments, &evaluation, &alone);
    if arguments.json {
        super::print_json(&evaluation.to_json());
    } else if !arguments.quiet {
        println!(
            "{}",
            evaluation.table(&|value| name_of(classes.as_ref()?, value))
        );
        print!("{}", undefined(&evaluation));
        println!(
            "Written: evaluation.csv and evaluation.json in {}",
            out.display()
        );
    }
    Ok(match evaluation.failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Returns the name of the class of a label value.
fn name_of(classes: &DescribedClasses, value: u32) -> Option<String> {
    let class = classes.values.class(value)?;
    classes.names.get(usize::from(class)).cloned()
}

/// Returns the classes of `--classes`, or those of the data set that the references belong to, with a note on their
/// source.
fn classes(
    arguments: &Arguments,
) -> Result<(Option<DescribedClasses>, Option<String>), TrainError> {
    if let Some(path) = &arguments.classes {
        return Ok((Some(DescribedClasses::read(path)?), None));
    }
    let name = arguments.references.file_name().unwrap_or_default();
    let beside =
        ["classes.txt", "dataset.json"].map(|file| arguments.references.with_file_name(file));
    let Some(file) = beside.iter().find(|file| {
        ["labels", "labelsTr", "labelsTs"]
            .iter()
            .any(|known| name == *known)
            && file.is_file()
    }) else {
        return Ok((None, None));
    };
    Ok(match DescribedClasses::read(file) {
        Ok(classes) => {
            let names = classes.names.join(", ");
            let note = format!(
                "classes from {}: {names} (override with --classes)",
                file.display()
            );
            (Some(classes), Some(note))
        }
        Err(error) => (
            None,
            Some(format!(
                "equal label values are the same class, since {error}"
            )),
        ),
    })
}

/// Names the label maps without a partner, and the pairs that could not be compared.
fn tell_of_omissions(arguments: &Arguments, evaluation: &Evaluation, alone: &[String]) {
    let not_predicted = &evaluation.not_predicted[..];
    for (kind, names, other) in [
        ("predictions", alone, &arguments.references),
        ("references", not_predicted, &arguments.predictions),
    ] {
        if !names.is_empty() && !arguments.quiet {
            tell!("{}", without_partner(kind, names, other));
        }
    }
    for FailedCase { id, error } in &evaluation.failed {
        tell!("error: {id}: {error}");
    }
    if !evaluation.failed.is_empty() && !arguments.quiet {
        tell!("{}", not_compared(evaluation));
    }
}

/// Names label maps that are not evaluated, as the other folder has none of their name.
fn without_partner(kind: &str, names: &[String], other: &Path) -> String {
    format!(
        "Not evaluated, as {} has no label map of the name: {} {kind} ({}{})",
        other.display(),
        names.len(),
        names[..names.len().min(3)].join(", "),
        if names.len() > 3 { ", …" } else { "" }
    )
}

/// Describes the pairs that could not be compared.
fn not_compared(evaluation: &Evaluation) -> String {
    let failed = evaluation.failed.len();
    format!(
        "{failed} of {} pairs could not be compared, and are left out of the means",
        failed + evaluation.cases.len()
    )
}

/// Describes the undefined values that the means leave out, if any.
fn undefined(evaluation: &Evaluation) -> String {
    let counts = &evaluation.undefined;
    if counts.dice + counts.hd95_mm == 0 {
        return String::new();
    }
    format!(
        "Undefined, and left out of the means: Dice {}, distances {} of {} pairs of case and class.\n",
        counts.dice,
        counts.hd95_mm,
        evaluation
            .cases
            .iter()
            .map(|case| case.classes.len())
            .sum::<usize>(),
    )
}
