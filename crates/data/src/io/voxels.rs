//! Decoding of stored bytes (`x` fastest) to arrays (`z` fastest).

use ndarray::Array3;
use rayon::prelude::*;

use super::raw::Raw;

/// Type of the stored voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VoxelType {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Float32,
    Float64,
}

impl VoxelType {
    /// The number of bytes of a voxel.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Uint16 | Self::Int16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
        }
    }
}

/// Number of neighbors along `x` processed together: one cache line of `f32`.
const BLOCK: usize = 16;

/// Decodes every voxel of the first channel, applies slope and intercept, then `convert`.
pub(super) fn decode<T>(raw: &Raw, convert: impl Fn(f64) -> T + Sync) -> Array3<T>
where
    T: Copy + Default + Send,
{
    decode_channel(raw, 0, convert)
}

/// Like [`decode`], for one of the channels.
pub(super) fn decode_channel<T>(
    raw: &Raw,
    channel: usize,
    convert: impl Fn(f64) -> T + Sync,
) -> Array3<T>
where
    T: Copy + Default + Send,
{
    let (slope, intercept) = (raw.layout.slope, raw.layout.intercept);
    let convert = move |value: f64| convert(value * slope + intercept);
    macro_rules! decode_as {
        ($type:ty) => {
            if raw.layout.big_endian {
                reorder(raw, channel, |bytes| {
                    convert(<$type>::from_be_bytes(bytes) as f64)
                })
            } else {
                reorder(raw, channel, |bytes| {
                    convert(<$type>::from_le_bytes(bytes) as f64)
                })
            }
        };
    }
    match raw.layout.voxel_type {
        VoxelType::Uint8 => decode_as!(u8),
        VoxelType::Int8 => decode_as!(i8),
        VoxelType::Uint16 => decode_as!(u16),
        VoxelType::Int16 => decode_as!(i16),
        VoxelType::Uint32 => decode_as!(u32),
        VoxelType::Int32 => decode_as!(i32),
        VoxelType::Uint64 => decode_as!(u64),
        VoxelType::Int64 => decode_as!(i64),
        VoxelType::Float32 => decode_as!(f32),
        VoxelType::Float64 => decode_as!(f64),
    }
}

fn reorder<T, const N: usize>(
    raw: &Raw,
    channel: usize,
    convert: impl Fn([u8; N]) -> T + Sync,
) -> Array3<T>
where
    T: Copy + Default + Send,
{
    let [nx, ny, nz] = raw.layout.shape;
    let (stored, _) = raw.bytes.as_chunks::<N>();
    let stored = &stored[channel * nx * ny * nz..];
    let mut out = Array3::from_elem(raw.layout.shape, T::default());
    let slab = ny * nz;
    let Some(flat) = out.as_slice_mut() else {
        return out;
    };
    flat.par_chunks_mut(BLOCK * slab)
        .enumerate()
        .for_each(|(block, out)| {
            for y in 0..ny {
                for z in 0..nz {
                    let start = (z * ny + y) * nx + block * BLOCK;
                    let row = &stored[start..start + out.len() / slab];
                    for (dx, &bytes) in row.iter().enumerate() {
                        out[dx * slab + y * nz + z] = convert(bytes);
                    }
                }
            }
        });
    out
}
