//! Tests of the `semivox` command: its effects on folders, messages and exit codes.

mod budget;
mod docs;
mod examples;
mod grids;
mod leaks;
mod mistakes;
mod models;
mod resume;
mod scan_mistakes;
mod validation;
mod workflow;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array3;
use semivox::data::Orientation;
use semivox::data::io::{write_labels, write_volume};
use semivox::prelude::*;

/// Settings so small that a run takes seconds.
const TINY: [&str; 12] = [
    "--iterations",
    "4",
    "--set",
    "patch=[32, 32, 32]",
    "--set",
    "network.filters=1",
    "--set",
    "inference={ window = [32, 32, 32], stride = [32, 32, 32], blend = \"uniform\" }",
    "--set",
    "data.preprocess.spacing_mm=[2.0, 2.0, 2.0]",
    "--set",
    "network.dropout=0.0",
];

/// Runs the command in `folder`.
fn semivox(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semivox"));
    let command = command.current_dir(folder).args(arguments);
    command.output().expect("the command starts")
}

/// Parses a line of JSON.
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("one line of JSON")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that must succeed, and returns its standard output.
fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = semivox(folder, arguments);
    let error = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    text(&output.stdout)
}

/// Runs a command that must fail with `code`, and returns its message.
fn fail(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = semivox(folder, arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// Returns the arguments of a tiny training.
fn train<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["train"], words, &TINY].concat()
}

/// Trains a tiny supervised run on `scans/` into `run`.
fn trained(folder: &Path, run: &str) {
    let words = ["train", "supervised", "--data", "scans", "--out", run, "-q"];
    succeed(folder, &[&words[..], &TINY].concat());
}

/// Intensity from 0 to 39 of blocks of 4 voxels, by which scans of different numbers differ as those of patients do.
fn tissue(voxel: [usize; 3], number: usize) -> f32 {
    let [x, y, z] = voxel.map(|index| index as u64 / 4);
    let key = [x, y, z, number as u64]
        .into_iter()
        .fold(7, |key: u64, part| {
            (key ^ part).wrapping_mul(0x0100_0000_01b3)
        });
    let mixed = (key ^ (key >> 13)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 40) % 40) as f32
}

/// Makes a scan with a bright ball, and the label map of the ball.
fn scan(number: usize) -> (Volume, LabelMap) {
    let geometry = Geometry::from_spacing([2.0, 2.0, 2.5]).translated([number as f64, 0.0, -7.0]);
    let center = 15.0 + number as f64;
    let inside = |x: usize, y: usize, z: usize| {
        (x as f64 - center).powi(2) + (y as f64 - 16.0).powi(2) + (z as f64 - 12.0).powi(2) < 60.0
    };
    let shape = (34, 32, 26);
    let image = Array3::from_shape_fn(shape, |(x, y, z)| {
        let noise = ((x * 7 + y * 13 + z * 5 + number) % 11) as f32 + tissue([x, y, z], number);
        if inside(x, y, z) { 90.0 + noise } else { noise }
    });
    let labels = Array3::from_shape_fn(shape, |(x, y, z)| u8::from(inside(x, y, z)));
    // One of them is stored in another orientation.
    let stored = if number == 1 { "PSR" } else { "RAS" };
    let turn = Orientation::of(&geometry).reorientation_to(stored.parse().expect("an orientation"));
    (
        turn.volume(&Volume::new(image, geometry)),
        turn.labels(&LabelMap::new(labels, geometry)),
    )
}

/// Makes a folder of scans: `labeled` of the `images` have a label map in `labels/`, all have one in `drawn/`.
fn scans(images: usize, labeled: usize) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a temporary folder");
    for folder in ["scans/images", "scans/labels", "drawn"] {
        std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
    }
    for number in 0..images {
        let (image, labels) = scan(number);
        let file = |folder: &str| root.path().join(format!("{folder}/case{number}.nii.gz"));
        write_volume(file("scans/images"), &image).expect("a scan");
        write_labels(file("drawn"), &labels).expect("a label map");
        if number < labeled {
            write_labels(file("scans/labels"), &labels).expect("a label map");
        }
    }
    let path = root.path().to_path_buf();
    (root, path)
}
