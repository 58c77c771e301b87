//! Writing NIfTI-1 files.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array3;

use super::header::HEADER_LEN;
use super::{affine, atomic};
use crate::{DataError, Geometry, LabelMap, Volume};

/// Higher zlib levels take much longer and save little.
const COMPRESSION_LEVEL: u32 = 4;

/// Writes an image as 32-bit floats to `.nii` or, compressed, `.nii.gz`.
///
/// The affine is written as sform and, unless it has shear, as qform; the spacing is in millimeters. The
/// file is written atomically.
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
    write(path.as_ref(), &volume.data, &volume.geometry, 16, |value| {
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
    write(path.as_ref(), &labels.data, &labels.geometry, 2, |label| {
        [label]
    })
}

fn write<T: Copy, const N: usize>(
    path: &Path,
    data: &Array3<T>,
    geometry: &Geometry,
    datatype: i16,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Result<(), DataError> {
    let compressed = is_compressed(path)?;
    let header = header(path, data.dim().into(), geometry, datatype, N)?;
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
    geometry: &Geometry,
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
    let spacing = geometry.spacing();
    let ([b, c, d], handedness, qform_code) = match affine::quaternion(geometry) {
        Some((quaternion, handedness)) => (quaternion, handedness, 1),
        None => ([0.0; 3], 1.0, 0),
    };
    let origin = geometry.position([0.0; 3]);
    let dims = [3, shape[0], shape[1], shape[2], 1, 1, 1, 1];
    let sizes = [
        handedness, spacing[0], spacing[1], spacing[2], 1.0, 1.0, 1.0, 1.0,
    ];

    let mut header = [0; HEADER_LEN + 4];
    header[..4].copy_from_slice(&(HEADER_LEN as i32).to_le_bytes());
    put_integers(&mut header, 40, &dims.map(|n| n as i16));
    put_integers(&mut header, 70, &[datatype, 8 * bytes as i16]);
    put_floats(&mut header, 76, &sizes);
    put_floats(&mut header, 108, &[(HEADER_LEN + 4) as f64, 1.0, 0.0]);
    header[123] = 2; // millimeters
    put_integers(&mut header, 252, &[qform_code, 1]);
    put_floats(
        &mut header,
        256,
        &[b, c, d, origin[0], origin[1], origin[2]],
    );
    put_floats(&mut header, 280, geometry.affine[..3].as_flattened());
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
