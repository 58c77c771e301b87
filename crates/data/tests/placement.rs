//! Label maps lie on their scans in every program: comparison with nibabel and SimpleITK.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};
use semivox_data::io::{read_volume, write_labels, write_volume};
use semivox_data::preprocess::Preprocess;
use semivox_data::{Geometry, LabelMap};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    nifti: Vec<Nifti>,
    itk: Vec<Itk>,
}

/// A scan, and the header of a label map that nibabel and ITK place as they place the scan.
#[derive(Deserialize)]
struct Nifti {
    file: String,
    header: String,
}

/// A scan in another format, and the forms that ITK writes for a label map on it.
#[derive(Deserialize)]
struct Itk {
    file: String,
    sform: [[f64; 4]; 4],
    qform: [[f64; 4]; 4],
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/placement")
}

fn goldens() -> Goldens {
    serde_json::from_slice(&fs::read(folder().join("placement.json")).unwrap()).unwrap()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn predictions_have_the_header_that_every_reader_places_as_the_scan() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("labels.nii");
    let cases = goldens().nifti;
    assert_eq!(cases.len(), 20);
    for case in cases {
        let expected = bytes_of(&case.header);
        let scan = read_volume(folder().join(&case.file)).unwrap();
        let turned = Preprocess {
            orientation: Some("SLP".parse().unwrap()),
            spacing_mm: Some([scan.spacing()[1]; 3]),
            ..Preprocess::default()
        };
        for steps in [Preprocess::default(), turned] {
            let prepared = steps.apply(&scan).unwrap();
            let [x, y, z] = prepared.image.shape();
            let probabilities = Array4::<f32>::zeros((2, x, y, z));
            let labels = prepared
                .restore_probabilities(probabilities.view())
                .unwrap();
            write_labels(&path, &labels).unwrap();
            let written = fs::read(&path).unwrap();
            assert_eq!(written[..348], expected[..], "{}", case.file);
            let map = prepared
                .restore_probability(probabilities.view(), 1)
                .unwrap();
            write_volume(&path, &map).unwrap();
            let written = fs::read(&path).unwrap();
            // Besides the type of the voxels.
            assert_eq!(written[74..348], expected[74..], "{}", case.file);
        }
        let labels = LabelMap::new(Array3::zeros(scan.data.dim()), scan.geometry);
        write_labels(&path, &labels.with_header_of(&scan)).unwrap();
        assert_eq!(
            fs::read(&path).unwrap()[..348],
            expected[..],
            "{}",
            case.file
        );
    }
}

#[test]
fn the_header_of_another_grid_is_not_taken_over() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("labels.nii");
    let scan = read_volume(folder().join("disagree.nii")).unwrap();
    let written = |labels: LabelMap| {
        write_labels(&path, &labels.with_header_of(&scan)).unwrap();
        let bytes = fs::read(&path).unwrap();
        (
            bytes[252..256].to_vec(),
            read_volume(&path).unwrap().geometry,
        )
    };
    let dim = scan.data.dim();
    let codes = vec![1, 0, 2, 0];
    assert_eq!(
        written(LabelMap::new(Array3::zeros(dim), scan.geometry)).0,
        codes
    );
    let moved = scan.geometry.translated([1.0, 0.0, 0.0]);
    let (found, geometry) = written(LabelMap::new(Array3::zeros(dim), moved));
    assert_ne!(found, codes);
    assert!(geometry.approx_eq(&moved, 1e-4));
    let (found, _) = written(LabelMap::new(Array3::zeros((2, 2, 2)), scan.geometry));
    assert_ne!(found, codes);
}

#[test]
fn on_scans_of_other_formats_predictions_lie_where_itk_writes_them() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("labels.nii");
    for case in goldens().itk {
        let scan = read_volume(folder().join(&case.file)).unwrap();
        let labels = LabelMap::new(Array3::zeros(scan.data.dim()), scan.geometry);
        write_labels(&path, &labels.with_header_of(&scan)).unwrap();
        let written = fs::read(&path).unwrap();
        assert_eq!(written[252..256], [1, 0, 1, 0], "{}", case.file);
        let mut by_qform = written.clone();
        by_qform[254] = 0;
        for (bytes, affine) in [(written, case.sform), (by_qform, case.qform)] {
            fs::write(&path, bytes).unwrap();
            let found = read_volume(&path).unwrap().geometry;
            let difference = found.max_difference(&Geometry { affine });
            assert!(difference < 1e-4, "{}: {difference}", case.file);
        }
    }
}

#[test]
fn what_is_doubtful_is_noted() {
    for (file, part) in [
        ("placement/disagree.nii", Some("half a voxel apart")),
        (
            "placement/zero_sform.nii",
            Some("its sform is singular; it is placed by its qform"),
        ),
        ("placement/nan_sform.nii", Some("its sform is singular")),
        (
            "placement/neither.nii",
            Some("which side is left is not known"),
        ),
        (
            "placement/sheared_only.nii",
            Some("degrees off right angles (sheared)"),
        ),
        ("placement/rounded.nii", None),
        ("placement/microns.nii", None),
        ("placement/singular_qform.nii", None),
        (
            "formats/no_space.nrrd",
            Some("left-posterior-superior, as ITK"),
        ),
        ("formats/i2.mha", None),
        (
            "formats/ends.nrrd",
            Some(
                "voxels of 1 mm are assumed, as ITK does; its axis mins and maxs give its origin alone",
            ),
        ),
        ("formats/mins.nrrd", Some("it has no spacings")),
        (
            "formats/flat_mins.nrrd",
            Some("left-posterior-superior, as ITK"),
        ),
    ] {
        let scan = read_volume(folder().join("..").join(file)).unwrap();
        let notes = scan.header().unwrap().notes().join("; ");
        let number = match file {
            "formats/ends.nrrd" | "formats/mins.nrrd" => 2,
            _ => usize::from(part.is_some()),
        };
        assert_eq!(
            scan.header().unwrap().notes().len(),
            number,
            "{file}: {notes}"
        );
        match part {
            Some(part) => assert!(notes.contains(part), "{file}: {notes}"),
            None => assert_eq!(notes, "", "{file}"),
        }
    }
}
