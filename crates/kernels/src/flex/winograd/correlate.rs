//! The weight's gradient: thirty-six products of transformed gradient and transformed input.

use super::matrices::gather;
use super::panels::{Side, shape, transform};
use super::tiles::{POINTS, TAPS, Tiles};
use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::panel::{Shape, blocks, dots};
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;

/// Parts whose sums are added in order, so that the gradient does not depend on the number of
/// threads.
const PARTS: usize = 16;
/// Floats that the sums of all parts may take together.
const SUMS: usize = 16 * 1024 * 1024;

/// The gradient `[out, in, 27]` of the weight, from the input and the output's gradient.
pub(crate) fn weight_gradient(
    level: Level,
    tiles: Tiles,
    [inputs, outputs]: [usize; 2],
    input: &[f32],
    gradient: &[f32],
) -> Buffer {
    let size = outputs * inputs * TAPS;
    let blocks = tiles.blocks(inputs.max(outputs));
    let parts = PARTS.min(blocks.len()).min((SUMS / (POINTS * size)).max(1));
    let part = |part: usize| {
        let mut sums = Buffer::take(POINTS * size);
        let range = part * blocks.len() / parts..(part + 1) * blocks.len() / parts;
        for (i, block) in blocks[range].iter().enumerate() {
            let [from, to] = [inputs, outputs].map(|c| shape(tiles, block, c));
            let x = transform(level, tiles, block, from, Side::Input, input);
            let y = transform(level, tiles, block, to, Side::Gradient, gradient);
            let points = sums.as_mut().par_chunks_mut(size).enumerate();
            points.for_each(|(point, sums)| {
                let correlation = Correlation {
                    x: &x[point * from.len()..],
                    y: &y[point * to.len()..],
                    shapes: [from, to],
                    widest: level.channels(),
                    first: i == 0,
                    sums,
                };
                // SAFETY: the level is available and the matrices have the room of their shapes.
                unsafe { level.run(correlation) }
            });
        }
        sums
    };
    let parts: Vec<Buffer> = (0..parts).into_par_iter().map(part).collect();
    let gather = |to: Target| {
        (0..size.div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
            let job = Gather {
                parts: &parts,
                size,
                at: chunk * CHUNK,
                to,
            };
            // SAFETY: the level is available and every chunk writes taps of its own.
            unsafe { level.run(job) }
        });
    };
    filled(outputs * inputs * 27, gather)
}

/// Sums transformed back together.
const CHUNK: usize = 16;

/// `Gᵀ m G` of a chunk of pairs of channels and taps along the row.
struct Gather<'a> {
    parts: &'a [Buffer],
    size: usize,
    at: usize,
    to: Target,
}

impl Kernel for Gather<'_> {
    type Output = ();

    /// # Safety
    ///
    /// No one else may write the chunk's taps.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let count = CHUNK.min(self.size - self.at);
        let mut m = [[0.0; CHUNK]; POINTS];
        for (point, m) in m.iter_mut().enumerate() {
            for sums in self.parts {
                let sums = &sums[point * self.size + self.at..][..count];
                for (total, sum) in m.iter_mut().zip(sums) {
                    *total += sum;
                }
            }
        }
        let g = gather(&m);
        for i in 0..count {
            let (pair, kw) = ((self.at + i) / TAPS, (self.at + i) % TAPS);
            for (tap, g) in g.as_flattened().iter().enumerate() {
                // SAFETY: the tap is this chunk's.
                unsafe { *self.to.at(pair * 27 + tap * TAPS + kw) = g[i] };
            }
        }
    }
}

/// Sets or adds `Σ over j of y[o][j] · x[i][j + t]` to `sums[o][i][t]`.
struct Correlation<'a> {
    x: &'a [f32],
    y: &'a [f32],
    shapes: [Shape; 2],
    widest: usize,
    /// Whether the sums begin here.
    first: bool,
    sums: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled and the matrices must have the room of their shapes.
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        for (first, width) in blocks(self.shapes[1].channels, self.widest) {
            for input in 0..self.shapes[0].channels {
                // SAFETY: passed on.
                unsafe {
                    match width {
                        8 => self.tile::<S, 8>(first, input),
                        4 => self.tile::<S, 4>(first, input),
                        2 => self.tile::<S, 2>(first, input),
                        _ => self.tile::<S, 1>(first, input),
                    }
                }
            }
        }
    }
}

impl Correlation<'_> {
    /// `C` output channels with one input channel.
    ///
    /// # Safety
    ///
    /// As [`Correlation::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize>(&mut self, first: usize, input: usize) {
        let [from, to] = self.shapes;
        let x = self.x[input * from.stride..].as_ptr();
        let y = self.y[first * to.stride..].as_ptr();
        // SAFETY: registers and taps stay in the room behind a channel's positions, where `y` is zero
        // and `x` finite.
        let dots = unsafe { dots::<S, C, TAPS>(x, 1, y, to) };
        for (c, dots) in dots.into_iter().enumerate() {
            let at = ((first + c) * from.channels + input) * TAPS;
            for (sum, dot) in self.sums[at..at + TAPS].iter_mut().zip(dots) {
                *sum = if self.first { dot } else { *sum + dot };
            }
        }
    }
}
