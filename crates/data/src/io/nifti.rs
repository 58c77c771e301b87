//! Images and label maps in files that say themselves where they lie: NIfTI-1 and NRRD.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array3;
use rayon::prelude::*;

use super::header::Raw;
use super::voxels::decode;
use crate::{DataError, LabelMap, LabelValues, Volume};

/// A scaled label may be this far from a whole number.
const LABEL_TOLERANCE: f64 = 1e-4;

/// So many values are listed in a message.
const LISTED: usize = 16;

/// Reads an image from a NIfTI-1 file, `.nii` or `.nii.gz`, or from an NRRD file with its voxels
/// attached, raw or gzip; the content tells which.
///
/// Any integer or floating-point type up to 64 bits in either byte order is
/// taken. Of NIfTI, slope and intercept are applied, and the affine is the sform if there is
/// one, else the qform, else the voxel sizes alone, in millimeters (a file in
/// meters or micrometers is converted). Of NRRD, the affine is that of `space directions` and
/// `space origin`, taken from `space` to the frame of NIfTI, else the `spacings` alone.
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
    Ok(Volume::new(data, raw.layout.geometry))
}

/// Reads a label map from a NIfTI-1 or NRRD file of any numeric type.
///
/// # Errors
///
/// As [`read_volume`]; [`DataError::LabelValue`] for a value that is not a
/// whole number, [`DataError::LabelValues`] for one that is not from 0 to 255.
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
    if bad.get().is_some() {
        let found = values_found(&raw, path)?;
        return Err(DataError::LabelValues {
            path: path.to_path_buf(),
            found: listed(&found),
        });
    }
    Ok(LabelMap::new(data, raw.layout.geometry))
}

/// Reads a label map whose voxels hold `values`.
pub(super) fn read_mapped_labels(path: &Path, values: &LabelValues) -> Result<LabelMap, DataError> {
    let raw = Raw::read(path)?;
    let bad = AtomicBool::new(false);
    let class =
        |value: f64| whole(value).and_then(|value| values.class(u32::try_from(value).ok()?));
    let data = decode(&raw, |value| {
        class(value).unwrap_or_else(|| {
            bad.store(true, Ordering::Relaxed);
            0
        })
    });
    if bad.into_inner() {
        let mut found = values_found(&raw, path)?;
        found.retain(|&value| class(value as f64).is_none());
        return Err(DataError::LabelNotDescribed {
            path: path.to_path_buf(),
            classes: values.classes(),
            described: values.to_string(),
            found: listed(&found),
        });
    }
    Ok(LabelMap::new(data, raw.layout.geometry))
}

/// The whole number that a voxel stands for.
fn whole(value: f64) -> Option<i64> {
    let number = value.round();
    let near = (value - number).abs() <= LABEL_TOLERANCE && number.abs() <= f64::from(u32::MAX);
    near.then_some(number as i64)
}

/// The values of a label map in ascending order, or its first value that is
/// no whole number as an error.
fn values_found(raw: &Raw, path: &Path) -> Result<Vec<i64>, DataError> {
    let mut found = BTreeSet::new();
    for value in decode(raw, |value| value) {
        let path = || path.to_path_buf();
        let number = whole(value).ok_or_else(|| DataError::LabelValue {
            path: path(),
            value,
        })?;
        found.insert(number);
    }
    Ok(found.into_iter().collect())
}

/// Values for a message, the first of them if there are many.
fn listed(values: &[i64]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(LISTED)
        .map(ToString::to_string)
        .collect();
    match values.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
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
