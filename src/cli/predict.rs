//! The command `semivox predict`.

mod scans;
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use semivox_data::inspect::turned_by_guess;
use semivox_data::{Source, io};
use semivox_inference::{Description, Model, SeenScans, SegmentOptions, device};
use semivox_trainer::TrainError;
use semivox_trainer::run::folder::make_writable;

use super::progress::Counter;
use scans::scans;
use targets::{expect_distinct, expect_outside, output, probability_map, todo};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Run folder, or model file (.safetensors).
    model: PathBuf,
    /// Scans or folders of scans: NIfTI, NRRD, MetaImage, folders of DICOM series; channels as NAME_0000,
    /// NAME_0001, ….
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Folder for the label maps, which have the names of their scans.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Device: cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal, ndarray where compiled in [default: the training device].
    #[arg(long)]
    device: Option<String>,
    /// Test-time augmentation: average over flips along the axes that were mirrored in training.
    #[arg(long)]
    tta: bool,
    /// Keep the largest connected component of every class; not for lesions.
    #[arg(long)]
    largest_component: bool,
    /// Also write the probability map of every class, as probabilities/NAME_CLASS.nii.gz.
    #[arg(long)]
    probabilities: bool,
    /// Write class indices 0, 1, 2, … instead of the label values of the training data.
    #[arg(long)]
    class_indices: bool,
    /// Treatment of label maps that exist already.
    #[arg(long, value_enum, default_value = "refuse")]
    existing: Existing,
    /// Print only notes, warnings and errors.
    #[arg(long, short)]
    quiet: bool,
}

const AFTER: &str = "\
Scans are preprocessed as in training; label maps have the shape, spacing and orientation of their
scan. A scan that cannot be read is reported, and the others are still segmented. seen.json in --out
tells which scans the model was trained on, for semivox evaluate.

  semivox predict runs/first new/ --out predicted/
  semivox predict runs/first scan.nii.gz --out predicted/ --tta --largest-component";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Existing {
    /// Stop with an error before predicting anything.
    Refuse,
    /// Keep them and predict only the other scans.
    Skip,
    /// Replace them.
    Overwrite,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let description = Description::read(&arguments.model)?;
    expect_outside(&arguments.inputs, &arguments.out)?;
    let scans = scans(&arguments.inputs, description.channel_count())?;
    let classes = match arguments.probabilities {
        true => file_names(&description.classes),
        false => Vec::new(),
    };
    expect_distinct(&scans, &classes)?;
    let todo = todo(&scans, &arguments.out, arguments.existing, &classes)?;
    let mut seen = SeenScans::read(&arguments.out)?;
    let model = open(arguments)?;
    make_writable(&arguments.out)?;
    if arguments.probabilities {
        make_writable(&arguments.out.join(targets::PROBABILITIES))?;
    }
    let counter = Counter::new("predicting", arguments.quiet);
    let mut written = BTreeSet::new();
    for (done, (id, scan)) in todo.iter().enumerate() {
        counter.at(done, todo.len());
        match predict(&model, id, scan, arguments, &mut seen) {
            Ok(()) => _ = written.insert(id.as_str()),
            Err(error) => tell!("error: {}", naming(scan, &error)),
        }
    }
    counter.finish();
    tell_of_seen(&seen.among(&written));
    if !arguments.quiet {
        println!("{}", described(&model, written.len(), arguments));
        match scans.len() - todo.len() {
            0 => (),
            kept => println!(
                "{kept} kept, which were there already (--existing overwrite replaces them)"
            ),
        }
    }
    Ok(match written.len() == todo.len() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Returns the message of an error, with the scan if it does not name it.
fn naming(scan: &Source, error: &TrainError) -> String {
    let (scan, error) = (scan.to_string(), error.to_string());
    match error.contains(&scan) {
        true => error,
        false => format!("{scan}: {error}"),
    }
}

/// Describes the label maps that were written, with the voxel values of the classes.
fn described(model: &Model, count: usize, arguments: &Arguments) -> String {
    let values = match arguments.class_indices {
        true => (0..).take(model.classes().len()).collect(),
        false => model.description().values(),
    };
    let classes: Vec<String> = std::iter::zip(values, model.classes())
        .map(|(value, name)| format!("{value} {name}"))
        .collect();
    let out = arguments.out.display();
    format!("{count} label maps in {out}: {}", classes.join(", "))
}

/// Prints how many of the scans were in the training data of the model, or that this is not known.
fn tell_of_seen(scans: &SeenScans) {
    if let Some(sentence) = scans.warning() {
        tell!("warning: {sentence}; results on them are no test of it");
    }
    if let Some(sentence) = scans.note() {
        tell!("note: {sentence}");
    }
}

fn open(arguments: &Arguments) -> Result<Model, TrainError> {
    let options = SegmentOptions {
        mirrored: arguments.tta,
        largest_component: arguments.largest_component,
    };
    let name = match &arguments.device {
        Some(name) => name.clone(),
        None => {
            let notes = Description::read(&arguments.model)?.notes;
            notes
                .get("device")
                .map_or("cpu", String::as_str)
                .to_string()
        }
    };
    let model = Model::open_on(&arguments.model, &device::by_name(&name)?)?;
    Ok(model.with_options(options)?)
}

fn predict(
    model: &Model,
    id: &str,
    scan: &Source,
    arguments: &Arguments,
    seen: &mut SeenScans,
) -> Result<(), TrainError> {
    let image = io::read_image(scan)?;
    for note in image.notes() {
        tell!("warning: {scan}: {note}");
    }
    let orientation = model.description().preprocess.orientation;
    if let Some(note) = orientation.and_then(|to| turned_by_guess(&image, to)) {
        tell!("warning: {scan}: {note}");
    }
    let scan = model.prepare(&image)?;
    let probabilities = model.probabilities(&scan)?;
    let labels = model.labels(&scan, probabilities.view())?;
    if arguments.probabilities {
        for (class, name) in file_names(model.classes()).iter().enumerate() {
            let map = scan.restore_probability(probabilities.view(), class)?;
            io::write_volume(probability_map(&arguments.out, id, name), &map)?;
        }
    }
    seen.begin(id, &arguments.out)?;
    let out = output(&arguments.out, id);
    match arguments.class_indices {
        true => io::write_labels(out, &labels)?,
        false => model.description().write_labels(out, &labels)?,
    }
    seen.record(id, model, &image);
    Ok(seen.write(&arguments.out)?)
}

/// Returns the names of classes as parts of file names; those that become equal begin with the class index.
fn file_names(classes: &[String]) -> Vec<String> {
    let plain = |name: &String| name.replace(['/', '\\', ' '], "_");
    let names: Vec<String> = classes.iter().map(plain).collect();
    let named = |(index, name): (usize, &String)| {
        let same = |other: &&String| other.to_lowercase() == name.to_lowercase();
        match names.iter().filter(same).count() {
            1 => name.clone(),
            _ => format!("{index}_{name}"),
        }
    };
    names.iter().enumerate().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_like_names_have_files_of_their_own() {
        let classes = ["background", "left kidney", "left_kidney", "a/b"].map(String::from);
        let names = ["background", "1_left_kidney", "2_left_kidney", "a_b"];
        assert_eq!(file_names(&classes), names);
    }
}
