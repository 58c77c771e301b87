//! Transformed blocks: one matrix of channels by positions per point of a tile.
// Register tiles are indexed by constants to unroll the loops.
#![allow(clippy::needless_range_loop)]

use super::filters::{spread_gradient, spread_gradient_depth, spread_input, spread_input_depth};
use super::tiles::{Place, SPREAD, TILE, Tiles, tile_depth};
use crate::flex::memory::{Buffer, Target};
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;
use std::ops::Range;

/// The shape of a block's matrices.
pub(super) fn shape(tiles: Tiles, block: &Range<usize>, channels: usize) -> Shape {
    Shape::new(channels, block.len() * tiles.pitch())
}

/// Takes a buffer for the matrices of all points.
pub(super) fn scratch(tiles: Tiles, shape: Shape) -> Buffer {
    Buffer::take(tiles.points() * shape.len())
}

/// The transform of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `Bᵀ X B` of 6×6 rows (or 6, where depth is not transformed), with padding before and after each row.
    Input,
    /// `A dY Aᵀ` of 4×4 rows, with two zeros after each.
    Gradient,
}

/// Transforms the tiles of a block of a volume `[batch, channel, depth, height, width]`, with `D` points
/// along depth.
pub(super) fn transform<const D: usize>(
    level: Level,
    tiles: Tiles,
    block: &Range<usize>,
    shape: Shape,
    side: Side,
    volume: &[f32],
) -> Buffer {
    let voxels = tiles.batch() * shape.channels * tiles.voxels();
    assert_eq!(
        volume.len(),
        voxels,
        "the volume must have the size of the tiles"
    );
    assert!(
        D * SPREAD == tiles.points() && shape == self::shape(tiles, block, shape.channels),
        "points and shape must be those of the tiles and the block"
    );
    let mut scratch = scratch(tiles, shape);
    let out = Target::new(scratch.as_mut());
    (0..shape.channels).into_par_iter().for_each(|channel| {
        let job = Transform::<D> {
            tiles,
            block: block.clone(),
            shape,
            side,
            volume,
            channel,
            out,
        };
        // SAFETY: `out` is the buffer of `scratch` for this shape, which has `D * SPREAD` matrices and is the block's by
        // the assertion above, and every channel writes its own rows of the matrices.
        unsafe { level.run(job) }
    });
    scratch
}

/// The transform of one channel of a block.
struct Transform<'a, const D: usize> {
    tiles: Tiles,
    block: Range<usize>,
    shape: Shape,
    side: Side,
    volume: &'a [f32],
    channel: usize,
    out: Target,
}

impl<const D: usize> Kernel for Transform<'_, D> {
    type Output = ();

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
            // row. The registers that cover them may reach beyond, by less than one register: into the columns of the
            // next tile, which are written later, or into the padding, in which `Shape::new` leaves room for the
            // widest.
            unsafe {
                match self.side {
                    Side::Input => self.input::<S>(map, place, to),
                    Side::Gradient => self.gradient::<S>(map, place, to),
                }
            }
        }
        for point in 0..D * SPREAD {
            // Products read the padding as input. Their results there are not used, except in the weight's
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
    /// As for [`Transform::run`]; `to` must be valid for the registers that cover a tile's `pitch` positions in every
    /// matrix.
    #[inline(always)]
    unsafe fn input<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        // Coordinates start at one before the first row; a separate slice has no row before it.
        let depth = place.first[0] + usize::from(D == 1);
        let rows = Rows::<D, SPREAD>::new(self.tiles, map, [depth, place.first[1]]);
        let width = self.tiles.size()[2];
        for at in (0..self.tiles.pitch()).step_by(S::LANES) {
            // Lane 0 of the first register is the padding before the row.
            let lane = usize::from(at == 0);
            let start = at + lane - 1;
            let count = width.saturating_sub(start).min(S::LANES - lane);
            // SAFETY: `count` voxels of the rows begin at `start`, since it is at most `width - start`, and `lane +
            // count` is at most `LANES`; the register from `at` on is one of those that cover the tile's positions.
            unsafe {
                let mut half = [[S::splat(0.0); SPREAD]; SPREAD];
                for b in 0..SPREAD {
                    let mut column = [S::splat(0.0); SPREAD];
                    for a in 0..D {
                        column[a] = rows.load::<S>(a, b, start, lane, count);
                    }
                    half[b] = spread_input_depth::<S, D>(column);
                }
                for a in 0..D {
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
    /// As for [`Transform::input`].
    #[inline(always)]
    unsafe fn gradient<S: Simd>(&self, map: &[f32], place: Place, to: *mut f32) {
        let rows = Rows::<TILE, TILE>::new(self.tiles, map, place.first.map(|first| first + 1));
        let width = self.tiles.size()[2];
        for at in (0..self.tiles.pitch()).step_by(S::LANES) {
            let count = width.saturating_sub(at).min(S::LANES);
            // SAFETY: `count` voxels of the rows begin at `at`, since it is at most `width - at` and at most `LANES`;
            // the register from `at` on is one of those that cover the tile's positions.
            unsafe {
                let mut half = [[S::splat(0.0); SPREAD]; TILE];
                for b in 0..TILE {
                    let mut column = [S::splat(0.0); TILE];
                    for a in 0..tile_depth::<D>() {
                        column[a] = rows.load::<S>(a, b, at, 0, count);
                    }
                    half[b] = spread_gradient_depth::<S, D>(column);
                }
                for a in 0..D {
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
    /// The instructions of `S` must be enabled, `a` must be less than `D`, and `to` must be valid for a register in
    /// every matrix.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, to: *mut f32, a: usize, row: [S::V; SPREAD]) {
        for (b, value) in row.into_iter().enumerate() {
            let point = (SPREAD * a + b) * self.shape.len();
            // SAFETY: `point` is the start of one of the `D * SPREAD` matrices, in each of which `to` is valid for a
            // register by this function's contract.
            unsafe { S::store(to.wrapping_add(point), value) };
        }
    }
}

/// The `M`×`N` rows of a tile; rows outside the volume are absent.
struct Rows<const M: usize, const N: usize> {
    rows: [[*const f32; N]; M],
    present: [[bool; N]; M],
    all: bool,
}

impl<const M: usize, const N: usize> Rows<M, N> {
    /// The rows from `first`; coordinates start at one before the first row.
    #[inline(always)]
    fn new(tiles: Tiles, map: &[f32], first: [usize; 2]) -> Self {
        let mut found = Self {
            rows: [[map.as_ptr(); N]; M],
            present: [[false; N]; M],
            all: true,
        };
        for a in 0..M {
            for b in 0..N {
                let [d, h] = [first[0] + a, first[1] + b];
                found.present[a][b] = tiles.has_row(d, h);
                found.all &= found.present[a][b];
                found.rows[a][b] = map.as_ptr().wrapping_offset(tiles.row(d, h));
            }
        }
        found
    }

    /// Loads lanes `lane..lane + count` of a row from position `start`; the others are zero.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled, the rows must contain `count` voxels from `start`, and `lane + count`
    /// must be at most [`Simd::LANES`].
    #[inline(always)]
    unsafe fn load<S: Simd>(
        &self,
        a: usize,
        b: usize,
        start: usize,
        lane: usize,
        count: usize,
    ) -> S::V {
        let row = self.rows[a][b].wrapping_add(start);
        // SAFETY: the row has `count` voxels from `start` by this function's contract if it is present, and all rows
        // are where `all` is set; nothing is read of absent rows, where the count is zero.
        unsafe {
            if self.all && count == S::LANES {
                S::load(row)
            } else {
                let count = if self.present[a][b] { count } else { 0 };
                S::load_lanes(row, lane, count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lengths_blocks_and_kernels_are_refused() {
        let tiles = Tiles::new(2, [4, 5, 6], [3, 3, 3]).expect("a kernel for tiles");
        let (block, voxels) = (0..tiles.count(), 2 * 3 * tiles.voxels());
        let run = |shape: Shape, len: usize| {
            let volume = vec![1.0; len];
            let level = Level::current();
            std::panic::catch_unwind(|| {
                transform::<SPREAD>(level, tiles, &block, shape, Side::Input, &volume).len()
            })
        };
        let fitting = shape(tiles, &block, 3);
        let expected = tiles.points() * fitting.len();
        assert_eq!(run(fitting, voxels).ok(), Some(expected));
        assert!(run(fitting, voxels - 1).is_err());
        assert!(run(fitting, voxels + 1).is_err());
        assert!(run(shape(tiles, &(0..1), 3), voxels).is_err());
        let slices = Tiles::new(2, [4, 5, 6], [1, 3, 3]).expect("a kernel for tiles");
        let fitting = shape(slices, &block, 3);
        let volume = vec![1.0; voxels];
        let volumes = || {
            transform::<SPREAD>(
                Level::current(),
                slices,
                &block,
                fitting,
                Side::Input,
                &volume,
            )
            .len()
        };
        assert!(std::panic::catch_unwind(volumes).is_err());
    }
}
