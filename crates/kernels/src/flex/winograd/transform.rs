//! The transform of one channel of a block, tile by tile.
// Register tiles are indexed by constants to unroll the loops.
#![allow(clippy::needless_range_loop)]

use super::filters::{spread_gradient, spread_gradient_depth, spread_input, spread_input_depth};
use super::panels::Side;
use super::rows::Rows;
use super::tiles::{Place, SPREAD, TILE, Tiles, tile_depth};
use crate::flex::memory::Target;
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;
use std::ops::Range;

/// The transform of one channel of a block.
pub(super) struct Transform<'a, const D: usize> {
    pub(super) tiles: Tiles,
    pub(super) block: Range<usize>,
    pub(super) shape: Shape,
    pub(super) side: Side,
    pub(super) volume: &'a [f32],
    pub(super) channel: usize,
    pub(super) out: Target,
}

impl<const D: usize> Kernel for Transform<'_, D> {
    type Output = ();
    const PASS: Pass = Pass::Transform;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `shape` must be the block's, `out` must have the room of [`scratch`]
    /// for it, and no other thread may write the channel's rows of the matrices.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Shape {
            columns, stride, ..
        } = self.shape;
        let pitch = self.tiles.pitch();
        for (i, tile) in self.block.clone().enumerate() {
            let place = self.tiles.place(tile);
            let map = place.sample * self.shape.channels + self.channel;
            let map = &self.volume[map * self.tiles.voxels()..][..self.tiles.voxels()];
            let to = self.out.at(self.channel * stride + i * pitch);
            // SAFETY: the shape has `pitch` columns per tile of the block, so that tile `i`'s are within the channel's
            // row. The registers that cover its voxels may reach beyond, by less than one register: into the columns
            // of the next tiles, which are written later, or into the padding, in which `Shape::new` leaves room for
            // the widest.
            unsafe {
                match self.side {
                    Side::Input => self.input::<S>(map, place, to),
                    Side::Gradient => self.gradient::<S>(map, place, to),
                }
            }
        }
        for point in 0..D * SPREAD {
            // The zero behind the last row is read as input; behind it results are not used, except in the weight's
            // gradient, where they are multiplied by zero and must be finite.
            let room = self
                .out
                .at(point * self.shape.len() + self.channel * stride + columns);
            // SAFETY: `columns..stride` is the padding of this channel's row, in the matrix of one of the points.
            unsafe { std::ptr::write_bytes(room, 0, stride - columns) };
        }
    }
}

impl<const D: usize> Transform<'_, D> {
    /// `Bᵀ X B` of one tile.
    ///
    /// # Safety
    ///
    /// As for [`Transform::run`]; `to` must be valid for a zero and the registers that cover the width behind it, in
    /// every matrix.
    #[inline(always)]
    unsafe fn input<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        // Coordinates start at one before the first row; a separate slice has no row before it.
        let depth = place.first[0] + usize::from(D == 1);
        let rows = Rows::<D, SPREAD>::new(self.tiles, map, [depth, place.first[1]], D);
        let width = self.tiles.size()[2];
        // SAFETY: `to` is the place of the zero before the row. `count` voxels of the rows begin at `at`, all lanes of
        // all rows where it is said so, and the register from `1 + at` on is one of those that cover the width behind the
        // zero.
        unsafe {
            self.zero(to);
            for at in (0..width).step_by(S::LANES) {
                let (count, to) = (S::LANES.min(width - at), to.wrapping_add(1 + at));
                match rows.all && count == S::LANES {
                    true => self.input_at::<S, true>(&rows, at, count, to),
                    false => self.input_at::<S, false>(&rows, at, count, to),
                }
            }
        }
    }

    /// `Bᵀ X B` of one register of a tile.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `to` must be valid for a register in every matrix, and the rows must
    /// contain `count` voxels from `at`; all lanes of all rows, if `PLAIN`.
    #[inline(always)]
    unsafe fn input_at<S: Simd, const PLAIN: bool>(
        &self,
        rows: &Rows<D, SPREAD>,
        at: usize,
        count: usize,
        mut to: *mut f32,
    ) {
        // SAFETY: this function's contract.
        unsafe {
            let mut half = [[S::splat(0.0); SPREAD]; SPREAD];
            for b in 0..SPREAD {
                let mut column = [S::splat(0.0); SPREAD];
                for a in 0..D {
                    column[a] = rows.load::<S, PLAIN>(a, b, at, count);
                }
                half[b] = spread_input_depth::<S, D>(column);
            }
            for a in 0..D {
                let mut row = [S::splat(0.0); SPREAD];
                for b in 0..SPREAD {
                    row[b] = half[b][a];
                }
                to = self.store::<S>(to, spread_input::<S>(row));
            }
        }
    }

    /// `A dY Aᵀ` of one tile.
    ///
    /// # Safety
    ///
    /// As for [`Transform::run`]; `to` must be valid for the registers that cover the width and for a zero behind it,
    /// in every matrix.
    #[inline(always)]
    unsafe fn gradient<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        let first = place.first.map(|first| first + 1);
        let rows = Rows::<TILE, TILE>::new(self.tiles, map, first, tile_depth::<D>());
        let width = self.tiles.size()[2];
        // SAFETY: as for `input`; position `width` is the place of the zero behind the row.
        unsafe {
            for at in (0..width).step_by(S::LANES) {
                let (count, to) = (S::LANES.min(width - at), to.wrapping_add(at));
                match rows.all && count == S::LANES {
                    true => self.gradient_at::<S, true>(&rows, at, count, to),
                    false => self.gradient_at::<S, false>(&rows, at, count, to),
                }
            }
            self.zero(to.wrapping_add(width));
        }
    }

    /// `A dY Aᵀ` of one register of a tile.
    ///
    /// # Safety
    ///
    /// As for [`Transform::input_at`].
    #[inline(always)]
    unsafe fn gradient_at<S: Simd, const PLAIN: bool>(
        &self,
        rows: &Rows<TILE, TILE>,
        at: usize,
        count: usize,
        mut to: *mut f32,
    ) {
        // SAFETY: this function's contract.
        unsafe {
            let mut half = [[S::splat(0.0); SPREAD]; TILE];
            for b in 0..TILE {
                let mut column = [S::splat(0.0); TILE];
                for a in 0..tile_depth::<D>() {
                    column[a] = rows.load::<S, PLAIN>(a, b, at, count);
                }
                half[b] = spread_gradient_depth::<S, D>(column);
            }
            for a in 0..D {
                let mut row = [S::splat(0.0); TILE];
                for b in 0..TILE {
                    row[b] = half[b][a];
                }
                to = self.store::<S>(to, spread_gradient::<S>(row));
            }
        }
    }

    /// Writes a zero to every matrix.
    ///
    /// # Safety
    ///
    /// `to` must be valid for a number in every matrix.
    #[inline(always)]
    unsafe fn zero(&self, to: *mut f32) {
        for point in 0..D * SPREAD {
            // SAFETY: this function's contract.
            unsafe { *to.wrapping_add(point * self.shape.len()) = 0.0 };
        }
    }

    /// Stores a row of the points and returns the place of the next one.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, and `to` must be valid for a register in [`SPREAD`] consecutive
    /// matrices.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, mut to: *mut f32, row: [S::V; SPREAD]) -> *mut f32 {
        for b in 0..SPREAD {
            // SAFETY: this function's contract.
            unsafe { S::store(to, row[b]) };
            to = to.wrapping_add(self.shape.len());
        }
        to
    }
}
