//! Reading and writing of files: comparison with nibabel, round trips, damaged files.

#![allow(clippy::unwrap_used)]

mod damage;
mod grids;
mod hdf5;
mod nibabel;
mod round_trips;
mod values;

use std::path::{Path, PathBuf};

use ndarray::Array3;
use semivox_data::Geometry;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    file: String,
    shape: Vec<usize>,
    affine: Option<[[f64; 4]; 4]>,
    values: Vec<f64>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// What nibabel reads from the golden files.
fn descriptions() -> Vec<Golden> {
    let text = std::fs::read(goldens().join("nifti.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn oblique() -> Geometry {
    Geometry {
        affine: descriptions()[0].affine.unwrap(),
    }
}

fn ramp() -> Array3<f32> {
    Array3::from_shape_fn((19, 4, 3), |(x, y, z)| (x * 100 + y * 10 + z) as f32 - 0.5)
}
