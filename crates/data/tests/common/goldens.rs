//! Files with the voxels and the matrix that another library reads from them.

use std::fs;
use std::path::{Path, PathBuf};

use semivox_data::io::read_volume;
use semivox_data::{Geometry, Volume};
use serde::Deserialize;

/// A file, and its content as read by the other library.
#[derive(Deserialize)]
pub struct Golden {
    pub file: String,
    shape: [usize; 3],
    affine: [[f64; 4]; 4],
    values: Vec<f64>,
}

/// Returns the folder of the files of this name.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/goldens")
        .join(name)
}

/// Reads `NAME.json` in the folder of this name.
pub fn goldens(name: &str) -> Vec<Golden> {
    let text = fs::read(folder(name).join(format!("{name}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

impl Golden {
    /// Reads the file and checks its shape and voxels; the matrix is to be compared by the caller.
    pub fn read(&self, name: &str) -> (Volume, Geometry) {
        let file = &self.file;
        let volume = read_volume(folder(name).join(file)).unwrap();
        assert_eq!(volume.shape(), self.shape, "{file}");
        assert_eq!(volume.data.len(), self.values.len(), "{file}");
        for (found, expected) in volume.data.iter().zip(&self.values) {
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= expected.abs() * 1e-6,
                "{file}: {found}, not {expected}"
            );
        }
        let affine = self.affine;
        (volume, Geometry { affine })
    }
}
