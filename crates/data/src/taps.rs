//! Weighted sums along one axis, shared by resampling and blurring.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

/// The voxels of an axis that make up one new voxel: the first, and the
/// weights from it on.
pub(crate) struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    /// Weights of the indices `from..=to`; those outside `0..n` go to the
    /// outermost voxel.
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

/// Who does the work.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Threads {
    /// The calling thread alone, as the loader's workers want it.
    One,
    /// The thread pool.
    All,
}

/// Sums the taps of every new voxel along an axis of an array in standard layout.
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
