//! Winograd convolution: transform, one product per point, inverse transform.
// Register tiles are indexed by constants to unroll the loops.
#![allow(clippy::needless_range_loop)]

use super::filters::{gather_output, gather_output_depth};
use super::matrices::Transformed;
use super::panels::{Side, scratch, shape, transform};
use super::tiles::{SPREAD, TAPS, TILE, Tiles, tile_depth};
use crate::flex::epilogue::{ChannelEpilogue, Epilogue};
use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::panel::{Product, Shape};
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;
use std::ops::Range;

/// Convolves volumes `[batch, in, depth, height, width]` with the kernel of the tiles to
/// `[batch, out, depth, height, width]`.
pub(crate) fn convolve(
    level: Level,
    tiles: Tiles,
    volume: &[f32],
    weights: &Transformed,
    epilogue: Epilogue,
) -> Buffer {
    match tiles.sliced() {
        true => run::<1>(level, tiles, volume, weights, epilogue),
        false => run::<SPREAD>(level, tiles, volume, weights, epilogue),
    }
}

/// [`convolve`] with `D` points along depth.
fn run<const D: usize>(
    level: Level,
    tiles: Tiles,
    volume: &[f32],
    weights: &Transformed,
    epilogue: Epilogue,
) -> Buffer {
    let (inputs, outputs) = (weights.inputs, weights.outputs);
    assert!(
        epilogue.fits(outputs),
        "the bias must have one value per output channel"
    );
    let compute = |out: Target| {
        let blocks = tiles.blocks(inputs.max(outputs));
        blocks.par_iter().for_each(|block| {
            let [from, to] = [inputs, outputs].map(|c| shape(tiles, block, c));
            let input = transform::<D>(level, tiles, block, from, Side::Input, volume);
            let mut products = scratch(tiles, to);
            let target = Target::new(products.as_mut());
            (0..D * SPREAD).into_par_iter().for_each(|point| {
                let product = Product::<TAPS> {
                    blocks: &weights.blocks,
                    weights: weights.point(point),
                    x: &input[point * from.len()..],
                    from,
                    out: target.at(point * to.len()),
                    to,
                };
                // SAFETY: the level is available, and every point writes its own matrix.
                unsafe { level.run(product) }
            });
            drop(input);
            (0..outputs).into_par_iter().for_each(|channel| {
                let back = Back::<D> {
                    tiles,
                    block,
                    shape: to,
                    products: &products,
                    channel,
                    epilogue: epilogue.channel(channel),
                    out,
                };
                // SAFETY: the level is available, and every channel of every block writes voxels of
                // its own.
                unsafe { level.run(back) }
            });
        });
    };
    filled(tiles.batch() * outputs * tiles.voxels(), compute)
}

/// The inverse transform `Aᵀ M A` of one channel of a block.
struct Back<'a, const D: usize> {
    tiles: Tiles,
    block: &'a Range<usize>,
    shape: Shape,
    products: &'a [f32],
    channel: usize,
    epilogue: ChannelEpilogue,
    out: Target,
}

impl<const D: usize> Kernel for Back<'_, D> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, the products must have the padding of their shape, and no
    /// other thread may write the block's rows of this channel.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.tiles.size()[2];
        for (i, tile) in self.block.clone().enumerate() {
            let from = self.channel * self.shape.stride + i * self.tiles.pitch();
            for at in (0..width).step_by(S::LANES) {
                // SAFETY: a register that reaches beyond the row stays in the matrix's room, and only
                // the row's voxels are written.
                unsafe {
                    let rows = self.rows::<S>(from + at);
                    self.write::<S>(tile, at, rows);
                }
            }
        }
    }
}

impl<const D: usize> Back<'_, D> {
    /// The registers of the output rows at a position.
    ///
    /// # Safety
    ///
    /// As for [`Back::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd>(&self, at: usize) -> [[S::V; TILE]; TILE] {
        let from = self.products[at..].as_ptr();
        // SAFETY: passed on.
        unsafe {
            let zero = S::splat(0.0);
            let mut half = [[zero; TILE]; SPREAD];
            for a in 0..D {
                let mut m = [zero; SPREAD];
                for b in 0..SPREAD {
                    m[b] = S::load(from.wrapping_add((SPREAD * a + b) * self.shape.len()));
                }
                half[a] = gather_output::<S>(m);
            }
            let mut rows = [[zero; TILE]; TILE];
            for b in 0..TILE {
                let column = gather_output_depth::<S, D>(half.map(|row| row[b]));
                for a in 0..tile_depth::<D>() {
                    rows[a][b] = self.epilogue.of_register::<S>(column[a]);
                }
            }
            rows
        }
    }

    /// Writes the rows that are inside the volume.
    ///
    /// # Safety
    ///
    /// As for [`Back::run`].
    #[inline(always)]
    unsafe fn write<S: Simd>(&self, tile: usize, at: usize, rows: [[S::V; TILE]; TILE]) {
        let place = self.tiles.place(tile);
        let map = (place.sample * self.shape.channels + self.channel) * self.tiles.voxels();
        let count = S::LANES.min(self.tiles.size()[2] - at);
        for a in 0..tile_depth::<D>() {
            for b in 0..TILE {
                let [d, h] = [place.first[0] + 1 + a, place.first[1] + 1 + b];
                if !self.tiles.has_row(d, h) {
                    continue;
                }
                let to = self.out.at(map + at).wrapping_offset(self.tiles.row(d, h));
                // SAFETY: `count` voxels of the row begin here.
                unsafe {
                    if count == S::LANES {
                        S::store(to, rows[a][b]);
                    } else {
                        S::store_lanes(to, rows[a][b], 0, count);
                    }
                }
            }
        }
    }
}
