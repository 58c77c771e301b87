//! Transformed blocks: thirty-six matrices of channels by positions.
// Register tiles are indexed by constants so that the loops unroll.
#![allow(clippy::needless_range_loop)]

use super::filters::{spread_gradient, spread_input};
use super::tiles::{POINTS, Place, SPREAD, TILE, Tiles};
use crate::flex::memory::{Buffer, Target};
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;
use std::ops::Range;

/// The shape of a block's matrices.
pub(super) fn shape(tiles: Tiles, block: &Range<usize>, channels: usize) -> Shape {
    Shape::new(channels, block.len() * tiles.pitch())
}

/// A buffer for the matrices of all points.
pub(super) fn scratch(shape: Shape) -> Buffer {
    Buffer::take(POINTS * shape.len())
}

/// Which transform a block goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `Bᵀ X B` of 6×6 rows, with padding before and after each row.
    Input,
    /// `A dY Aᵀ` of 4×4 rows, with two zeros after each.
    Gradient,
}

/// Transforms the block's tiles of a volume `[batch, channel, depth, height, width]`.
pub(super) fn transform(
    level: Level,
    tiles: Tiles,
    block: &Range<usize>,
    shape: Shape,
    side: Side,
    volume: &[f32],
) -> Buffer {
    let voxels = tiles.batch() * shape.channels * tiles.voxels();
    assert_eq!(volume.len(), voxels, "volume of another size");
    let mut scratch = scratch(shape);
    let out = Target::new(scratch.as_mut());
    (0..shape.channels).into_par_iter().for_each(|channel| {
        let job = Transform {
            tiles,
            block: block.clone(),
            shape,
            side,
            volume,
            channel,
            out,
        };
        // SAFETY: the level is available, the volume holds the tiles' voxels, and every channel
        // writes its own rows of the matrices.
        unsafe { level.run(job) }
    });
    scratch
}

/// The transform of one channel of a block.
struct Transform<'a> {
    tiles: Tiles,
    block: Range<usize>,
    shape: Shape,
    side: Side,
    volume: &'a [f32],
    channel: usize,
    out: Target,
}

impl Kernel for Transform<'_> {
    type Output = ();

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
            // SAFETY: a register may reach beyond its row, into the next one, which is written
            // later, or into the room that the stride leaves behind the last.
            unsafe {
                match self.side {
                    Side::Input => self.input::<S>(map, place, to),
                    Side::Gradient => self.gradient::<S>(map, place, to),
                }
            }
        }
        for point in 0..POINTS {
            // Products may read the room as input; whatever they make of it is not used, but in the
            // weight's gradient it is multiplied by zero and so must be finite.
            let room = self
                .out
                .at(point * self.shape.len() + self.channel * stride + columns);
            // SAFETY: the room belongs to this channel.
            unsafe { std::ptr::write_bytes(room, 0, stride - columns) };
        }
    }
}

impl Transform<'_> {
    /// `Bᵀ X B` of one tile.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`]; `to` has room for the tile's row and one register in every matrix.
    #[inline(always)]
    unsafe fn input<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        let rows = Rows::<SPREAD>::new(self.tiles, map, place.first);
        let width = self.tiles.size()[2];
        for at in (0..self.tiles.pitch()).step_by(S::LANES) {
            // Lane 0 of the first register is the padding before the row.
            let lane = usize::from(at == 0);
            let start = at + lane - 1;
            let count = width.saturating_sub(start).min(S::LANES - lane);
            // SAFETY: `count` voxels of the rows begin at `start`; the rest is passed on.
            unsafe {
                let mut half = [[S::splat(0.0); SPREAD]; SPREAD];
                for b in 0..SPREAD {
                    half[b] = spread_input::<S>(rows.load::<S>(b, start, lane, count));
                }
                for a in 0..SPREAD {
                    let mut row = [S::splat(0.0); SPREAD];
                    for b in 0..SPREAD {
                        row[b] = half[b][a];
                    }
                    self.store::<S>(to.wrapping_add(at), a, spread_input::<S>(row));
                }
            }
        }
    }

    /// `A dY Aᵀ` of one tile.
    ///
    /// # Safety
    ///
    /// As [`Transform::input`].
    #[inline(always)]
    unsafe fn gradient<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        let rows = Rows::<TILE>::new(self.tiles, map, place.first.map(|first| first + 1));
        let width = self.tiles.size()[2];
        for at in (0..self.tiles.pitch()).step_by(S::LANES) {
            let count = width.saturating_sub(at).min(S::LANES);
            // SAFETY: `count` voxels of the rows begin at `at`; the rest is passed on.
            unsafe {
                let mut half = [[S::splat(0.0); SPREAD]; TILE];
                for b in 0..TILE {
                    half[b] = spread_gradient::<S>(rows.load::<S>(b, at, 0, count));
                }
                for a in 0..SPREAD {
                    let mut row = [S::splat(0.0); TILE];
                    for b in 0..TILE {
                        row[b] = half[b][a];
                    }
                    self.store::<S>(to.wrapping_add(at), a, spread_gradient::<S>(row));
                }
            }
        }
    }

    /// Stores row `a` of the points.
    ///
    /// # Safety
    ///
    /// As [`Transform::input`].
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, to: *mut f32, a: usize, row: [S::V; SPREAD]) {
        for (b, value) in row.into_iter().enumerate() {
            let point = (SPREAD * a + b) * self.shape.len();
            // SAFETY: passed on.
            unsafe { S::store(to.wrapping_add(point), value) };
        }
    }
}

/// The `N`×`N` rows of a tile, those outside the volume absent.
struct Rows<const N: usize> {
    rows: [[*const f32; N]; N],
    present: [[bool; N]; N],
    all: bool,
}

impl<const N: usize> Rows<N> {
    /// The rows from `first`, which counts from one before the first row.
    #[inline(always)]
    fn new(tiles: Tiles, map: &[f32], first: [usize; 2]) -> Self {
        let mut found = Self {
            rows: [[map.as_ptr(); N]; N],
            present: [[false; N]; N],
            all: true,
        };
        for a in 0..N {
            for b in 0..N {
                let [d, h] = [first[0] + a, first[1] + b];
                found.present[a][b] = tiles.has_row(d, h);
                found.all &= found.present[a][b];
                found.rows[a][b] = map.as_ptr().wrapping_offset(tiles.row(d, h));
            }
        }
        found
    }

    /// Lanes `lane..lane + count` of column `b` from position `start`; the others are zero.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, and the rows must hold `count` voxels from `start`.
    #[inline(always)]
    unsafe fn load<S: Simd>(&self, b: usize, start: usize, lane: usize, count: usize) -> [S::V; N] {
        // SAFETY: passed on; nothing is read of absent rows.
        unsafe {
            let mut x = [S::splat(0.0); N];
            if self.all && count == S::LANES {
                for a in 0..N {
                    x[a] = S::load(self.rows[a][b].wrapping_add(start));
                }
            } else {
                for a in 0..N {
                    let count = if self.present[a][b] { count } else { 0 };
                    x[a] = S::load_lanes(self.rows[a][b].wrapping_add(start), lane, count);
                }
            }
            x
        }
    }
}
