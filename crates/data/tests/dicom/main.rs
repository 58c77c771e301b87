//! DICOM series: comparison with SimpleITK, and everything that is refused or noted.

#![allow(clippy::unwrap_used)]

mod folders;
mod grids;
mod patients;
mod reading;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};

use semivox_data::io::read_volume;
use tempfile::TempDir;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/dicom")
}

/// Little-endian bytes of a tag.
fn tag(group: u16, element: u16) -> [u8; 4] {
    let [a, b] = group.to_le_bytes();
    let [c, d] = element.to_le_bytes();
    [a, b, c, d]
}

/// A copy of a golden series.
fn copy(series: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(goldens().join(series)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Replaces a value of an explicit element with a short length; the length may change.
fn set(file: &Path, at: [u8; 4], value: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let place = bytes
        .windows(4)
        .position(|window| window == at)
        .expect("the element");
    let length = u16::from_le_bytes([bytes[place + 6], bytes[place + 7]]);
    let length_now = (value.len() as u16).to_le_bytes();
    bytes[place + 6..place + 8].copy_from_slice(&length_now);
    bytes.splice(
        place + 8..place + 8 + usize::from(length),
        value.iter().copied(),
    );
    fs::write(file, bytes).unwrap();
}

fn message(folder: &Path) -> String {
    let error = read_volume(folder).expect_err("a refusal").to_string();
    assert!(!error.contains("Secret"), "{error}");
    error
}
