//! Reading of label maps.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dicom::is_dicom_file;
use super::formats;
use super::raw::Raw;
use super::read::{expect_channels, header};
use super::voxels::decode;
use crate::error::listed;
use crate::{DataError, LabelMap, LabelValues};

/// Tolerance for rounding scaled labels to integers.
const LABEL_TOLERANCE: f64 = 1e-4;

/// Reads a label map from a file of any format and numeric type that [`read_volume`](super::read_volume) reads.
///
/// # Errors
///
/// As for [`read_volume`](super::read_volume); [`DataError::LabelValue`] for a value that is not an integer,
/// [`DataError::LabelValues`] for one outside 0 to 255.
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
    let raw = read_drawn(path)?;
    let bad = OnceLock::new();
    let data = decode(&raw, |value| to_label(value, &bad));
    if bad.get().is_some() {
        return Err(DataError::LabelValues {
            path: path.to_path_buf(),
            found: values_found(&raw, path)?,
        });
    }
    Ok(LabelMap::new(data, raw.layout.geometry).with_header(header(&raw)))
}

/// Reads the values of a label map's voxels, in ascending order, without a mapping to classes.
///
/// # Errors
///
/// As for [`read_labels`], whatever the size of the values; [`DataError::LabelValues`] for negative ones.
pub fn read_label_values(path: impl AsRef<Path>) -> Result<Vec<u32>, DataError> {
    let path = path.as_ref();
    let found = values_found(&read_drawn(path)?, path)?;
    let values: Option<Vec<u32>> = found.iter().map(|&v| u32::try_from(v).ok()).collect();
    values.ok_or_else(|| DataError::LabelValues {
        path: path.to_path_buf(),
        found,
    })
}

/// Reads a label map's voxels; a DICOM series is none.
fn read_drawn(path: &Path) -> Result<Raw, DataError> {
    if path.is_dir() || is_dicom_file(path) {
        let hint = "export the label map as NIfTI, NRRD or MetaImage";
        let expected = "a label map in one file";
        return Err(DataError::unexpected(
            path,
            expected,
            "a folder or DICOM",
            hint,
        ));
    }
    let raw = formats::read(path)?;
    expect_channels(path, &raw.layout, 1)?;
    Ok(raw)
}

/// Reads a label map and maps its `values` to classes.
pub(super) fn read_mapped_labels(path: &Path, values: &LabelValues) -> Result<LabelMap, DataError> {
    let raw = read_drawn(path)?;
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
    Ok(LabelMap::new(data, raw.layout.geometry).with_header(header(&raw)))
}

/// The integer that a voxel value represents, if any.
fn whole(value: f64) -> Option<i64> {
    let number = value.round();
    let near = (value - number).abs() <= LABEL_TOLERANCE && number.abs() <= f64::from(u32::MAX);
    near.then_some(number as i64)
}

/// The values of a label map in ascending order, or an error with its first non-integer value.
fn values_found(raw: &Raw, path: &Path) -> Result<Vec<i64>, DataError> {
    let (mut found, mut last) = (BTreeSet::new(), f64::NAN);
    for value in decode(raw, |value| value) {
        if value == last {
            continue;
        }
        last = value;
        let path = || path.to_path_buf();
        let number = whole(value).ok_or_else(|| DataError::LabelValue {
            path: path(),
            value,
        })?;
        found.insert(number);
    }
    Ok(found.into_iter().collect())
}

/// The label nearest to `value`; invalid values are recorded in `bad`.
pub(super) fn to_label(value: f64, bad: &OnceLock<f64>) -> u8 {
    let label = value.round();
    if !((value - label).abs() <= LABEL_TOLERANCE && (0.0..=255.0).contains(&label)) {
        // A value recorded earlier is kept.
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
