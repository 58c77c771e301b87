//! Matrix products with taps along the row, in register tiles.
// Register tiles are indexed by constants so that the loops unroll and the sums stay in registers.
#![allow(clippy::needless_range_loop)]

use super::matrices::Transformed;
use super::panels::Shape;
use super::tiles::TAPS;
use crate::flex::memory::Target;
use crate::flex::simd::{Kernel, Simd};

/// Registers of positions in a tile.
const WIDE: usize = 3;

/// The product of one point: `out[o][j] = Σ over i, t of weight[o][i][t] · x[i][j + t]`.
pub(super) struct Product<'a> {
    pub(super) point: usize,
    pub(super) weights: &'a Transformed,
    pub(super) input: &'a [f32],
    pub(super) shapes: [Shape; 2],
    pub(super) out: Target,
}

impl Kernel for Product<'_> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, input and output must have the room of their shapes,
    /// and no one else may write this point of the output.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let registers = self.shapes[0].columns.div_ceil(S::LANES);
        let mut at = 0;
        while at < registers {
            let left = registers - at;
            let count = if left == 4 { 2 } else { left.min(WIDE) };
            // SAFETY: passed on.
            unsafe {
                match count {
                    1 => self.strip::<S, 1>(at * S::LANES),
                    2 => self.strip::<S, 2>(at * S::LANES),
                    _ => self.strip::<S, WIDE>(at * S::LANES),
                }
            }
            at += count;
        }
    }
}

impl Product<'_> {
    /// All output channels at `N` registers of positions.
    ///
    /// # Safety
    ///
    /// As [`Product::run`].
    #[inline(always)]
    unsafe fn strip<S: Simd, const N: usize>(&self, column: usize) {
        for &block in &self.weights.blocks {
            // SAFETY: passed on.
            unsafe {
                match block.1 {
                    8 => self.tile::<S, 8, N>(block.0, column),
                    4 => self.tile::<S, 4, N>(block.0, column),
                    2 => self.tile::<S, 2, N>(block.0, column),
                    _ => self.tile::<S, 1, N>(block.0, column),
                }
            }
        }
    }

    /// `C` output channels at `N` registers of positions.
    ///
    /// # Safety
    ///
    /// As [`Product::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const N: usize>(&self, first: usize, column: usize) {
        let [from, to] = self.shapes;
        let weights = &self.weights.point(self.point)[first * from.channels * TAPS..];
        let mut weight = weights[..C * from.channels * TAPS].as_ptr();
        let mut x = self.input[self.point * from.point()..]
            .as_ptr()
            .wrapping_add(column);
        // SAFETY: the weights of the block are as long as the loops go; registers and taps stay in
        // the room behind a channel's positions.
        unsafe {
            let mut sums = [[S::splat(0.0); N]; C];
            for _ in 0..from.channels {
                for t in 0..TAPS {
                    let mut shifted = [S::splat(0.0); N];
                    for v in 0..N {
                        shifted[v] = S::load(x.wrapping_add(v * S::LANES + t));
                    }
                    for c in 0..C {
                        let w = S::splat(*weight.wrapping_add(c));
                        for v in 0..N {
                            sums[c][v] = S::fma(w, shifted[v], sums[c][v]);
                        }
                    }
                    weight = weight.wrapping_add(C);
                }
                x = x.wrapping_add(from.stride);
            }
            let out = self
                .out
                .at(self.point * to.point() + first * to.stride + column);
            for c in 0..C {
                for v in 0..N {
                    S::store(out.wrapping_add(c * to.stride + v * S::LANES), sums[c][v]);
                }
            }
        }
    }
}
