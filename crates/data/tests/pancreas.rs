//! Pancreas-CT: the field's HDF5 files, and CT in Hounsfield units as NIfTI.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use hdf5_pure::FileBuilder;
use semivox_data::layout::{self, Layout, pancreas};
use semivox_data::phantom::{PhantomConfig, PhantomKind, write_dataset};
use semivox_data::preprocess::{Intensity, Preprocess};
use semivox_data::{DataError, Dataset, LabelMap, LabeledCase};

/// Writes a scan of 3×2×2 voxels whose first intensity is `mark`, and its label map.
fn hdf5(path: &Path, mark: f32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut builder = FileBuilder::new();
    let mut image = [0.5_f32; 12];
    image[0] = mark;
    let mut label = [0_u8; 12];
    label[7] = 1;
    let shape = [3, 2, 2];
    builder
        .create_dataset("image")
        .with_f32_data(&image)
        .with_shape(&shape);
    builder
        .create_dataset("label")
        .with_u8_data(&label)
        .with_shape(&shape);
    fs::write(path, builder.finish().unwrap()).unwrap();
}

/// Function from a number to a file name.
type Name = fn(usize) -> String;

/// Four scans in `folder`.
fn scans(folder: &str, name: Name) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for number in 1..=4 {
        hdf5(
            &root.path().join(folder).join(name(number)),
            number as f32 / 8.0,
        );
    }
    root
}

fn normalized(number: usize) -> String {
    format!("image{number:04}_norm.h5")
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn ids(cases: &[LabeledCase]) -> Vec<&str> {
    cases.iter().map(|case| case.id.as_str()).collect()
}

#[track_caller]
fn refused(outcome: Result<Dataset, DataError>, parts: &[&str]) {
    let message = outcome.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn the_fields_files_and_lists_are_read() {
    for (train, test) in [
        ("train.list", "test.list"),
        ("Flods/train0.list", "Flods/test0.list"),
    ] {
        let root = scans("Pancreas_h5", normalized);
        write(
            root.path(),
            train,
            "image0003\nimage0001_norm.h5\nimage0004_norm\n",
        );
        write(root.path(), test, "image0002.h5\n");
        assert_eq!(layout::detect(root.path()).unwrap(), Layout::Pancreas);
        let dataset = layout::open_labeled(root.path(), 2.into()).unwrap();
        assert_eq!(
            (dataset.name.as_str(), &dataset.classes[1][..]),
            ("Pancreas-CT", "pancreas")
        );
        assert_eq!(ids(&dataset.labeled), ["image0003", "image0001"]);
        assert_eq!(dataset.unlabeled[0].id, "image0004");
        assert_eq!(ids(&dataset.test), ["image0002"]);
        let (image, labels) = dataset.labeled[0].load_checked(2).unwrap();
        assert_eq!((image.shape(), image.spacing()), ([3, 2, 2], [1.0; 3]));
        assert_eq!(
            (image.first().data[[0, 0, 0]], image.first().data[[2, 1, 1]]),
            (0.375, 0.5)
        );
        assert_eq!((labels.data[[1, 1, 1]], labels.values().len()), (1, 2));
    }
}

#[test]
fn other_names_and_places_are_found_without_lists() {
    let named: [(&str, Name); 4] = [
        ("", |n| format!("image{n:04}.h5")),
        ("data", normalized),
        ("Pancreas_h5", |n| format!("data{n}.h5")),
        ("", |n| format!("data{n}_norm.h5")),
    ];
    for (folder, name) in named {
        let root = scans(folder, name);
        assert_eq!(layout::detect(root.path()).unwrap(), Layout::Pancreas);
        let dataset = layout::open(root.path()).unwrap();
        let expected: Vec<String> = (1..=4).map(|n| name(n).replace("_norm", "")).collect();
        let found: Vec<String> = dataset
            .labeled
            .iter()
            .map(|case| case.id.clone() + ".h5")
            .collect();
        assert_eq!(found, expected);
        assert!(dataset.test.is_empty() && dataset.unlabeled.is_empty());
    }
}

#[test]
fn mistakes_are_named() {
    let root = scans("Pancreas_h5", normalized);
    write(root.path(), "train.list", "image0001\nimage0009\n");
    refused(layout::open(root.path()), &["train.list", "`image0009`"]);
    write(root.path(), "train.list", "image0001\n");
    write(root.path(), "test.list", "image0001_norm\n");
    refused(
        layout::open(root.path()),
        &["train.list", "`image0001` in both"],
    );
    fs::remove_file(root.path().join("test.list")).unwrap();
    hdf5(&root.path().join("Pancreas_h5/image0001.h5"), 0.0);
    refused(
        layout::open(root.path()),
        &["one file for `image0001`", "remove"],
    );

    let root = tempfile::tempdir().unwrap();
    for other in [
        "image.h5",
        "images0001.h5",
        "data_1.h5",
        "image0001_norm.nii",
    ] {
        write(root.path(), other, "");
    }
    refused(layout::open(root.path()), &["HDF5 cases"]);
    refused(
        pancreas::open(root.path()),
        &["imageNNNN_norm.h5", "check the path"],
    );
}

#[test]
fn the_other_layouts_are_told_apart() {
    let kinds = [
        ("one/mri_norm2.h5", Layout::La),
        ("patient001_frame01_slice_1.h5", Layout::Acdc),
        ("images/image0001.nii.gz", Layout::Folder),
        ("dataset.json", Layout::Msd),
    ];
    for (file, layout) in kinds {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), file, "");
        assert_eq!(layout::detect(root.path()).unwrap(), layout, "{file}");
        write(root.path(), "Pancreas_h5/image0001_norm.h5", "");
        assert_eq!(layout::detect(root.path()).unwrap(), layout, "{file}");
    }
}

fn dice(a: &LabelMap, b: &LabelMap) -> f64 {
    let both = std::iter::zip(&a.data, &b.data)
        .filter(|&(&a, &b)| a == 1 && b == 1)
        .count();
    let sum = a.data.iter().chain(&b.data).filter(|&&l| l == 1).count();
    2.0 * both as f64 / sum as f64
}

#[test]
fn hounsfield_units_are_windowed_and_resampled_and_labels_go_back() {
    let root = tempfile::tempdir().unwrap();
    let config = PhantomConfig {
        shape: [64, 64, 40],
        ..PhantomConfig::of(PhantomKind::Abdomen)
    };
    write_dataset(root.path(), 2, 1, &config).unwrap();
    let steps = Preprocess {
        spacing_mm: Some([1.0; 3]),
        intensity: Intensity::Window {
            low: -125.0,
            high: 275.0,
        },
        ..Preprocess::default()
    };
    for case in &layout::open(root.path()).unwrap().labeled {
        let (image, labels) = case.load_checked(2).unwrap();
        assert!(image.spacing().iter().all(|side| (side - 2.0).abs() < 1e-5));
        assert!(
            image.first().data.iter().any(|&x| x < -900.0)
                && image.first().data.iter().any(|&x| x > 300.0)
        );
        let (scan, target) = steps.apply_labeled(&image, &labels).unwrap();
        assert!(
            scan.image
                .spacing()
                .iter()
                .all(|side| (side - 1.0).abs() < 1e-5)
        );
        let near_double =
            |axis: usize| scan.image.shape()[axis].abs_diff(2 * image.shape()[axis]) < 2;
        assert!((0..3).all(near_double), "{:?}", scan.image.shape());
        let (low, high) =
            scan.image
                .first()
                .data
                .iter()
                .fold((1.0_f32, 0.0_f32), |(low, high), &x| {
                    assert!((0.0..=1.0).contains(&x));
                    (low.min(x), high.max(x))
                });
        assert_eq!((low, high), (0.0, 1.0));
        let back = scan.restore_labels(&target).unwrap();
        assert_eq!(back.shape(), labels.shape());
        println!("Dice {:.4}", dice(&back, &labels));
        assert!(dice(&back, &labels) > 0.95, "{}", dice(&back, &labels));
    }
}
