//! Panels, matrices of channels by positions that fit in cache, and their products.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

use super::simd::{Kernel, Simd, WIDEST};
use crate::profile::Pass;

/// Registers of positions per tile.
const WIDE: usize = 3;

/// The shape of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Number of positions in use.
    pub columns: usize,
    /// Distance between channels: an odd number of cache lines, to spread the channels over the cache sets,
    /// with padding for a register beyond the last position.
    pub stride: usize,
}

impl Shape {
    pub(crate) fn new(channels: usize, columns: usize) -> Self {
        let lines = columns.div_ceil(WIDEST) + 1;
        Self {
            channels,
            columns,
            stride: (lines | 1) * WIDEST,
        }
    }

    /// Rows without padding, of a length that is a multiple of [`WIDEST`].
    pub(crate) fn exact(channels: usize, columns: usize) -> Self {
        assert!(
            columns.is_multiple_of(WIDEST),
            "registers must cover the columns without a rest"
        );
        Self {
            channels,
            columns,
            stride: columns,
        }
    }

    /// Floats of the panel, including the padding.
    pub(crate) fn len(&self) -> usize {
        self.channels * self.stride + WIDEST
    }

    /// Floats from the start of the panel up to the last one that registers of `lanes` floats touch in its first
    /// `channels` rows when they cover all columns and are shifted by up to `taps - 1`.
    pub(crate) fn reach(&self, channels: usize, lanes: usize, taps: usize) -> usize {
        channels.saturating_sub(1) * self.stride + self.columns.next_multiple_of(lanes) + taps - 1
    }
}

/// `out[o][j] = Σ over i, t of weight[o][i][t] · x[i][j + t]` for `T` taps.
pub(crate) struct Product<'a, const T: usize> {
    /// First channel and width of each of the [`blocks`](super::packing::blocks) of outputs to compute.
    pub(crate) blocks: &'a [(usize, usize)],
    /// The weights of all blocks from the first channel, each packed as `[i][t][o of the block]`.
    pub(crate) weights: &'a [f32],
    pub(crate) x: &'a [f32],
    pub(crate) from: Shape,
    /// Starts at the first channel, as the weights do.
    pub(crate) out: &'a mut [f32],
    pub(crate) to: Shape,
}

impl<const T: usize> Kernel for Product<'_, T> {
    type Output = ();
    const PASS: Pass = Pass::Multiply;

    fn work(&self) -> [usize; 2] {
        let outputs: usize = self.blocks.iter().map(|&(_, width)| width).sum();
        [2 * T * outputs * self.from.channels * self.from.columns, 0]
    }

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    ///
    /// # Panics
    ///
    /// If `x` or `out` is shorter than [`Shape::reach`] or their columns differ.
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        self.check(S::LANES);
        let registers = self.from.columns.div_ceil(S::LANES);
        let mut at = 0;
        while at < registers {
            let left = registers - at;
            let count = if left == 4 { 2 } else { left.min(WIDE) };
            // SAFETY: `check` has passed, the `count` registers from `at` are among those that cover the columns, and
            // the caller has enabled the instructions of `S`.
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

impl<const T: usize> Product<'_, T> {
    /// Panics unless `x` and the channels of all blocks in `out` are as long as registers of `lanes` floats reach.
    fn check(&self, lanes: usize) {
        let (from, to) = (self.from, self.to);
        assert_eq!(from.columns, to.columns, "the panels' columns must agree");
        assert!(
            self.x.len() >= from.reach(from.channels, lanes, T),
            "the input must have the padding of its shape"
        );
        for &(first, width) in self.blocks {
            assert!(
                [1, 2, 4, 8].contains(&width)
                    && self.out.len() >= to.reach(first + width, lanes, 1),
                "the output must have the blocks' channels with the padding of its shape"
            );
        }
    }

    /// All output channels at `N` registers of positions.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, [`Product::check`] must have passed for its lanes, and the `N`
    /// registers from `column` on must be among those that cover the columns.
    #[inline(always)]
    unsafe fn strip<S: Simd, const N: usize>(&mut self, column: usize) {
        for &(first, width) in self.blocks {
            // SAFETY: the block is one of `self.blocks`, and `check` allows widths of 1, 2, 4 and 8 only; the rest is
            // this function's own contract.
            unsafe {
                match width {
                    8 => self.tile::<S, 8, N>(first, column),
                    4 => self.tile::<S, 4, N>(first, column),
                    2 => self.tile::<S, 2, N>(first, column),
                    _ => self.tile::<S, 1, N>(first, column),
                }
            }
        }
    }

    /// `C` output channels at `N` registers of positions.
    ///
    /// # Safety
    ///
    /// As for [`Product::strip`]; one of the blocks must begin at channel `first` and have `C` channels.
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const N: usize>(
        &mut self,
        first: usize,
        column: usize,
    ) {
        let (inputs, stride) = (self.from.channels, self.from.stride);
        let mut weight = self.weights[first * inputs * T..][..C * inputs * T].as_ptr();
        let mut x = self.x.as_ptr().wrapping_add(column);
        // SAFETY: the slice of the weights is as long as the loops go. `check` made sure that `x` reaches up to the
        // last register of the last of `inputs` channels, shifted by `T - 1`, and `out` up to the last register of the
        // block's last channel.
        unsafe {
            let mut sums = [[S::splat(0.0); N]; C];
            for _ in 0..inputs {
                for t in 0..T {
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
                x = x.wrapping_add(stride);
            }
            let out = self
                .out
                .as_mut_ptr()
                .wrapping_add(first * self.to.stride + column);
            for c in 0..C {
                for v in 0..N {
                    S::store(
                        out.wrapping_add(c * self.to.stride + v * S::LANES),
                        sums[c][v],
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All registers and taps that cover the columns lie within the reach, which lies within a channel's stride.
    #[test]
    fn reach_is_the_farthest_access_and_shapes_hold_it() {
        for (columns, lanes, taps) in (1..70)
            .flat_map(|c| [4, 8, 16].map(|l| (c, l)))
            .flat_map(|(c, l)| [1, 3].map(|t| (c, l, t)))
        {
            let shape = Shape::new(3, columns);
            let registers = (0..columns).step_by(lanes);
            let ends = registers.map(|at| 2 * shape.stride + at + lanes + taps - 1);
            let reach = shape.reach(3, lanes, taps);
            assert_eq!(ends.max(), Some(reach), "{columns} {lanes} {taps}");
            assert!(reach <= 3 * shape.stride && 3 * shape.stride < shape.len());
        }
    }
}
