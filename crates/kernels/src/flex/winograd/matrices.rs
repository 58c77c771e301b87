//! Winograd-transformed weights.
// Columns of small matrices are indexed by constants.
#![allow(clippy::needless_range_loop)]

use super::filters::{gather_weight, gather_weight_depth, spread_weight, spread_weight_depth};
use super::tiles::{POINTS, SPREAD, TAPS, Tiles};
use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::packing::blocks;
use crate::flex::simd::{Kernel, Level, Simd};
use crate::profile::Pass;
use rayon::prelude::*;

/// `G g Gᵀ` of all channels, packed as `[point][block of outputs][input][kw][output of the block]`.
pub(crate) struct Transformed {
    data: Buffer,
    /// Number of input channels.
    pub(super) inputs: usize,
    /// Number of output channels.
    pub(super) outputs: usize,
    /// First channel and width of each block of outputs.
    pub(super) blocks: Vec<(usize, usize)>,
}

/// Channels of the widest block.
const WIDEST: usize = 8;

impl Transformed {
    /// Transforms the weights `[out, in, taps]` for a forward convolution.
    pub(crate) fn forward(
        level: Level,
        tiles: Tiles,
        weight: &[f32],
        [outputs, inputs]: [usize; 2],
    ) -> Self {
        let taps = tiles.taps();
        let get = |o: usize, i: usize, t: usize| weight[(o * inputs + i) * taps + t];
        Self::new(level, tiles, [outputs, inputs], get)
    }

    /// Transforms the weights `[out, in, taps]` transposed and mirrored, for the input's gradient.
    pub(crate) fn transposed(
        level: Level,
        tiles: Tiles,
        weight: &[f32],
        [outputs, inputs]: [usize; 2],
    ) -> Self {
        let taps = tiles.taps();
        let get = |o: usize, i: usize, t: usize| weight[(i * inputs + o) * taps + taps - 1 - t];
        Self::new(level, tiles, [inputs, outputs], get)
    }

    /// Transforms `outputs × inputs × taps` weights given by `get(output, input, tap)`.
    fn new(
        level: Level,
        tiles: Tiles,
        [outputs, inputs]: [usize; 2],
        get: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let (row, matrix) = (inputs * TAPS, outputs * inputs * TAPS);
        let blocks = blocks(outputs, level.channels());
        let data = filled(tiles.points() * matrix, |target: Target| {
            blocks.par_iter().for_each(|&(first, width)| {
                for i in 0..inputs {
                    let mut taps = [[0.0; WIDEST]; 27];
                    for (t, taps) in taps[..tiles.taps()].iter_mut().enumerate() {
                        for (c, value) in taps[..width].iter_mut().enumerate() {
                            *value = get(first + c, i, t);
                        }
                    }
                    let to = target.at(first * row + i * TAPS * width);
                    // SAFETY: `target` has `tiles.points()` matrices of `matrix` numbers, and the `TAPS * width`
                    // numbers from `to` on in each of them are those of this input and block; neither inputs nor
                    // blocks overlap.
                    unsafe {
                        match tiles.sliced() {
                            true => level.run(Spread::<1>::new(taps, width, matrix, to)),
                            false => level.run(Spread::<SPREAD>::new(taps, width, matrix, to)),
                        }
                    }
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

    /// The matrix of a point: `[input][kw][output of the block]` for each block of outputs.
    pub(super) fn point(&self, point: usize) -> &[f32] {
        let size = self.outputs * self.inputs * TAPS;
        &self.data[point * size..][..size]
    }
}

/// The transform `G g Gᵀ` of one input channel for a block of outputs, with `D` points along depth.
struct Spread<const D: usize> {
    taps: [[f32; WIDEST]; 27],
    width: usize,
    matrix: usize,
    to: *mut f32,
}

impl<const D: usize> Spread<D> {
    fn new(taps: [[f32; WIDEST]; 27], width: usize, matrix: usize, to: *mut f32) -> Self {
        Self {
            taps,
            width,
            matrix,
            to,
        }
    }
}

impl<const D: usize> Kernel for Spread<D> {
    type Output = ();
    const PASS: Pass = Pass::TransformWeight;

    /// # Safety
    ///
    /// `to` must point to the `TAPS * width` numbers of this input in the first of `D * SPREAD` matrices, and no other
    /// thread may write these numbers of any matrix.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for kw in 0..TAPS {
            let taps = |kd: usize, kh: usize| self.taps[(3 * kd + kh) * 3 + kw];
            let columns: [[[f32; WIDEST]; SPREAD]; 3] = std::array::from_fn(|kh| {
                spread_weight_depth::<WIDEST, D>([taps(0, kh), taps(1, kh), taps(2, kh)])
            });
            for a in 0..D {
                let row = spread_weight([columns[0][a], columns[1][a], columns[2][a]]);
                for (b, values) in row.iter().enumerate() {
                    let at = (SPREAD * a + b) * self.matrix + kw * self.width;
                    let (values, to) = (&values[..self.width], self.to.wrapping_add(at));
                    // SAFETY: `at` is the start of `width` of the numbers that `to` points to, in matrix `SPREAD * a +
                    // b`, by this function's contract.
                    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) };
                }
            }
        }
    }
}

/// The transform `Gᵀ m G` of `N` sums each, indexed by depth and height, with `D` points along depth.
#[inline(always)]
pub(super) fn gather<const N: usize, const D: usize>(m: &[[f32; N]; POINTS]) -> [[[f32; N]; 3]; 3] {
    let mut rows = [[[0.0; N]; 3]; SPREAD];
    for a in 0..D {
        rows[a] = gather_weight(std::array::from_fn(|b| m[SPREAD * a + b]));
    }
    let columns: [[[f32; N]; 3]; 3] =
        std::array::from_fn(|kh| gather_weight_depth::<N, D>(rows.map(|row| row[kh])));
    std::array::from_fn(|kd| std::array::from_fn(|kh| columns[kh][kd]))
}
