//! Tests on real data, from `SEMIVOX_DATA` or `../shared/data` beside the workspace, if available.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use semivox_data::io::read_volume;
use semivox_data::layout::{self, Layout};
use semivox_data::{Dataset, LabeledCase, Source, UnlabeledCase, check_labels};

/// The folders `names` of the real data; if one is absent, `None` after a line that says that `test` was skipped.
fn data<const N: usize>(test: &str, names: [&str; N]) -> Option<[PathBuf; N]> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let root = std::env::var_os("SEMIVOX_DATA").map_or_else(default, PathBuf::from);
    let folders = names.map(|name| root.join(name));
    match folders.iter().find(|folder| !folder.is_dir()) {
        None => Some(folders),
        Some(absent) => {
            let reason = format!("no real data at `{}`; set SEMIVOX_DATA", absent.display());
            skipped(test, &reason);
            None
        }
    }
}

/// Says on standard error that a test was skipped; `.ci/run` counts these lines. libtest captures what `println!` and
/// `eprintln!` write, but not what is written to the stream itself.
fn skipped(test: &str, reason: &str) {
    let line = format!("skipped: {test} ({reason})\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn case<'a>(dataset: &'a Dataset, id: &str) -> &'a LabeledCase {
    dataset
        .labeled
        .iter()
        .chain(&dataset.test)
        .find(|case| case.id == id)
        .unwrap()
}

/// The largest difference between two versions of a case's image; labels must be equal.
fn difference(a: &LabeledCase, b: &LabeledCase) -> f32 {
    let ((image, label), (other, other_label)) = (a.load().unwrap(), b.load().unwrap());
    assert_eq!(image.shape(), other.shape());
    assert_eq!(label.data, other_label.data);
    image
        .first()
        .data
        .iter()
        .zip(&other.first().data)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn la_as_nifti_equals_la_as_hdf5() {
    let Some([nifti, hdf5]) = data("la_as_nifti_equals_la_as_hdf5", ["la", "la_h5"]) else {
        return;
    };
    assert_eq!(layout::detect(&nifti).unwrap(), Layout::La);
    assert_eq!(layout::detect(&hdf5).unwrap(), Layout::La);
    let (nifti, hdf5) = (layout::open(nifti).unwrap(), layout::open(hdf5).unwrap());
    assert_eq!((nifti.labeled.len(), nifti.test.len()), (80, 10));
    assert_eq!(nifti.labeled[1].id, "0RZDK210BSMWAA6467LU");
    let few = nifti.clone().keep_labeled(8).unwrap();
    assert_eq!((few.labeled.len(), few.unlabeled.len()), (8, 72));

    let other = &hdf5.labeled[0];
    let largest = difference(case(&nifti, &other.id), other);
    println!("largest difference {largest:e}");
    assert!(largest < 1e-4);
    assert_eq!(other.load().unwrap().0.spacing(), [0.625; 3]);
}

#[test]
fn acdc_as_nifti_equals_acdc_as_hdf5() {
    let Some([nifti, hdf5]) = data("acdc_as_nifti_equals_acdc_as_hdf5", ["acdc", "acdc_h5"]) else {
        return;
    };
    assert_eq!(layout::detect(&nifti).unwrap(), Layout::Acdc);
    assert_eq!(layout::detect(&hdf5).unwrap(), Layout::Acdc);
    let (nifti, hdf5) = (layout::open(nifti).unwrap(), layout::open(hdf5).unwrap());
    assert_eq!((nifti.labeled.len(), nifti.test.len()), (140, 20));
    assert_eq!((hdf5.labeled.len(), hdf5.test.len()), (1, 1));
    for other in hdf5.labeled.iter().chain(&hdf5.test) {
        let largest = difference(case(&nifti, &other.id), other);
        println!("{}: largest difference {largest:e}", other.id);
        // The NIfTI files store 8 bits of each image's range.
        assert!(largest < 0.5 / 255.0 + 1e-6);
        let (_, labels) = other.load().unwrap();
        check_labels(&labels, nifti.classes.len()).unwrap();
    }
}

#[test]
fn a_damaged_hdf5_file_is_refused_by_name() {
    let Some([root]) = data("a_damaged_hdf5_file_is_refused_by_name", ["la_h5"]) else {
        return;
    };
    let dataset = layout::open(root).unwrap();
    let Source::Hdf5 {
        path,
        axes,
        spacing_mm,
        ..
    } = dataset.labeled[0].image.clone()
    else {
        panic!("HDF5 expected")
    };
    let bytes = std::fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.h5");
    let load = |name: &str| {
        let image = Source::Hdf5 {
            path: copy.clone(),
            dataset: name.into(),
            axes,
            spacing_mm,
        };
        UnlabeledCase {
            id: "copy".into(),
            image,
        }
        .load()
    };
    for length in [0, 7, 100, 3000, bytes.len() / 4, bytes.len() / 2] {
        std::fs::write(&copy, &bytes[..length]).unwrap();
        let message = load("image").unwrap_err().to_string();
        assert!(
            message.contains("copy.h5") && message.contains("again"),
            "{length}: {message}"
        );
    }
    std::fs::write(&copy, &bytes).unwrap();
    assert!(load("image").is_ok());
    let message = load("picture").unwrap_err().to_string();
    assert!(
        message.contains("copy.h5") && message.contains("`picture`"),
        "{message}"
    );
}

#[test]
fn every_hippocampus_loads() {
    let Some([root]) = data("every_hippocampus_loads", ["hippocampus"]) else {
        return;
    };
    assert_eq!(layout::detect(&root).unwrap(), Layout::Msd);
    let dataset = layout::open(root).unwrap();
    assert_eq!(dataset.classes, ["background", "Anterior", "Posterior"]);
    assert_eq!(dataset.labeled.len(), 200);
    for case in &dataset.labeled {
        let (_, labels) = case.load().unwrap();
        check_labels(&labels, 3).unwrap();
        assert!(check_labels(&labels, 2).is_err(), "{}", case.id);
    }
}

#[test]
fn every_fifth_hippocampus_is_held_out() {
    let Some([root]) = data("every_fifth_hippocampus_is_held_out", ["hippocampus"]) else {
        return;
    };
    let list = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../splits/hippocampus_test.list"
    );
    let test = layout::HoldOut::read(list).unwrap();
    let all = layout::open(&root).unwrap().labeled;
    let fifths: Vec<&LabeledCase> = all.iter().skip(4).step_by(5).collect();
    let split = layout::open_split(&root, &test, "10%".parse().unwrap()).unwrap();
    assert!(split.test.iter().eq(fifths));
    assert_eq!((split.labeled.len(), split.unlabeled.len()), (16, 144));
}

#[test]
fn ten_la_images_read_quickly() {
    let Some([root]) = data("ten_la_images_read_quickly", ["la"]) else {
        return;
    };
    let dataset = layout::open(root).unwrap();
    let start = Instant::now();
    for case in &dataset.labeled[..10] {
        read_volume(case.image.to_string()).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("ten LA images in {seconds:.3} s");
    // Ten times the time on an idle desktop, since tests share the machine.
    assert!(seconds < 2.5);
}
