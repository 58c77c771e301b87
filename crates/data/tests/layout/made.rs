//! Temporary folders for the tests, and helpers to read them.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox_data::io::{write_labels, write_volume};
use semivox_data::{DataError, Dataset, Geometry, LabelMap, Volume};
use tempfile::TempDir;

pub fn image(root: &Path, name: &str) {
    image_of(root, name, [1.0; 3]);
}

/// An image of this voxel size.
pub fn image_of(root: &Path, name: &str, spacing: [f64; 3]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let geometry = Geometry::from_spacing(spacing);
    write_volume(path, &Volume::new(Array3::zeros((3, 2, 2)), geometry)).unwrap();
}

pub fn label(root: &Path, name: &str, largest: u8) {
    label_of(root, name, largest, [1.0; 3]);
}

/// A label map of this voxel size.
pub fn label_of(root: &Path, name: &str, largest: u8, spacing: [f64; 3]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut data = Array3::zeros((3, 2, 2));
    data[[1, 1, 1]] = largest;
    let geometry = Geometry::from_spacing(spacing);
    write_labels(path, &LabelMap::new(data, geometry)).unwrap();
}

/// `images/` with a, b, c, d and `labels/` with a, b, c.
pub fn own() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for id in ["a", "b", "c", "d"] {
        image(root.path(), &format!("images/{id}.nii.gz"));
    }
    for (id, largest) in [("a", 1), ("b", 3), ("c", 0)] {
        label(root.path(), &format!("labels/{id}.nii"), largest);
    }
    root
}

pub fn text(root: &TempDir, name: &str, content: &str) {
    fs::write(root.path().join(name), content).unwrap();
}

pub fn labeled(dataset: &Dataset) -> Vec<&str> {
    dataset
        .labeled
        .iter()
        .map(|case| case.id.as_str())
        .collect()
}

pub fn unlabeled(dataset: &Dataset) -> Vec<&str> {
    dataset
        .unlabeled
        .iter()
        .map(|case| case.id.as_str())
        .collect()
}

pub fn tested(dataset: &Dataset) -> Vec<&str> {
    dataset.test.iter().map(|case| case.id.as_str()).collect()
}

#[track_caller]
pub fn refused(outcome: Result<Dataset, DataError>, parts: &[&str]) {
    let message = outcome.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}
