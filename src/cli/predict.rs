//! The command `semivox predict`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use semivox_data::{Source, io, layout};
use semivox_inference::{Description, Model, SeenScans, SegmentOptions, device};
use semivox_trainer::TrainError;
use semivox_trainer::run::folder::make_writable;

use super::progress::Counter;

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
    /// Device: cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal where compiled in [default: the training device].
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

/// Subfolder of the probability maps, apart from the label maps, since `semivox evaluate` reads a whole folder.
const PROBABILITIES: &str = "probabilities";

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
    let channels = Description::read(&arguments.model)?.channel_count();
    expect_outside(&arguments.inputs, &arguments.out)?;
    let scans = scans(&arguments.inputs, channels)?;
    let todo = todo(&scans, arguments)?;
    let mut seen = SeenScans::read(&arguments.out)?;
    let model = open(arguments)?;
    make_writable(&arguments.out)?;
    if arguments.probabilities {
        make_writable(&arguments.out.join(PROBABILITIES))?;
    }
    let counter = Counter::new("predicting", arguments.quiet);
    let mut written = BTreeSet::new();
    for (done, (id, scan)) in todo.iter().enumerate() {
        counter.at(done, todo.len());
        match predict(&model, id, scan, arguments, &mut seen) {
            Ok(()) => _ = written.insert(id.as_str()),
            Err(error) => eprintln!("error: {error}"),
        }
    }
    counter.finish();
    tell_of_seen(&seen.among(&written));
    if !arguments.quiet {
        println!("{}", described(&model, written.len(), arguments));
    }
    Ok(match written.len() == todo.len() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
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
        eprintln!("warning: {sentence}; results on them are no test of it");
    }
    if let Some(sentence) = scans.note() {
        eprintln!("note: {sentence}");
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

/// Returns the scans that the inputs name, with `channels` channels each, by file name without extension.
fn scans(inputs: &[PathBuf], channels: usize) -> Result<BTreeMap<String, Source>, TrainError> {
    let mut found: BTreeMap<String, Source> = BTreeMap::new();
    for input in inputs {
        for (id, scan) in of_input(input, channels)? {
            match found.get(&id) {
                // Several files of the same scan were given, or one twice.
                Some(other) if is_same(other, &scan) => {}
                Some(other) => {
                    return Err(TrainError::unexpected(
                        format!("{id}.nii.gz"),
                        "scans of different names",
                        format!("{other} and {scan}"),
                        "both would be written there: predict them into different folders",
                    ));
                }
                None => drop(found.insert(id, scan)),
            }
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(TrainError::unexpected(
            inputs[0].display(),
            format!("scans ({})", io::READABLE),
            "none",
            "give files or the folder that holds them",
        )),
    }
}

/// Whether two scans of one name are one, by whatever paths they are named.
fn is_same(a: &Source, b: &Source) -> bool {
    let (a, b) = (a.files(), b.files());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// Returns the scans of a folder, or the one of a file.
fn of_input(input: &Path, channels: usize) -> Result<BTreeMap<String, Source>, TrainError> {
    let input = &layout::header_of(input);
    match (input.is_dir(), channels) {
        (true, _) => {
            let found = layout::scans(input, channels)?;
            for note in &found.notes {
                eprintln!("note: {note}");
            }
            Ok(found.images)
        }
        (false, 1) => Ok(BTreeMap::from([(
            id_of(input)?,
            Source::File(input.clone()),
        )])),
        (false, _) => {
            id_of(input)?;
            let found = layout::scan(input, channels);
            let found = found.map(|(id, scan)| (layout::composed(&id), scan));
            Ok(found.into_iter().collect())
        }
    }
}

fn id_of(file: &Path) -> Result<String, TrainError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match layout::stem(&name) {
        Some(id) if file.is_file() => Ok(layout::composed(id)),
        _ => Err(TrainError::unexpected(
            file.display(),
            format!("a scan ({}) or a folder of scans", io::READABLE),
            match file.exists() {
                true => "another kind of file",
                false => "nothing there",
            },
            "check the path",
        )),
    }
}

/// Returns the scans to predict, after checking that no file is overwritten unasked.
fn todo(
    scans: &BTreeMap<String, Source>,
    arguments: &Arguments,
) -> Result<Vec<(String, Source)>, TrainError> {
    let mut todo = Vec::new();
    for (id, scan) in scans {
        let out = output(&arguments.out, id);
        let folders = scan.files().into_iter().filter_map(Path::parent);
        if folders.into_iter().any(|own| same(&arguments.out, own)) {
            return Err(TrainError::unexpected(
                arguments.out.display(),
                "a folder other than the scan's own",
                "the scan's own, where the label map would replace the scan or be taken for another one",
                "choose another --out",
            ));
        }
        if scan.files().into_iter().any(|file| same(&out, file)) {
            return Err(TrainError::unexpected(
                out.display(),
                "another file than the scan",
                "a link to the scan, or the scan itself, which the label map would replace",
                "choose another --out",
            ));
        }
        match (out.exists(), arguments.existing) {
            (true, Existing::Refuse) => {
                return Err(TrainError::unexpected(
                    out.display(),
                    "nothing there yet",
                    "a file that exists already",
                    "choose another --out, or --existing skip or overwrite",
                ));
            }
            (true, Existing::Skip) => {}
            _ => todo.push((id.clone(), scan.clone())),
        }
    }
    Ok(todo)
}

/// Checks that label maps are not written below a folder of scans, where the next run would take them for scans.
fn expect_outside(inputs: &[PathBuf], out: &Path) -> Result<(), TrainError> {
    let holds = |input: &&PathBuf| input.is_dir() && io::is_within(out, input);
    match inputs.iter().find(holds) {
        None => Ok(()),
        Some(input) => Err(TrainError::unexpected(
            out.display(),
            format!("a folder outside {}", input.display()),
            "one in it, where label maps would be taken for scans",
            "choose another --out",
        )),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    // The parent of a bare file name is the empty path.
    let whole = |path: &Path| Path::new(".").join(path).canonicalize();
    matches!((whole(a), whole(b)), (Ok(a), Ok(b)) if a == b)
}

fn output(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.nii.gz"))
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
        eprintln!("warning: {scan}: {note}");
    }
    let scan = model.prepare(&image)?;
    let probabilities = model.probabilities(&scan);
    let labels = model.labels(&scan, probabilities.view())?;
    if arguments.probabilities {
        let folder = arguments.out.join(PROBABILITIES);
        for (class, name) in file_names(model.classes()).iter().enumerate() {
            let map = scan.restore_probability(probabilities.view(), class)?;
            io::write_volume(output(&folder, &format!("{id}_{name}")), &map)?;
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
