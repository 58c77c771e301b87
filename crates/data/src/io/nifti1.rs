//! The header of NIfTI-1.

use std::path::Path;

use super::nifti_fields::{Fields, Numbers, not_nifti};
use crate::DataError;
use crate::source_header::NiftiForms;

/// Length of the header in bytes.
pub(super) const LENGTH: u64 = 348;

/// Parses the header.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Fields, DataError> {
    let apart = match &bytes[344..348] {
        b"n+1\0" => false,
        b"ni1\0" => true,
        _ => return Err(other_content(path, bytes)),
    };
    // The first number should be the length; where it is not, the number of axes tells the byte order.
    let numbers = |big_endian| Numbers { bytes, big_endian };
    let is_big = match [false, true].map(|big| numbers(big).i32s::<1>(0) == [LENGTH as i32]) {
        [false, true] => true,
        [true, _] => false,
        _ => !(1..=7).contains(&numbers(false).i16s::<1>(40)[0]),
    };
    let numbers = numbers(is_big);
    let [slope, intercept] = numbers.f32s(112).map(f64::from);
    let [qform_code, sform_code] = numbers.i16s(252);
    let row = |at: usize| numbers.f32s(at).map(f64::from);
    Ok(Fields {
        length: LENGTH,
        apart,
        big_endian: is_big,
        dims: numbers.i16s(40).map(i64::from),
        datatype: numbers.i16s::<1>(70)[0],
        voxel_offset: f64::from(numbers.f32s::<1>(108)[0]),
        slope,
        intercept,
        forms: NiftiForms {
            units: bytes[123],
            pixdim: numbers.f32s(76).map(f64::from),
            qform_code,
            sform_code,
            quaternion: numbers.f32s(256).map(f64::from),
            offset: numbers.f32s(268).map(f64::from),
            sform: [row(280), row(296), row(312)],
        },
    })
}

/// An error for a file that is none of the formats.
fn other_content(path: &Path, bytes: &[u8]) -> DataError {
    let first: [u8; 4] = std::array::from_fn(|at| bytes[at]);
    let analyze = [i32::from_le_bytes(first), i32::from_be_bytes(first)].contains(&(LENGTH as i32));
    match analyze {
        true => not_nifti(
            path,
            "an Analyze 7.5 header, which does not say which side is left",
            "convert it to .nii.gz with the program that wrote it",
        ),
        false if bytes[128..132] == *b"DICM" => not_nifti(
            path,
            "a DICOM file",
            "convert the series to .nii.gz, for instance with dcm2niix",
        ),
        false => not_nifti(path, "other content", "convert it to .nii or .nii.gz"),
    }
}
