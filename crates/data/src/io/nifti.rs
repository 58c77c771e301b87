//! NIfTI-1 images and label maps.

use std::path::Path;
use std::sync::OnceLock;

use ndarray::Array3;
use rayon::prelude::*;

use super::header::Raw;
use super::voxels::decode;
use crate::{DataError, LabelMap, Volume};

/// A scaled label may be this far from a whole number.
const LABEL_TOLERANCE: f64 = 1e-4;

/// Reads an image from a NIfTI-1 file, `.nii` or `.nii.gz`.
///
/// Any integer or floating-point type up to 64 bits in either byte order is
/// taken; slope and intercept are applied. The affine is the sform if there is
/// one, else the qform, else the voxel sizes alone, in millimeters (a file in
/// meters or micrometers is converted).
///
/// # Shapes
///
/// Files of more than three axes are read if the further ones have length 1.
///
/// # Errors
///
/// [`DataError::Missing`], [`DataError::Io`], [`DataError::Truncated`],
/// [`DataError::NonFinite`], and [`DataError::Unexpected`] for other formats,
/// types and shapes.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::io::{read_volume, write_volume};
/// use semivox_data::{Geometry, Volume};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scan.nii.gz");
/// let volume = Volume::new(Array3::from_elem((4, 3, 2), 0.5), Geometry::from_spacing([1.0, 1.0, 3.0]));
/// write_volume(&path, &volume)?;
/// assert_eq!(read_volume(&path)?, volume);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_volume(path: impl AsRef<Path>) -> Result<Volume, DataError> {
    let path = path.as_ref();
    let raw = Raw::read(path)?;
    let data = decode(&raw, |value| value as f32);
    check_finite(path, &data)?;
    Ok(Volume::new(data, raw.geometry))
}

/// Reads a label map from a NIfTI-1 file of any numeric type.
///
/// # Errors
///
/// As [`read_volume`], and [`DataError::LabelValue`] for a value that is not a
/// whole number from 0 to 255.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::io::{read_labels, write_labels};
/// use semivox_data::{Geometry, LabelMap};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("labels.nii.gz");
/// let labels = LabelMap::new(array![[[0, 1, 2]]], Geometry::default());
/// write_labels(&path, &labels)?;
/// assert_eq!(read_labels(&path)?, labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap, DataError> {
    let path = path.as_ref();
    let raw = Raw::read(path)?;
    let bad = OnceLock::new();
    let data = decode(&raw, |value| to_label(value, &bad));
    check_label_value(path, bad)?;
    Ok(LabelMap::new(data, raw.geometry))
}

/// The label nearest to `value`, which is noted in `bad` if it is none.
pub(super) fn to_label(value: f64, bad: &OnceLock<f64>) -> u8 {
    let label = value.round();
    if !((value - label).abs() <= LABEL_TOLERANCE && (0.0..=255.0).contains(&label)) {
        // A value noted before this one will do as well.
        let _ = bad.set(value);
    }
    label as u8
}

pub(super) fn check_label_value(path: &Path, bad: OnceLock<f64>) -> Result<(), DataError> {
    match bad.into_inner() {
        Some(value) => Err(DataError::LabelValue {
            path: path.to_path_buf(),
            value,
        }),
        None => Ok(()),
    }
}

/// Refuses NaN and infinite voxels, among them those too large for `f32`.
pub(super) fn check_finite(path: &Path, data: &Array3<f32>) -> Result<(), DataError> {
    let finite = |values: &[f32]| {
        values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
    };
    if data
        .as_slice()
        .is_some_and(|values| values.par_chunks(1 << 16).all(finite))
    {
        return Ok(());
    }
    let mut wrong = data
        .indexed_iter()
        .filter(|(_, value)| !value.is_finite())
        .map(|(index, _)| index.into());
    let Some(first) = wrong.next() else {
        return Ok(());
    };
    Err(DataError::NonFinite {
        path: path.to_path_buf(),
        count: 1 + wrong.count(),
        first,
    })
}
