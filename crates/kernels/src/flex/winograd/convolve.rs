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
use crate::profile::Pass;
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
            let matrices = products.as_mut().par_chunks_exact_mut(to.len());
            matrices.enumerate().for_each(|(point, out)| {
                let product = Product::<TAPS> {
                    blocks: &weights.blocks,
                    weights: weights.point(point),
                    x: &input[point * from.len()..][..from.len()],
                    from,
                    out,
                    to,
                };
                // SAFETY: `Product::run` requires nothing but enabled instructions.
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
                // SAFETY: `out` is the volume of `outputs` channels that `filled` makes below, `block` is one of the
                // tiles' blocks, and no one else writes this channel of its rows, as neither channels nor blocks
                // overlap.
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
    const PASS: Pass = Pass::Inverse;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `out` must be the volume of the tiles with `shape.channels` channels,
    /// the block must be a range of the tiles, and no other thread may write the block's rows of this channel.
    ///
    /// # Panics
    ///
    /// If the products are not the matrices of all points, or of fewer channels.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        assert!(
            self.products.len() == D * SPREAD * self.shape.len()
                && self.shape == shape(self.tiles, self.block, self.shape.channels)
                && self.channel < self.shape.channels,
            "the products must be the matrices of the block"
        );
        let width = self.tiles.size()[2];
        for (i, tile) in self.block.clone().enumerate() {
            let from = self.channel * self.shape.stride + i * self.tiles.pitch();
            for at in (0..width).step_by(S::LANES) {
                // SAFETY: `from + at` is a position of tile `i` in this channel's row of the products, which are the
                // block's by the assertion above, and `at` is one of the tile's rows of voxels.
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
    /// As for [`Back::run`], whose assertion must have passed; `at` must be one of the positions of its channel.
    #[inline(always)]
    unsafe fn rows<S: Simd>(&self, at: usize) -> [[S::V; TILE]; TILE] {
        let mut from = self.products[at..].as_ptr();
        // SAFETY: a register that begins at one of the columns ends within the channel's stride, as the stride that
        // `Shape::new` gives exceeds the columns by the widest register; the channel is one of each of the
        // `D * SPREAD` matrices. The caller has enabled the instructions of `S`.
        unsafe {
            let zero = S::splat(0.0);
            let mut half = [[zero; TILE]; SPREAD];
            for a in 0..D {
                let mut m = [zero; SPREAD];
                for b in 0..SPREAD {
                    m[b] = S::load(from);
                    from = from.wrapping_add(self.shape.len());
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
    /// As for [`Back::run`]; `tile` must be in the block, and `at` less than the width.
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
                // SAFETY: the row exists (`has_row`) and is this thread's by the contract of `Back::run`; `count` of
                // its voxels begin at `at`.
                unsafe {
                    if count == S::LANES {
                        S::store(to, rows[a][b]);
                    } else {
                        S::store_lanes(to, rows[a][b], count);
                    }
                }
            }
        }
    }
}
