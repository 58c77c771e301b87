//! Dot products of two panels' rows, the basis of the weight's gradient.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

use super::packing::blocks;
use super::panel::Shape;
use super::simd::{Kernel, Simd};
use crate::profile::Pass;

/// Vectors of `x` per tile.
const WIDE: usize = 3;

/// Sets or adds `Σ over j of y[o][j] · x_v[j]` for every row `o` of `y` and vector `v` of `x`, which is row `v / TAPS`
/// of `x` shifted by `v % TAPS`. There are one or [`WIDE`] taps. In the padding behind the columns `y` must be zero and
/// `x` finite, or the sums are wrong.
///
/// The sums are packed as [`Product`](super::panel::Product)'s weights are, see [`packed`](super::packing::packed).
pub(crate) struct Correlation<'a, const TAPS: usize> {
    pub(crate) x: &'a [f32],
    pub(crate) from: Shape,
    /// Starts at the first row to use; the length of the sums determines the number of rows.
    pub(crate) y: &'a [f32],
    pub(crate) to: Shape,
    /// Maximum number of rows of `y` per tile.
    pub(crate) widest: usize,
    /// Whether the sums are set instead of added to.
    pub(crate) begins: bool,
    pub(crate) sums: &'a mut [f32],
}

impl<const TAPS: usize> Kernel for Correlation<'_, TAPS> {
    type Output = ();
    const PASS: Pass = Pass::Correlate;

    fn work(&self) -> [usize; 2] {
        [2 * self.sums.len() * self.from.columns, 0]
    }

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    ///
    /// # Panics
    ///
    /// If `x` or `y` is shorter than [`Shape::reach`] or their columns differ.
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        const { assert!(TAPS == 1 || TAPS == WIDE) };
        let rows = self.sums.len() / self.vectors();
        self.check(rows, S::LANES);
        for (first, width) in blocks(rows, self.widest) {
            for vector in (0..self.vectors()).step_by(WIDE) {
                // SAFETY: `check` has passed for these rows, of which `blocks` gives `width` from `first` on, a power
                // of two up to `widest`; the caller has enabled the instructions of `S`.
                unsafe {
                    match width {
                        8 => self.vectors_from::<S, 8>(first, vector),
                        4 => self.vectors_from::<S, 4>(first, vector),
                        2 => self.vectors_from::<S, 2>(first, vector),
                        _ => self.vectors_from::<S, 1>(first, vector),
                    }
                }
            }
        }
    }
}

impl<const TAPS: usize> Correlation<'_, TAPS> {
    /// Number of vectors of `x`.
    fn vectors(&self) -> usize {
        TAPS * self.from.channels
    }

    /// Panics unless `x` and the first `rows` rows of `y` are as long as registers of `lanes` floats reach.
    fn check(&self, rows: usize, lanes: usize) {
        let (from, to) = (self.from, self.to);
        assert_eq!(from.columns, to.columns, "the panels' columns must agree");
        assert!(
            self.x.len() >= from.reach(from.channels, lanes, TAPS)
                && self.y.len() >= to.reach(rows, lanes, 1),
            "the panels must have the padding of their shapes"
        );
    }

    /// `C` rows of `y` with up to [`WIDE`] vectors of `x`.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, and [`Correlation::check`] must have passed for its lanes and for at
    /// least `first + C` rows.
    #[inline(always)]
    unsafe fn vectors_from<S: Simd, const C: usize>(&mut self, first: usize, vector: usize) {
        // SAFETY: the rows are those of this function's own contract, and the tile takes no more vectors than are left.
        unsafe {
            match self.vectors() - vector {
                1 => self.tile::<S, C, 1>(first, vector),
                2 => self.tile::<S, C, 2>(first, vector),
                _ => self.tile::<S, C, WIDE>(first, vector),
            }
        }
    }

    /// `C` rows of `y` with `T` vectors of `x`.
    ///
    /// # Safety
    ///
    /// As for [`Correlation::vectors_from`]; there must be `T` vectors from `vector` on.
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const T: usize>(
        &mut self,
        first: usize,
        vector: usize,
    ) {
        let (vectors, stride) = (self.vectors(), self.from.stride);
        let x = self.x[vector / TAPS * stride..].as_ptr();
        let y = self.y[first * self.to.stride..].as_ptr();
        let step = if TAPS == 1 { stride } else { 1 };
        let sums = &mut self.sums[first * vectors + vector * C..][..T * C];
        // SAFETY: `check` made sure that `x` reaches up to the last register of its last row, shifted by `TAPS - 1`,
        // and `y` up to the last register of row `first + C - 1`. With one tap the `T` vectors are rows; with `WIDE`
        // taps `vector` is a multiple of `WIDE`, so that they are the shifts of one row.
        let dots = unsafe { dots::<S, C, T>(x, step, y, self.to) };
        for (sum, dot) in sums.iter_mut().zip(dots.as_flattened()) {
            *sum = if self.begins { *dot } else { *sum + dot };
        }
    }
}

/// `Σ over j of y[c][j] · x[j + t * step]` for `T` rows or taps of `x` and `C` rows of `y`.
///
/// # Safety
///
/// The instructions of `S` must be enabled; the registers of `S` that cover `shape.columns` must be readable from
/// `x + t * step` for all `t` below `T` and from `y + c * shape.stride` for all `c` below `C`.
#[inline(always)]
unsafe fn dots<S: Simd, const C: usize, const T: usize>(
    mut x: *const f32,
    step: usize,
    mut y: *const f32,
    shape: Shape,
) -> [[f32; C]; T] {
    // SAFETY: the loop loads those registers in turn, and no others.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; T];
        for _ in 0..shape.columns.div_ceil(S::LANES) {
            let mut shifted = [S::splat(0.0); T];
            for t in 0..T {
                shifted[t] = S::load(x.wrapping_add(t * step));
            }
            for c in 0..C {
                let y = S::load(y.wrapping_add(c * shape.stride));
                for t in 0..T {
                    sums[t][c] = S::fma(y, shifted[t], sums[t][c]);
                }
            }
            x = x.wrapping_add(S::LANES);
            y = y.wrapping_add(S::LANES);
        }
        let mut totals = [[0.0; C]; T];
        for t in 0..T {
            totals[t] = S::sum_each(sums[t]);
        }
        totals
    }
}
