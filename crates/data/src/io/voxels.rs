//! Decoding of stored bytes (`x` fastest) to arrays (`z` fastest).

use ndarray::Array3;
use nifti::NiftiType;
use rayon::prelude::*;

use super::header::Raw;

/// Number of neighbors along `x` processed together: one cache line of `f32`.
const BLOCK: usize = 16;

/// Decodes every voxel, applies slope and intercept, then `convert`.
pub(super) fn decode<T>(raw: &Raw, convert: impl Fn(f64) -> T + Sync) -> Array3<T>
where
    T: Copy + Default + Send,
{
    let (slope, intercept) = (raw.layout.slope, raw.layout.intercept);
    let convert = move |value: f64| convert(value * slope + intercept);
    macro_rules! decode_as {
        ($type:ty) => {
            if raw.layout.big_endian {
                reorder(raw, |bytes| convert(<$type>::from_be_bytes(bytes) as f64))
            } else {
                reorder(raw, |bytes| convert(<$type>::from_le_bytes(bytes) as f64))
            }
        };
    }
    match raw.layout.datatype {
        NiftiType::Uint8 => decode_as!(u8),
        NiftiType::Int8 => decode_as!(i8),
        NiftiType::Uint16 => decode_as!(u16),
        NiftiType::Int16 => decode_as!(i16),
        NiftiType::Uint32 => decode_as!(u32),
        NiftiType::Int32 => decode_as!(i32),
        NiftiType::Uint64 => decode_as!(u64),
        NiftiType::Int64 => decode_as!(i64),
        NiftiType::Float32 => decode_as!(f32),
        // The header check leaves no other type.
        _ => decode_as!(f64),
    }
}

fn reorder<T, const N: usize>(raw: &Raw, convert: impl Fn([u8; N]) -> T + Sync) -> Array3<T>
where
    T: Copy + Default + Send,
{
    let [nx, ny, nz] = raw.layout.shape;
    let (stored, _) = raw.bytes.as_chunks::<N>();
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
