//! Transformed weights.
// Columns of small matrices are indexed by constants.
#![allow(clippy::needless_range_loop)]

use super::filters::{gather_weight, spread_weight};
use super::tiles::{POINTS, SPREAD, TAPS};
use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::panel::blocks;
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;

/// `G g Gᵀ` of all channels, `[point][block of outputs][input][kw][output of the block]`.
pub(crate) struct Transformed {
    data: Buffer,
    /// Input channels.
    pub(super) inputs: usize,
    /// Output channels.
    pub(super) outputs: usize,
    /// First channel and width of every block of outputs.
    pub(super) blocks: Vec<(usize, usize)>,
}

/// Channels of the widest block.
const WIDEST: usize = 8;

impl Transformed {
    /// The weights `[out, in, 27]` of a forward convolution.
    pub(crate) fn forward(weight: &[f32], [outputs, inputs]: [usize; 2], level: Level) -> Self {
        let get = |o: usize, i: usize, t: usize| weight[(o * inputs + i) * 27 + t];
        Self::new([outputs, inputs], level, get)
    }

    /// The weights `[out, in, 27]`, transposed and mirrored: the convolution with them takes the
    /// output's gradient to the input's.
    pub(crate) fn transposed(weight: &[f32], [outputs, inputs]: [usize; 2], level: Level) -> Self {
        let get = |o: usize, i: usize, t: usize| weight[(i * inputs + o) * 27 + 26 - t];
        Self::new([inputs, outputs], level, get)
    }

    fn new(
        [outputs, inputs]: [usize; 2],
        level: Level,
        get: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let (row, matrix) = (inputs * TAPS, outputs * inputs * TAPS);
        let blocks = blocks(outputs, level.channels());
        let data = filled(POINTS * matrix, |target: Target| {
            blocks.par_iter().for_each(|&(first, width)| {
                for i in 0..inputs {
                    let mut taps = [[0.0; WIDEST]; 27];
                    for (t, taps) in taps.iter_mut().enumerate() {
                        for (c, value) in taps[..width].iter_mut().enumerate() {
                            *value = get(first + c, i, t);
                        }
                    }
                    let to = target.at(first * row + i * TAPS * width);
                    let job = Spread {
                        taps,
                        width,
                        matrix,
                        to,
                    };
                    // SAFETY: the level is available, and every block writes rows of its own.
                    unsafe { level.run(job) }
                }
            });
        });
        Self {
            data,
            inputs,
            outputs,
            blocks,
        }
    }

    /// The matrix of a point: of every block of outputs `[input][kw][output of the block]`.
    pub(super) fn point(&self, point: usize) -> &[f32] {
        let size = self.outputs * self.inputs * TAPS;
        &self.data[point * size..][..size]
    }
}

/// `G g Gᵀ` of one input channel for a block of outputs.
struct Spread {
    taps: [[f32; WIDEST]; 27],
    width: usize,
    matrix: usize,
    to: *mut f32,
}

impl Kernel for Spread {
    type Output = ();

    /// # Safety
    ///
    /// `to` must point to the rows of this input in the first of all matrices.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for kw in 0..TAPS {
            let taps = |kd: usize, kh: usize| self.taps[(3 * kd + kh) * 3 + kw];
            let columns: [[[f32; WIDEST]; SPREAD]; 3] =
                std::array::from_fn(|kh| spread_weight([taps(0, kh), taps(1, kh), taps(2, kh)]));
            for a in 0..SPREAD {
                let row = spread_weight([columns[0][a], columns[1][a], columns[2][a]]);
                for (b, values) in row.iter().enumerate() {
                    let at = (SPREAD * a + b) * self.matrix + kw * self.width;
                    let to = self.to.wrapping_add(at);
                    // SAFETY: the width is at most the widest block.
                    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, self.width) };
                }
            }
        }
    }
}

/// `Gᵀ m G` of `N` sums each, indexed by depth and height.
#[inline(always)]
pub(super) fn gather<const N: usize>(m: &[[f32; N]; POINTS]) -> [[[f32; N]; 3]; 3] {
    let rows: [[[f32; N]; 3]; SPREAD] =
        std::array::from_fn(|a| gather_weight(std::array::from_fn(|b| m[SPREAD * a + b])));
    let columns: [[[f32; N]; 3]; 3] =
        std::array::from_fn(|kh| gather_weight(rows.map(|row| row[kh])));
    std::array::from_fn(|kd| std::array::from_fn(|kh| columns[kh][kd]))
}
