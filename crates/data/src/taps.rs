//! Weighted sums along one axis, for resampling and blurring.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

/// The old voxels that contribute to one new voxel: the first index, and the weights from there on.
pub(crate) struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    /// Weights of the indices `from..=to`; those outside `0..n` are added to the outermost voxel.
    pub(crate) fn clamped(from: i64, to: i64, n: usize, weight: impl Fn(i64) -> f64) -> Self {
        let last = n.saturating_sub(1) as i64;
        let first = from.clamp(0, last);
        let mut weights = vec![0.0_f64; (to.clamp(0, last) - first + 1) as usize];
        for j in from..=to {
            weights[(j.clamp(0, last) - first) as usize] += weight(j);
        }
        let weights = weights.iter().map(|&w| w as f32).collect();
        Self {
            first: first as usize,
            weights,
        }
    }
}

/// Threads to use.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Threads {
    /// Only the calling thread, as in the loader's workers.
    One,
    /// The thread pool.
    All,
}

/// Computes the weighted sum for every new voxel along an axis of an array in standard layout.
pub(crate) fn weighted_sums(
    data: ArrayView3<'_, f32>,
    axis: usize,
    taps: &[Taps],
    threads: Threads,
) -> Array3<f32> {
    let mut shape: [usize; 3] = data.dim().into();
    let n_old = shape[axis];
    shape[axis] = taps.len();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut out = Array3::zeros(shape);
    let (Some(source), Some(target)) = (data.to_slice(), out.as_slice_mut()) else {
        return out;
    };
    let fill = |(row, out): (usize, &mut [f32])| {
        let (outer, tap) = (row / taps.len(), &taps[row % taps.len()]);
        let start = (outer * n_old + tap.first) * inner;
        for (k, &weight) in tap.weights.iter().enumerate() {
            let line = &source[start + k * inner..][..inner];
            out.iter_mut().zip(line).for_each(|(o, x)| *o += weight * x);
        }
    };
    let width = inner.max(1);
    match threads {
        Threads::One => target.chunks_mut(width).enumerate().for_each(fill),
        Threads::All => {
            let rows = target.par_chunks_mut(width).with_min_len(4096 / width + 1);
            rows.enumerate().for_each(fill);
        }
    }
    out
}
