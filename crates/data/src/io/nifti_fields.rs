//! The fields that the headers of NIfTI-1 and NIfTI-2 have in common.

use std::path::Path;

use super::raw::VoxelLayout;
use super::stream::Stream;
use super::voxels::VoxelType;
use super::{affine, nifti1, nifti2};
use crate::source_header::NiftiForms;
use crate::{DataError, SourceHeader};

/// The fields of a header that are used.
pub(super) struct Fields {
    /// Length of the header in bytes.
    pub(super) length: u64,
    /// Whether the voxels are in another file.
    pub(super) apart: bool,
    pub(super) big_endian: bool,
    /// Number of axes, and their lengths.
    pub(super) dims: [i64; 8],
    pub(super) datatype: i16,
    pub(super) voxel_offset: f64,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) forms: NiftiForms,
}

impl Fields {
    pub(super) fn read(path: &Path, stream: &mut Stream<'_>) -> Result<Self, DataError> {
        let mut head = stream.take(nifti1::LENGTH)?;
        let size: [u8; 4] = std::array::from_fn(|at| head[at]);
        let sizes = [i32::from_le_bytes(size), i32::from_be_bytes(size)];
        if let Some(big) = sizes.iter().position(|&n| n == nifti2::LENGTH as i32) {
            head.extend(stream.take(nifti2::LENGTH - nifti1::LENGTH)?);
            return nifti2::parse(path, &head, big == 1);
        }
        nifti1::parse(path, &head)
    }

    pub(super) fn layout(&self, path: &Path) -> Result<VoxelLayout, DataError> {
        let ((shape, channels), voxel_type) = (self.shape(path)?, self.voxel_type(path)?);
        let (slope, intercept) = self.scaling();
        let axes = self.dims[0].clamp(0, 7) as usize;
        let (geometry, notes) = affine::place(path, &self.forms, axes, shape)?;
        // What is written has three axes.
        let mut forms = self.forms.clone();
        let missing = axes.min(3);
        let sizes = affine::qform_sizes(&forms, axes);
        forms.pixdim[missing + 1..].copy_from_slice(&sizes[missing..]);
        Ok(VoxelLayout {
            shape,
            channels,
            voxel_type,
            big_endian: self.big_endian,
            slope,
            intercept,
            geometry,
            header: SourceHeader::new(shape, geometry, Some(forms), notes),
        })
    }

    /// The first three axes, of length 1 where they are missing, and the number of channels: the fourth axis, or the
    /// fifth after a fourth of length 1. Further axes must have length 1.
    fn shape(&self, path: &Path) -> Result<([usize; 3], usize), DataError> {
        let rank = usize::try_from(self.dims[0]).unwrap_or(0);
        let dims = &self.dims[1..=rank.min(7)];
        let wrong = |hint: &str| {
            DataError::unexpected(
                path,
                "a volume of three axes",
                format!("shape {dims:?}"),
                hint,
            )
        };
        if rank == 0 || dims.iter().any(|d| !(1..=32767).contains(d)) {
            return Err(wrong("export it again"));
        }
        let length = |axis: usize| dims.get(axis).map_or(1, |&d| d as usize);
        let channels = length(3).max(length(4));
        if (3..7).map(length).product::<usize>() != channels {
            return Err(wrong("split it into one file per time point or channel"));
        }
        Ok((std::array::from_fn(length), channels))
    }

    fn voxel_type(&self, path: &Path) -> Result<VoxelType, DataError> {
        use VoxelType::*;
        let other = match self.datatype {
            2 => return Ok(Uint8),
            4 => return Ok(Int16),
            8 => return Ok(Int32),
            16 => return Ok(Float32),
            64 => return Ok(Float64),
            256 => return Ok(Int8),
            512 => return Ok(Uint16),
            768 => return Ok(Uint32),
            1024 => return Ok(Int64),
            1280 => return Ok(Uint64),
            1 => "single bits",
            32 | 1792 | 2048 => "complex numbers",
            128 => "colors (Rgb24)",
            2304 => "colors (Rgba32)",
            1536 => "floats of 128 bits",
            _ => "an unknown type",
        };
        Err(DataError::unexpected(
            path,
            "voxels that are integers or floats of up to 64 bits",
            format!("{other}, type code {}", self.datatype),
            "convert it to one of those",
        ))
    }

    /// The offset of the voxels in their file, in one file at least the length of the header.
    pub(super) fn offset(&self, path: &Path) -> Result<u64, DataError> {
        let offset = self.voxel_offset;
        if !offset.is_finite() || offset > 1e9 {
            return Err(DataError::unexpected(
                path,
                "voxels after the header",
                format!("voxel offset {offset}"),
                "export it again",
            ));
        }
        Ok(match self.apart {
            true => offset.max(0.0) as u64,
            // Writers that set the offset to 0 place the voxels after the extension flag.
            false if offset < self.length as f64 => self.length + 4,
            false => offset as u64,
        })
    }

    /// Slope and intercept; a slope of 0 or NaN means no scaling.
    fn scaling(&self) -> (f64, f64) {
        if self.slope == 0.0 || !self.slope.is_finite() {
            return (1.0, 0.0);
        }
        match self.intercept.is_finite() {
            true => (self.slope, self.intercept),
            false => (self.slope, 0.0),
        }
    }
}

/// The numbers of a header by their position.
pub(super) struct Numbers<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big_endian: bool,
}

macro_rules! numbers {
    ($($name:ident: $type:ty),*) => {$(
        /// `N` numbers of this type from byte `at` on.
        pub(super) fn $name<const N: usize>(&self, at: usize) -> [$type; N] {
            const SIZE: usize = size_of::<$type>();
            std::array::from_fn(|i| {
                let bytes = std::array::from_fn(|b| self.bytes[at + SIZE * i + b]);
                match self.big_endian {
                    true => <$type>::from_be_bytes(bytes),
                    false => <$type>::from_le_bytes(bytes),
                }
            })
        }
    )*};
}

impl Numbers<'_> {
    numbers!(i16s: i16, i32s: i32, i64s: i64, f32s: f32, f64s: f64);
}

pub(super) fn not_nifti(path: &Path, found: &str, hint: &str) -> DataError {
    DataError::unexpected(path, "a NIfTI file", found, hint)
}
