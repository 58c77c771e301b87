//! A training run from its settings to its report, for the command and the examples.

use std::path::Path;
use std::process::ExitCode;

use semivox_data::augment::LabelSwap;
use semivox_trainer::TrainError;
use semivox_trainer::config::{DataConfig, RunConfig};
use semivox_trainer::report::validation_sentence;
use semivox_trainer::session::{Moved, Session, Summary};
use semivox_trainer::training::{Observer, Outcome};
use serde_json::json;

use super::interrupt;
use super::memory::{self, Free};
use super::progress::Progress;
use super::run::{RunArguments, SingleArguments};
use super::table;
use super::table::quoted;

/// Observer that prints only warnings, for `--quiet`.
pub(super) struct Warnings;

impl Observer for Warnings {
    fn notice(&self, sentence: &str) {
        tell!("warning: {sentence}");
    }
}

/// Returns the observer of a run: a progress bar, or only warnings if `quiet`.
pub(super) fn observer(quiet: bool) -> Box<dyn Observer> {
    match quiet {
        true => Box::new(Warnings),
        false => Box::new(Progress::new()),
    }
}

/// Opens the session of a run in `out`: a new one with the given settings, within `--budget`, or the one to resume if
/// `config` is `None`, with `--data` as the new place of its data set and `--device` as its new device.
pub(super) fn session(
    arguments: &SingleArguments,
    out: &Path,
    config: Option<RunConfig>,
    observer: &dyn Observer,
) -> Result<Session, TrainError> {
    let RunArguments { data, device, .. } = &arguments.run;
    match (config, arguments.budget) {
        (Some(config), Some(budget)) => Session::start_within(config, out, budget, observer),
        (Some(config), None) => Session::start(config, out, observer),
        (None, _) => {
            let moved = Moved {
                data: data.data.clone(),
                test_list: data.test_list.clone(),
                device: device.clone(),
            };
            Session::resume_moved(out, &moved, observer)
        }
    }
}

/// Starts a run in `out` with the given settings, or resumes the run there if `config` is `None`.
pub(super) fn train(
    arguments: &SingleArguments,
    out: &Path,
    config: Option<RunConfig>,
) -> Result<ExitCode, TrainError> {
    let mut observer = observer(arguments.run.quiet);
    let mut free = Free::now();
    if let Some(config) = &config {
        // Before the scans are read, and before --budget times a step.
        free.warn(config, 0.0);
    }
    let session = session(arguments, out, config, observer.as_ref())?;
    announce(&session, arguments, free);
    let stop = interrupt::stop_on_ctrl_c()?;
    let summary = session.run(observer.as_mut(), &stop)?;
    if !arguments.json {
        print_metrics(&summary, &session.dataset().classes);
    }
    Ok(finish(&session, &summary, out, arguments))
}

fn print_metrics(summary: &Summary, classes: &[String]) {
    if let Some(evaluation) = &summary.evaluation {
        let name_of = |label: u32| classes.get(label as usize).cloned();
        println!("{}", evaluation.table(&name_of));
    }
    if let Some(found) = &summary.validation {
        println!("{}", validation_sentence(found));
    }
    if let (Some(before), Some(after)) = (summary.dice_before, summary.dice()) {
        println!("Mean Dice before training {before:.4}, after {after:.4}.");
    }
}

/// Prints the settings and data of a session, unless `--quiet`, and warnings about the data set and about memory, of which
/// `free` was free before the scans were read.
pub(super) fn announce(session: &Session, arguments: &SingleArguments, free: Free) {
    if !arguments.run.quiet {
        tell!("{}", described(session));
    }
    warn(session, free);
}

/// Prints warnings about the data set and about memory, of which `free` was free before the scans were read.
pub(super) fn warn(session: &Session, mut free: Free) {
    for note in &session.dataset().notes {
        tell!("warning: {note}");
    }
    free.warn(session.config(), session.scans().1);
}

/// Describes the memory that a run needs.
fn memory_of(session: &Session) -> String {
    let (count, bytes) = session.scans();
    let scans = format!("{} for {count} scans", memory::formatted(bytes));
    match memory::of_step(session.config()) {
        Some(step) => format!("about {} for a step, {scans}", memory::formatted(step)),
        None => format!("{scans}, a step not estimated"),
    }
}

/// Prints the path of the report or, with `--json`, the result, and after an interruption how to resume.
///
/// Returns the exit code of the program.
pub(super) fn finish(
    session: &Session,
    summary: &Summary,
    out: &Path,
    arguments: &SingleArguments,
) -> ExitCode {
    match arguments.json {
        true => super::print_json(&as_json(summary, out)),
        false if summary.outcome == Outcome::Finished => {
            if summary.evaluation.is_none() {
                println!("{}", untested(summary.validation.is_some()));
            }
            println!("Report: {}", out.join("report.html").display());
        }
        false => (),
    }
    if let Outcome::Interrupted { step } = summary.outcome {
        let (program, out) = (program(), quoted(out));
        tell!("Stopped after step {step}, saved. To go on: {program} --resume --out {out}");
        return ExitCode::from(130);
    }
    if session.config().data.root.is_none() && !arguments.run.quiet {
        tell!("The scans were generated phantoms; for real ones, add --data FOLDER.");
    }
    ExitCode::SUCCESS
}

/// Says that a run has no test result, and how one gets it.
fn untested(validated: bool) -> &'static str {
    match validated {
        true => "No test cases, so the validation cases alone measure this run.",
        false => {
            "No test cases, no evaluation: --validation N or a test list (test.list, --test-list) keeps labeled scans out of \
             the training to measure it."
        }
    }
}

/// Returns the command line that trains with this program.
fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_stem().unwrap_or_default();
    match name.to_string_lossy() {
        name if name == "semivox" => "semivox train".into(),
        name => name.into_owned(),
    }
}

fn as_json(summary: &Summary, out: &Path) -> serde_json::Value {
    let step = match summary.outcome {
        Outcome::Finished => None,
        Outcome::Interrupted { step } => Some(step),
    };
    json!({
        "run": out.display().to_string(),
        "interrupted_after_step": step,
        "dice_before": summary.dice_before,
        "mean": summary.evaluation.as_ref().map(|e| &e.mean),
        "mean_unseen": summary.evaluation.as_ref().and_then(|e| e.mean_unseen.as_ref()),
        "undefined": summary.evaluation.as_ref().map(|e| &e.undefined),
        "leaks": summary.evaluation.as_ref().and_then(|e| e.protocol.leaks.as_ref()),
        "validation": summary.validation.as_ref().map(|e| &e.mean),
        "validation_leaks": summary.validation.as_ref().and_then(|e| e.protocol.leaks.as_ref()),
    })
}

/// Describes the axes on which patches are mirrored, and the labels that are exchanged with them.
fn mirroring(config: &RunConfig) -> String {
    let mirrored = config.weak_view.mirrored();
    let axes: Vec<String> = (0..3)
        .filter(|&axis| mirrored[axis])
        .map(|axis| axis.to_string())
        .collect();
    if axes.is_empty() {
        return "no axis".into();
    }
    let text = format!("axis {}", axes.join(" or "));
    let LabelSwap { axis, pairs } = &config.label_swap;
    if pairs.is_empty() || !mirrored[usize::from(*axis)] {
        return text;
    }
    let name = |label: u8| match config.data.classes.get(usize::from(label)) {
        Some(name) => name.clone(),
        None => label.to_string(),
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|&[a, b]| format!("{} and {}", name(a), name(b)))
        .collect();
    format!(
        "{text}; on axis {axis} with labels exchanged: {}",
        pairs.join(", ")
    )
}

/// Describes how scans are prepared: voxels, orientation, and intensities of all channels.
pub(super) fn prepared(data: &DataConfig) -> String {
    let preprocess = &data.preprocess;
    let turned = match preprocess.orientation {
        Some(orientation) => format!(", turned to {orientation}"),
        None => String::new(),
    };
    let shared = match data.from_scans.is_empty() {
        true => "",
        false => ", as all training scans are (data.preprocess)",
    };
    let (grid, intensities) = (table::grid(preprocess), table::intensities(preprocess));
    format!("{grid}{turned}{shared}; {intensities}")
}

/// Describes method, data, classes, mirroring, network and preset of a run, one line each.
fn described(session: &Session) -> String {
    let (config, dataset) = (session.config(), session.dataset());
    format!(
        "  method   {}, {} iterations, seed {}\n  data     {}: {}, {} unlabeled, {} test; {}\n  \
         classes  {}\n  mirror   {}\n  network  {}, {} filters, patches of {}, on {}\n  memory   {}\n  preset   {} for {}; every setting is in config.toml",
        config.method_title(),
        config.iterations(),
        config.seed,
        dataset.name,
        table::labeled(dataset.labeled.len(), session.labeled_patients()),
        dataset.unlabeled.len(),
        dataset.test.len(),
        prepared(&config.data),
        dataset.classes.join(", "),
        mirroring(config),
        config.network.architecture,
        config.network.filters,
        table::shape(config.patch),
        config.device,
        memory_of(session),
        config.preset,
        config.task,
    )
}
