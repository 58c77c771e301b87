//! Mended copies of data sets.

#![allow(clippy::unwrap_used)]

mod own_scans;
mod public;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array3, s};
use semivox_data::io::{write_labels, write_volume};
use semivox_data::layout::mend::{Mended, mend};
use semivox_data::{Geometry, LabelMap, Volume};

/// Spacing and position of all scans.
fn geometry() -> Geometry {
    Geometry::from_spacing([1.0, 1.0, 2.0]).translated([-10.0, 5.0, 3.0])
}

const SHAPE: [usize; 3] = [6, 5, 4];

fn image(root: &Path, name: &str) {
    let path = root.join("images").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data = Array3::from_shape_fn(SHAPE, |(x, y, z)| (x + 7 * y + 31 * z) as f32);
    write_volume(path, &Volume::new(data, geometry())).unwrap();
}

/// Labels 1 and 2 in different corners.
fn labels() -> LabelMap {
    let mut data = Array3::zeros(SHAPE);
    data.slice_mut(s![1..3, 1..4, 1..3]).fill(1);
    data[[4, 1, 2]] = 2;
    LabelMap::new(data, geometry())
}

fn label(root: &Path, name: &str, labels: &LabelMap) {
    let path = root.join("labels").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_labels(path, labels).unwrap();
}

fn mended(root: &Path) -> (PathBuf, Mended) {
    let out = root.with_file_name("mended");
    let result = mend(root, &out, &|_, _| ()).unwrap();
    (out, result)
}

fn setup() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scans");
    fs::create_dir(&root).unwrap();
    (folder, root)
}
