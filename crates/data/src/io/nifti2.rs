//! The header of NIfTI-2.

use std::path::Path;

use super::nifti_fields::{Fields, Numbers, not_nifti};
use crate::DataError;
use crate::source_header::NiftiForms;

/// Length of the header in bytes.
pub(super) const LENGTH: u64 = 540;

/// Parses the header.
pub(super) fn parse(path: &Path, bytes: &[u8], big_endian: bool) -> Result<Fields, DataError> {
    let apart = match &bytes[4..8] {
        b"n+2\0" => false,
        b"ni2\0" => true,
        _ => {
            let hint = "convert it to .nii or .nii.gz";
            return Err(not_nifti(
                path,
                "a NIfTI-2 header without its signature",
                hint,
            ));
        }
    };
    let numbers = Numbers { bytes, big_endian };
    let [slope, intercept] = numbers.f64s(176);
    // Codes are small numbers; all that matters of others is whether they are positive.
    let [qform_code, sform_code] = numbers
        .i32s(344)
        .map(|code| i16::try_from(code).unwrap_or(i16::from(code > 0)));
    Ok(Fields {
        length: LENGTH,
        apart,
        big_endian,
        dims: numbers.i64s(16),
        datatype: numbers.i16s::<1>(12)[0],
        voxel_offset: numbers.i64s::<1>(168)[0] as f64,
        slope,
        intercept,
        forms: NiftiForms {
            units: numbers.i32s::<1>(500)[0] as u8,
            pixdim: numbers.f64s(104),
            qform_code,
            sform_code,
            quaternion: numbers.f64s(352),
            offset: numbers.f64s(376),
            sform: [numbers.f64s(400), numbers.f64s(432), numbers.f64s(464)],
        },
    })
}
