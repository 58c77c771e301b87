//! Orientation and voxel size of training, kept for predictions, and what coarse voxels lose.

use std::path::Path;

use semivox::data::io::{read_labels, read_volume, write_labels, write_volume};
use semivox::data::{Geometry, LabelMap, Orientation, Volume};

use super::{TINY, fail, scan, semivox, succeed, text};

/// Writes a scan with its label map into a folder of scans.
fn write(folder: &Path, id: &str, image: &Volume, labels: &LabelMap) {
    for kind in ["images", "labels"] {
        std::fs::create_dir_all(folder.join(kind)).expect("a folder");
    }
    write_volume(folder.join(format!("images/{id}.nii.gz")), image).expect("a scan");
    write_labels(folder.join(format!("labels/{id}.nii.gz")), labels).expect("a label map");
}

/// Writes two scans with their label maps into a folder of scans, on the grid of `change`.
fn write_two(folder: &Path, change: impl Fn(Geometry) -> Geometry) {
    for number in [0, 2] {
        let (image, labels) = scan(number);
        let image = Volume::new(image.data, change(image.geometry));
        let labels = LabelMap::new(labels.data, image.geometry);
        write(folder, &format!("case{number}"), &image, &labels);
    }
}

/// Returns the settings of a tiny training without those of preprocessing.
fn tiny() -> Vec<&'static str> {
    let preprocessing = |pair: &&[&str]| !pair[1].starts_with("data.preprocess");
    assert!(TINY.len().is_multiple_of(2));
    let pairs = TINY.chunks(2).filter(preprocessing);
    pairs.flatten().copied().collect()
}

/// The presets for public data sets leave orientation and spacing as the files have them.
#[test]
fn a_model_sees_scans_as_its_training_did() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let root = root.path();
    write_two(&root.join("scans"), |geometry| geometry);
    let words = [
        "train",
        "supervised",
        "--task",
        "hippocampus",
        "--data",
        "scans",
        "--labeled",
        "2",
    ];
    let words = [
        &words[..],
        &["--layout", "folder", "--out", "run", "-q"],
        &tiny(),
    ]
    .concat();
    succeed(root, &words);
    let stored = std::fs::read_to_string(root.join("run/config.toml")).expect("the settings");
    for line in ["orientation = \"RAS\"", "spacing_mm = [2.0, 2.0, 2.5]"] {
        assert!(stored.contains(line), "{line}: {stored}");
    }

    // Settings of a run say nothing about the grid of other scans.
    write_two(&root.join("coarse"), |_| {
        Geometry::from_spacing([3.0, 3.0, 4.0])
    });
    let again = [
        "train",
        "--config",
        "run/config.toml",
        "--data",
        "coarse",
        "--out",
        "other",
        "-q",
    ];
    succeed(root, &[&again[..], &["--layout", "folder"]].concat());
    let stored = std::fs::read_to_string(root.join("other/config.toml")).expect("the settings");
    assert!(stored.contains("spacing_mm = [3.0, 3.0, 4.0]"), "{stored}");

    let (image, _) = scan(2);
    for letters in ["RAS", "LPS", "SRA"] {
        let turn =
            Orientation::of(&image.geometry).reorientation_to(letters.parse().expect("letters"));
        let file = format!("new_{letters}.nii.gz");
        write_volume(root.join(&file), &turn.volume(&image)).expect("a scan");
        let predict = [
            "predict",
            "run",
            &file,
            "--out",
            "predicted",
            "--probabilities",
            "-q",
        ];
        succeed(root, &predict);
    }
    let map = |letters: &str| {
        let file = format!("predicted/probabilities/new_{letters}_class_1.nii.gz");
        let map = read_volume(root.join(file)).expect("a probability map");
        let back = Orientation::of(&map.geometry).reorientation_to("RAS".parse().expect("letters"));
        back.volume(&map).data
    };
    let expected = map("RAS");
    let most = expected.fold(0.0, |most: f32, &p| most.max(p));
    let least = expected.fold(1.0, |least: f32, &p| least.min(p));
    assert!(most - least > 1e-3, "{least} to {most}");
    for letters in ["LPS", "SRA"] {
        let apart = (map(letters) - &expected).mapv(f32::abs);
        assert!(apart.iter().all(|&apart| apart < 1e-5), "{letters}");
    }
}

/// A single voxel of 2 mm is no half of one of 8 mm.
#[test]
fn annotations_smaller_than_a_voxel_are_told_and_not_trained_without() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let root = root.path();
    for number in [0, 2] {
        let (image, mut labels) = scan(number);
        if number == 0 {
            labels.data.fill(0);
            (labels.data[[9, 9, 9]], labels.data[[20, 20, 20]]) = (1, 1);
        }
        write(
            &root.join("mixed"),
            &format!("case{number}"),
            &image,
            &labels,
        );
        labels.data.fill(0);
        (labels.data[[9, 9, 9]], labels.data[[20, 20, 20]]) = (1, 1);
        write(
            &root.join("lost"),
            &format!("case{number}"),
            &image,
            &labels,
        );
    }
    let coarse = ["--set", "data.preprocess.spacing_mm=[8.0, 8.0, 8.0]"];
    let train = |folder: &'static str, out: &'static str| {
        let words = [
            "train",
            "supervised",
            "--data",
            folder,
            "--layout",
            "folder",
            "--out",
            out,
        ];
        [&words[..], &tiny(), &coarse].concat()
    };
    let output = semivox(root, &train("mixed", "run"));
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    let expected = "less than half of label 1 (class 1) is left in voxels of 8 × 8 × 8 mm in 1 of 2 labeled cases, such as case0";
    assert!(told.contains(expected), "{told}");
    let told = fail(root, 1, &train("lost", "other"));
    for part in [
        "data.preprocess",
        "none in voxels of 8 × 8 × 8 mm",
        "smaller data.preprocess.spacing_mm",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let kept = read_labels(root.join("lost/labels/case0.nii.gz")).expect("a label map");
    assert_eq!(kept.data.iter().filter(|&&label| label == 1).count(), 2);
}

/// A run stores what it took from its scans, which is no other setting than that of the command.
#[test]
fn a_comparison_finds_runs_that_took_their_grid_from_scans() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let root = root.path();
    let compare = |more: &[&'static str]| {
        let words = [
            "compare",
            "--methods",
            "supervised",
            "--without-controls",
            "-q",
        ];
        let small = ["--labeled", "2", "--set", "data.phantoms=[3, 1]"];
        [&words[..], &["--out", "grid"], &small, &tiny(), more].concat()
    };
    succeed(root, &compare(&[]));
    let stored = std::fs::read_to_string(root.join("grid/supervised_2_0/config.toml"));
    let stored = stored.expect("the settings");
    assert!(
        stored.contains("from_scans = [\"orientation\"]"),
        "{stored}"
    );
    let metrics = || std::fs::metadata(root.join("grid/supervised_2_0/metrics.jsonl"));
    let written = || {
        metrics()
            .and_then(|found| found.modified())
            .expect("a time")
    };
    let before = written();
    succeed(root, &compare(&[]));
    assert_eq!(written(), before);
    let told = fail(
        root,
        1,
        &compare(&["--set", "data.preprocess.orientation=RAS"]),
    );
    assert!(told.contains("data.preprocess.orientation"), "{told}");
}
