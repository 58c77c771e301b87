//! Trials: one file is changed, read, and put back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, thread};

use semivox_data::rng::{below, keyed};
use semivox_data::{AxisOrder, Source, io, layout};

use crate::mutation::mutated;
use crate::{Outcome, data_sets};

/// The longest that a trial may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs the trials from `first` on.
pub(crate) fn run(count: u64, seed: u64, first: u64) -> Outcome<ExitCode> {
    let root = tempfile::tempdir()?;
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"),
        &root.path().join("goldens"),
    )?;
    data_sets::write(root.path())?;
    let mut files = Vec::new();
    list(root.path(), &mut files)?;
    let files = pairs(root.path(), files);
    if first == 0 {
        println!("files {}", files.len());
    }
    watch();
    std::panic::set_hook(Box::new(|_| {}));
    for trial in first..count {
        let (path, target) =
            &files[below(&mut keyed(seed, trial, "file"), files.len() as u64) as usize];
        println!(
            "trial {trial} {}",
            path.strip_prefix(root.path())?.display()
        );
        let sound = fs::read(path)?;
        fs::write(path, mutated(&sound, seed, trial))?;
        TRIALS.fetch_add(1, Ordering::Relaxed);
        match catch_unwind(AssertUnwindSafe(|| read(root.path(), target))) {
            Ok(true) => println!("read"),
            Ok(false) => println!("refused"),
            Err(cause) => {
                let text = cause.downcast_ref::<String>().map_or("", String::as_str);
                println!("panic {text}");
            }
        }
        fs::write(path, sound)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Files to change, each with the one to read: itself, or the header beside it whose voxels it has. Files of neither kind
/// are left out, such as those that the tests expect to be refused.
fn pairs(root: &Path, mut files: Vec<PathBuf>) -> Vec<(PathBuf, PathBuf)> {
    files.sort();
    let sound: Vec<PathBuf> = files
        .iter()
        .filter(|path| read(root, path))
        .cloned()
        .collect();
    let stem = |path: &Path| path.to_string_lossy().split('.').next().map(String::from);
    let target = |path: &PathBuf| match sound.contains(path) {
        true => Some(path.clone()),
        false => sound
            .iter()
            .find(|other| stem(other) == stem(path))
            .cloned(),
    };
    let with_target = |path: PathBuf| target(&path).map(|target| (path, target));
    files.into_iter().filter_map(with_target).collect()
}

/// Number of trials begun.
static TRIALS: AtomicU64 = AtomicU64::new(0);

/// Ends the process if a trial takes too long.
fn watch() {
    thread::spawn(|| {
        loop {
            let before = TRIALS.load(Ordering::Relaxed);
            thread::sleep(LONGEST);
            if before > 0 && TRIALS.load(Ordering::Relaxed) == before {
                std::process::exit(3);
            }
        }
    });
}

/// Reads a file, or the data set that it belongs to; whether that succeeded.
fn read(root: &Path, path: &Path) -> bool {
    for set in ["own", "msd", "Pancreas_h5"] {
        if path.starts_with(root.join(set)) {
            let folder = if set == "Pancreas_h5" {
                root
            } else {
                &root.join(set)
            };
            return layout::open(folder).is_ok_and(|data| {
                let labeled = data.labeled.iter().chain(&data.test);
                let unlabeled = data.unlabeled.iter().map(|case| case.load().is_ok());
                // All of them, the first failure notwithstanding.
                let all: Vec<bool> = labeled
                    .map(|case| case.load().is_ok())
                    .chain(unlabeled)
                    .collect();
                !all.contains(&false)
            });
        }
    }
    if path.extension().is_some_and(|ending| ending == "h5") {
        let source = Source::Hdf5 {
            path: path.to_path_buf(),
            dataset: "image".into(),
            axes: AxisOrder::SlicesLast,
            spacing_mm: [1.0; 3],
        };
        return io::read_image(&source).is_ok();
    }
    let labels = io::read_labels(path);
    io::read_volume(path).is_ok() || labels.is_ok()
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to)?,
            false => drop(fs::copy(&path, &to)?),
        }
    }
    Ok(())
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => list(&path, into)?,
            false => into.push(path),
        }
    }
    Ok(())
}
