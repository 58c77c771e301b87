//! Writing NIfTI-1 files.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array3;

use super::forms::forms_of;
use super::{atomic, nifti1};
use crate::source_header::NiftiForms;
use crate::{DataError, Geometry, LabelMap, LabelValues, SourceHeader, Volume};

/// Length of the header in bytes.
const HEADER_LEN: usize = nifti1::LENGTH as usize;

/// Higher zlib levels take much longer and save little.
const COMPRESSION_LEVEL: u32 = 4;

/// Writes an image as 32-bit floats to `.nii` or, compressed, `.nii.gz`.
///
/// A volume that was read from a NIfTI file, or computed for one such as a prediction, keeps that file's sform, qform,
/// codes, voxel sizes and unit, so that both overlay in every program; see [`SourceHeader`](crate::SourceHeader).
/// Otherwise the affine is written as sform and, unless it has shear, as qform, in millimeters. The file is
/// written atomically.
///
/// # Errors
///
/// [`DataError::Io`], and [`DataError::Unexpected`] for another file extension, or an axis that is empty
/// or longer than 32767.
///
/// # Examples
///
/// See [`read_volume`](super::read_volume).
pub fn write_volume(path: impl AsRef<Path>, volume: &Volume) -> Result<(), DataError> {
    let forms = forms(volume.header(), volume.shape(), &volume.geometry);
    write(path.as_ref(), &volume.data, &forms, 16, |value| {
        value.to_le_bytes()
    })
}

/// Writes a label map as 8-bit integers, otherwise like [`write_volume`].
///
/// # Errors
///
/// As for [`write_volume`].
///
/// # Examples
///
/// See [`read_labels`](super::read_labels).
pub fn write_labels(path: impl AsRef<Path>, labels: &LabelMap) -> Result<(), DataError> {
    let forms = forms(labels.header(), labels.shape(), &labels.geometry);
    write(path.as_ref(), &labels.data, &forms, 2, |label| [label])
}

/// Writes a label map with the values that `values` has for its classes, as integers of 8, 16 or 32 bits by the
/// largest of them, otherwise like [`write_labels`].
///
/// A class of several values gets the least of them.
///
/// # Errors
///
/// As for [`write_volume`]; [`DataError::LabelOutOfRange`] for a label without a value.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::io::{read_label_values, write_label_values};
/// use semivox_data::{Geometry, LabelMap, LabelValues};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("labels.nii.gz");
/// let labels = LabelMap::new(array![[[0, 1, 2]]], Geometry::default());
/// write_label_values(&path, &labels, &LabelValues::new([(0, 0), (205, 1), (420, 2)]))?;
/// assert_eq!(read_label_values(&path)?, [0, 205, 420]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_label_values(
    path: impl AsRef<Path>,
    labels: &LabelMap,
    values: &LabelValues,
) -> Result<(), DataError> {
    let (path, data) = (path.as_ref(), &labels.data);
    let mut table = [0; 256];
    for label in labels.values() {
        let value = values
            .value(label)
            .ok_or_else(|| DataError::LabelOutOfRange {
                label,
                classes: values.classes(),
            })?;
        table[usize::from(label)] = value;
    }
    let forms = forms(labels.header(), labels.shape(), &labels.geometry);
    let value = |label: u8| table[usize::from(label)];
    // The codes of NIfTI, of which the signed ones are understood most widely.
    match table.iter().copied().fold(values.largest(), u32::max) {
        0..=0xff => write(path, data, &forms, 2, |label| [value(label) as u8]),
        0x100..=0x7fff => write(path, data, &forms, 4, |label| {
            (value(label) as i16).to_le_bytes()
        }),
        0x8000..=0x7fff_ffff => write(path, data, &forms, 8, |label| value(label).to_le_bytes()),
        _ => write(path, data, &forms, 768, |label| value(label).to_le_bytes()),
    }
}

/// The forms of the file that a volume came from, or else those of its affine.
fn forms(header: Option<&SourceHeader>, shape: [usize; 3], geometry: &Geometry) -> NiftiForms {
    match header.and_then(|header| header.nifti(shape, geometry)) {
        Some(forms) => forms.clone(),
        None => forms_of(geometry, shape),
    }
}

fn write<T: Copy, const N: usize>(
    path: &Path,
    data: &Array3<T>,
    forms: &NiftiForms,
    datatype: i16,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Result<(), DataError> {
    let compressed = is_compressed(path)?;
    let header = header(path, data.dim().into(), forms, datatype, N)?;
    // Reversing the axes makes x the fastest in iteration.
    let voxels: Vec<[u8; N]> = data.t().iter().map(|&value| to_bytes(value)).collect();
    atomic::write(path, |file| {
        if !compressed {
            file.write_all(&header)?;
            return file.write_all(voxels.as_flattened());
        }
        let mut encoder = GzEncoder::new(file, Compression::new(COMPRESSION_LEVEL));
        encoder.write_all(&header)?;
        encoder.write_all(voxels.as_flattened())?;
        encoder.finish().map(|_| ())
    })
}

fn is_compressed(path: &Path) -> Result<bool, DataError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    if name.ends_with(".nii.gz") {
        Ok(true)
    } else if name.ends_with(".nii") {
        Ok(false)
    } else {
        Err(DataError::unexpected(
            path,
            "a name ending in .nii or .nii.gz",
            format!("`{name}`"),
            "rename the output",
        ))
    }
}

/// The 348 bytes of the header and the 4 bytes that state that no extension follows.
fn header(
    path: &Path,
    shape: [usize; 3],
    forms: &NiftiForms,
    datatype: i16,
    bytes: usize,
) -> Result<[u8; HEADER_LEN + 4], DataError> {
    if shape.iter().any(|&n| n == 0 || n > 32767) {
        let found = format!("shape {shape:?}");
        return Err(DataError::unexpected(
            path,
            "axes of 1 to 32767 voxels",
            found,
            "crop or resample the volume",
        ));
    }
    let dims = [3, shape[0], shape[1], shape[2], 1, 1, 1, 1];
    let mut header = [0; HEADER_LEN + 4];
    header[..4].copy_from_slice(&(HEADER_LEN as i32).to_le_bytes());
    put_integers(&mut header, 40, &dims.map(|n| n as i16));
    put_integers(&mut header, 70, &[datatype, 8 * bytes as i16]);
    put_floats(&mut header, 76, &forms.pixdim);
    put_floats(&mut header, 92, &[1.0; 4]);
    put_floats(&mut header, 108, &[(HEADER_LEN + 4) as f64, 1.0, 0.0]);
    header[123] = forms.units;
    put_integers(&mut header, 252, &[forms.qform_code, forms.sform_code]);
    put_floats(&mut header, 256, &forms.quaternion);
    put_floats(&mut header, 268, &forms.offset);
    put_floats(&mut header, 280, forms.sform.as_flattened());
    header[344..348].copy_from_slice(b"n+1\0");
    Ok(header)
}

fn put_integers(header: &mut [u8], at: usize, values: &[i16]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    header[at..at + bytes.len()].copy_from_slice(&bytes);
}

fn put_floats(header: &mut [u8], at: usize, values: &[f64]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|&value| (value as f32).to_le_bytes())
        .collect();
    header[at..at + bytes.len()].copy_from_slice(&bytes);
}
