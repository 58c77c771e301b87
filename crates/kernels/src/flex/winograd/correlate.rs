//! The weight's gradient: one product per point of transformed gradient and transformed input.

use super::matrices::gather;
use super::panels::{Side, shape, transform};
use super::tiles::{POINTS, SPREAD, TAPS, Tiles, taps_depth};
use crate::flex::correlation::Correlation;
use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::packing::unpacked;
use crate::flex::simd::{Kernel, Level, Simd};
use crate::profile::Pass;
use rayon::prelude::*;

/// Number of parts whose sums are added in order, which makes the gradient independent of the number of
/// threads.
const PARTS: usize = 16;
/// Maximum number of floats for the sums of all parts.
const SUMS: usize = 16 * 1024 * 1024;

/// Computes the gradient `[out, in, taps]` of the weight from the input and the output's gradient.
pub(crate) fn weight_gradient(
    level: Level,
    tiles: Tiles,
    channels: [usize; 2],
    input: &[f32],
    gradient: &[f32],
) -> Buffer {
    match tiles.sliced() {
        true => run::<1>(level, tiles, channels, input, gradient),
        false => run::<SPREAD>(level, tiles, channels, input, gradient),
    }
}

/// [`weight_gradient`] with `D` points along depth.
fn run<const D: usize>(
    level: Level,
    tiles: Tiles,
    [inputs, outputs]: [usize; 2],
    input: &[f32],
    gradient: &[f32],
) -> Buffer {
    let points = D * SPREAD;
    let size = outputs * inputs * TAPS;
    let blocks = tiles.blocks(inputs.max(outputs));
    let parts = PARTS.min(blocks.len()).min((SUMS / (points * size)).max(1));
    let part = |part: usize| {
        let mut sums = Buffer::take(points * size);
        let range = part * blocks.len() / parts..(part + 1) * blocks.len() / parts;
        for (i, block) in blocks[range].iter().enumerate() {
            let [from, to] = [inputs, outputs].map(|c| shape(tiles, block, c));
            let x = transform::<D>(level, tiles, block, from, Side::Input, input);
            let y = transform::<D>(level, tiles, block, to, Side::Gradient, gradient);
            let points = sums.as_mut().par_chunks_mut(size).enumerate();
            points.for_each(|(point, sums)| {
                let correlation = Correlation::<TAPS> {
                    x: &x[point * from.len()..][..from.len()],
                    from,
                    y: &y[point * to.len()..][..to.len()],
                    to,
                    widest: level.channels(),
                    begins: i == 0,
                    sums,
                };
                // SAFETY: `Correlation::run` requires nothing but enabled instructions.
                unsafe { level.run(correlation) }
            });
        }
        sums
    };
    let parts: Vec<Buffer> = (0..parts).into_par_iter().map(part).collect();
    let gather = |to: Target| {
        (0..size.div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
            let job = Gather::<D> {
                parts: &parts,
                outputs,
                row: inputs * TAPS,
                widest: level.channels(),
                size,
                at: chunk * CHUNK,
                to,
            };
            // SAFETY: `to` has `3 * taps_depth` numbers for each of `size` sums, as `filled` makes it below, and
            // chunks do not overlap.
            unsafe { level.run(job) }
        });
    };
    filled(size * 3 * taps_depth::<D>(), gather)
}

/// Sums transformed back together.
const CHUNK: usize = 16;

/// The transform `Gᵀ m G` of a chunk of pairs of channels and taps along the row.
struct Gather<'a, const D: usize> {
    parts: &'a [Buffer],
    outputs: usize,
    /// Sums per output, one for each input and tap along the row.
    row: usize,
    /// Maximum number of outputs of a packed block.
    widest: usize,
    size: usize,
    at: usize,
    to: Target,
}

impl<const D: usize> Kernel for Gather<'_, D> {
    type Output = ();
    const PASS: Pass = Pass::InverseWeight;

    /// # Safety
    ///
    /// `to` must have `3 * taps_depth` numbers for each of `size` sums, and no other thread may write those of this
    /// chunk.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let count = CHUNK.min(self.size - self.at);
        let mut m = [[0.0; CHUNK]; POINTS];
        for (point, m) in m[..D * SPREAD].iter_mut().enumerate() {
            for sums in self.parts {
                let sums = &sums[point * self.size + self.at..][..count];
                for (total, sum) in m.iter_mut().zip(sums) {
                    *total += sum;
                }
            }
        }
        let g = gather::<CHUNK, D>(&m);
        let planes = taps_depth::<D>();
        for i in 0..count {
            let [output, place] = unpacked(self.outputs, self.widest, self.row, self.at + i);
            let (pair, kw) = ((output * self.row + place) / TAPS, place % TAPS);
            for (tap, g) in g[..planes].as_flattened().iter().enumerate() {
                // SAFETY: `pair` and `kw` are those of sum `at + i` of the chunk, which is less than `size`, and `tap`
                // is less than `3 * planes`: one of the chunk's numbers in `to`.
                unsafe { *self.to.at((pair * 3 * planes + tap) * TAPS + kw) = g[i] };
            }
        }
    }
}
