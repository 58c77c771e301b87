//! Panels, matrices of channels by positions that fit in cache, and their products.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

use super::simd::{Kernel, Simd};

/// Lanes of the widest register.
pub(crate) const WIDEST: usize = 16;
/// Registers of positions per tile.
const WIDE: usize = 3;

/// The shape of a panel.
#[derive(Debug, Clone, Copy)]
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

    /// Floats of the panel, including the padding.
    pub(crate) fn len(&self) -> usize {
        self.channels * self.stride + WIDEST
    }
}

/// Divides channels into blocks of powers of two, at most `widest`: `(first, width)`.
pub(crate) fn blocks(channels: usize, widest: usize) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < channels {
        let width = 1 << widest.min(channels - first).ilog2();
        blocks.push((first, width));
        first += width;
    }
    blocks
}

/// `out[o][j] = Σ over i, t of weight[o][i][t] · x[i][j + t]` for `T` taps.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a, const T: usize> {
    /// First channel and width of each block of outputs to compute.
    pub(crate) blocks: &'a [(usize, usize)],
    /// The weights of all blocks from the first channel, each packed as `[i][t][o of the block]`.
    pub(crate) weights: &'a [f32],
    pub(crate) x: &'a [f32],
    pub(crate) from: Shape,
    pub(crate) out: *mut f32,
    pub(crate) to: Shape,
}

impl<const T: usize> Kernel for Product<'_, T> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `x` and `out` must have the padding of their shapes, and no
    /// other thread may write the channels of the blocks.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        assert!(self.x.len() >= self.from.channels * self.from.stride);
        let registers = self.from.columns.div_ceil(S::LANES);
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

impl<const T: usize> Product<'_, T> {
    /// All output channels at `N` registers of positions.
    ///
    /// # Safety
    ///
    /// As for [`Product::run`].
    #[inline(always)]
    unsafe fn strip<S: Simd, const N: usize>(&self, column: usize) {
        for &(first, width) in self.blocks {
            // SAFETY: passed on.
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
    /// As for [`Product::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const N: usize>(&self, first: usize, column: usize) {
        let (inputs, stride) = (self.from.channels, self.from.stride);
        let mut weight = self.weights[first * inputs * T..][..C * inputs * T].as_ptr();
        let mut x = self.x.as_ptr().wrapping_add(column);
        // SAFETY: the weights of the block are as long as the loops go; registers and taps stay in
        // the room behind a channel's positions.
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
            let out = self.out.wrapping_add(first * self.to.stride + column);
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
