//! Loads of a tile's rows, of which some may be outside the volume.
// Rows are indexed by constants to unroll the loops.
#![allow(clippy::needless_range_loop)]

use super::tiles::Tiles;
use crate::flex::simd::{Simd, WIDEST};

/// Zeros that are read in place of rows outside the volume.
static ZEROS: [f32; WIDEST] = [0.0; WIDEST];

/// The `M`×`N` rows of a tile; rows outside the volume are absent.
pub(super) struct Rows<const M: usize, const N: usize> {
    first: *const f32,
    plane: usize,
    width: usize,
    /// Whether the rows of a depth, and those of a height, are inside the volume.
    present: ([bool; M], [bool; N]),
    /// Whether all rows in use are inside the volume.
    pub(super) all: bool,
}

impl<const M: usize, const N: usize> Rows<M, N> {
    /// The rows from `first`, of which `depths` are used along depth; coordinates start at one before the first row.
    #[inline(always)]
    pub(super) fn new(
        tiles: Tiles,
        map: &[f32],
        [depth, height]: [usize; 2],
        depths: usize,
    ) -> Self {
        let [d, h, width] = tiles.size();
        let (mut deep, mut high) = ([false; M], [false; N]);
        for a in 0..M {
            deep[a] = (1..=d).contains(&(depth + a));
        }
        for b in 0..N {
            high[b] = (1..=h).contains(&(height + b));
        }
        Self {
            first: map.as_ptr().wrapping_offset(tiles.row(depth, height)),
            plane: h * width,
            width,
            present: (deep, high),
            all: depth >= 1 && depth + depths <= d + 1 && height >= 1 && height + N <= h + 1,
        }
    }

    /// Loads `count` lanes of a row from position `at`; the others are zero. `PLAIN` is faster and needs all rows and
    /// all lanes.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, and the rows must contain `count` voxels from `at`, at most
    /// [`Simd::LANES`]. If `PLAIN`, all rows in use must be inside the volume and `count` must be [`Simd::LANES`].
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd, const PLAIN: bool>(
        &self,
        a: usize,
        b: usize,
        at: usize,
        count: usize,
    ) -> S::V {
        let row = self
            .first
            .wrapping_add(a * self.plane + b * self.width + at);
        if PLAIN {
            // SAFETY: the row is inside the volume and has all lanes from `at` by this function's contract.
            return unsafe { S::load(row) };
        }
        let present = self.present.0[a] && self.present.1[b];
        let row = if present { row } else { ZEROS.as_ptr() };
        // SAFETY: a row inside the volume has `count` voxels from `at` by this function's contract; `ZEROS` has as many
        // as the widest register.
        unsafe { S::load_lanes(row, count) }
    }
}
