//! Reads damaged files of every format and counts panics, hangs and exhausted memory, of which there must be none.
//!
//! ```sh
//! cargo run --release -p semivox-data --example mutated_files -- 5000 0
//! ```
//!
//! The arguments are the number of trials and the seed. A trial changes one of the files of the tests and of two small
//! data sets, and reads it. The trials run in a child process, on Unix with a limited address space; a trial that
//! ends the child is counted, and the next child goes on after it. Ends with 1 if there was one.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use hdf5_pure::FileBuilder;
use semivox_data::rng::{below, keyed};
use semivox_data::{AxisOrder, Source, io, layout};

/// Address space of the child in KiB.
const MEMORY_KIB: u64 = 1 << 20;

/// The longest that a trial may take.
const LONGEST: Duration = Duration::from_secs(10);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    let arguments: Result<Vec<u64>, _> = env::args().skip(1).map(|text| text.parse()).collect();
    match arguments.as_deref() {
        Ok(&[count, seed]) => all(count, seed),
        Ok(&[count, seed, first]) => child(count, seed, first),
        _ => Err("expected the number of trials and the seed, such as: 5000 0".into()),
    }
}

/// Runs all trials in children.
fn all(count: u64, seed: u64) -> Outcome<ExitCode> {
    let (mut first, mut read, mut refused, mut bad) = (0, 0, 0, 0);
    while first < count {
        let own = env::current_exe()?;
        let line = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" {count} {seed} {first}");
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .arg(own)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut present = String::new();
        for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
            let line = line?;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "trial" => {
                    present = rest.into();
                    first = rest.split(' ').next().unwrap_or("").parse::<u64>()? + 1;
                }
                "read" => read += 1,
                "refused" => refused += 1,
                "files" => println!("{rest} files of all formats are changed"),
                "panic" => {
                    bad += 1;
                    println!("panic in trial {present}: {rest}");
                }
                _ => {}
            }
        }
        let status = child.wait()?;
        if !status.success() {
            if present.is_empty() {
                return Err(
                    "the trials do not begin within the limit of memory; raise MEMORY_KIB".into(),
                );
            }
            bad += 1;
            println!("trial {present} ended the program: {status}");
        }
    }
    println!(
        "{count} mutated files: {read} read, {refused} refused, {bad} panics, hangs or exhausted memory"
    );
    Ok(ExitCode::from(u8::from(bad > 0)))
}

/// Runs the trials from `first` on.
fn child(count: u64, seed: u64, first: u64) -> Outcome<ExitCode> {
    let root = tempfile::tempdir()?;
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"),
        &root.path().join("goldens"),
    )?;
    data_sets(root.path())?;
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

/// A changed copy: bits, cuts, pieces doubled or put in, and numbers at their limits.
fn mutated(sound: &[u8], seed: u64, trial: u64) -> Vec<u8> {
    const EXTREME: [&[u8]; 10] = [
        &[0xFF; 8],
        &[0; 8],
        &[0x7F, 0xFF, 0xFF, 0xFF],
        &[0xFF, 0xFF, 0xFF, 0x7F],
        &[0x7F, 0xFF],
        &[0xFF, 0x7F],
        &[0, 0, 0xC0, 0x7F],
        &[0xFF; 2],
        b"99999999999",
        b"-1",
    ];
    let mut rng = keyed(seed, trial, "mutation");
    let mut bytes = sound.to_vec();
    for _ in 0..=below(&mut rng, 3) {
        let length = bytes.len() as u64;
        // Headers are at the beginning of most formats.
        let end = if below(&mut rng, 2) == 0 {
            length.min(600)
        } else {
            length
        };
        let at = below(&mut rng, end.max(1)) as usize;
        let to = (at + 1 + below(&mut rng, 40) as usize).min(bytes.len());
        let at = at.min(to);
        match below(&mut rng, 6) {
            0 if at < to => bytes[at] ^= 1 << below(&mut rng, 8),
            1 => bytes.truncate(at),
            2 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => drop(bytes.drain(at..to)),
            4 => {
                let piece: Vec<u8> = (at..to).map(|_| below(&mut rng, 256) as u8).collect();
                bytes.splice(at..at, piece);
            }
            _ => {
                let value = EXTREME[below(&mut rng, EXTREME.len() as u64) as usize];
                let to = (at + value.len()).min(bytes.len());
                bytes.splice(at..to, value.iter().copied());
            }
        }
    }
    bytes
}

/// Writes a folder of own scans, one of the Decathlon's layout, and one of HDF5 files.
fn data_sets(root: &Path) -> Outcome<()> {
    let scan = root.join("goldens/i2.nii.gz");
    let labels = root.join("goldens/u1.nii.gz");
    for (set, images, drawn) in [("own", "images", "labels"), ("msd", "imagesTr", "labelsTr")] {
        for (folder, file) in [(images, &scan), (drawn, &labels)] {
            fs::create_dir_all(root.join(set).join(folder))?;
            fs::copy(file, root.join(set).join(folder).join("a.nii.gz"))?;
        }
        fs::copy(&scan, root.join(set).join(images).join("b.nii.gz"))?;
    }
    let names: Vec<String> = (0..256)
        .map(|value| format!("{value} class{}", value.min(3)))
        .collect();
    fs::write(root.join("own/classes.txt"), names.join("\n"))?;
    fs::write(root.join("own/train.list"), "a\nb\n")?;
    let classes: Vec<String> = (0..256)
        .map(|value| format!("\"{value}\": \"class{value}\""))
        .collect();
    let json = format!(
        "{{\"name\": \"x\", \"labels\": {{{}}}, \"training\": [{{\"image\": \"./imagesTr/a.nii.gz\", \"label\": \"./labelsTr/a.nii.gz\"}}], \"test\": [\"./imagesTr/b.nii.gz\"]}}",
        classes.join(", ")
    );
    fs::write(root.join("msd/dataset.json"), json)?;
    fs::create_dir_all(root.join("Pancreas_h5"))?;
    let mut builder = FileBuilder::new();
    builder
        .create_dataset("image")
        .with_f32_data(&[0.5; 12])
        .with_shape(&[3, 2, 2]);
    builder
        .create_dataset("label")
        .with_u8_data(&[1; 12])
        .with_shape(&[3, 2, 2]);
    fs::write(
        root.join("Pancreas_h5/image0001_norm.h5"),
        builder.finish()?,
    )?;
    fs::copy(
        root.join("Pancreas_h5/image0001_norm.h5"),
        root.join("Pancreas_h5/image0002_norm.h5"),
    )?;
    fs::write(root.join("Pancreas_h5/train.list"), "image0001\n")?;
    fs::write(root.join("Pancreas_h5/test.list"), "image0002\n")?;
    Ok(())
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
