//! Convolutions whose stride is their kernel, down and up, and the 1×1×1 convolution among them.
//!
//! Their windows do not overlap, so that each is one matrix product over a panel: the voxels of a
//! window are the rows, the windows the columns. A block of windows is gathered into a panel that
//! fits the cache, multiplied, and scattered.

mod grid;
mod matrix;
mod weave;

use super::memory::{Buffer, Target, filled};
use super::operator::{Convolution, apply};
use super::simd::Level;
use burn::prelude::*;
use grid::Grid;
use matrix::{Correlation, Matrix};
use rayon::prelude::*;

/// Parts whose sums are added in order, so that the weight's gradient does not depend on the number
/// of threads.
const PARTS: usize = 16;

/// The convolution down, or nothing as [`apply`] says.
pub(crate) fn down(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let [batch, inputs, d, h, w] = input.dims();
    let [outputs, _, kd, kh, kw] = weight.dims();
    let grid = Grid {
        batch,
        small: [d / kd, h / kh, w / kw],
        large: [d, h, w],
        kernel: [kd, kh, kw],
    };
    let channels = [inputs, outputs];
    let sizes = Sizes::of(level, grid, channels)?;
    apply(Down(sizes), input, weight, bias)
}

/// The convolution up, or nothing as [`apply`] says.
pub(crate) fn up(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let [batch, inputs, d, h, w] = input.dims();
    let [_, outputs, kd, kh, kw] = weight.dims();
    let grid = Grid {
        batch,
        small: [d, h, w],
        large: [d * kd, h * kh, w * kw],
        kernel: [kd, kh, kw],
    };
    let channels = [inputs, outputs];
    let sizes = Sizes::of(level, grid, channels)?;
    apply(Up(sizes), input, weight, bias)
}

/// What the shapes say.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    level: Level,
    grid: Grid,
    /// Input and output.
    channels: [usize; 2],
}

/// Many voxels to one.
#[derive(Debug, Clone, Copy)]
struct Down(Sizes);

/// One voxel to many.
#[derive(Debug, Clone, Copy)]
struct Up(Sizes);

impl Convolution for Down {
    fn output(&self) -> [usize; 5] {
        self.0.grid.shape(self.0.grid.small, self.0.channels[1])
    }

    fn forward(&self, input: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = inputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [outputs, row], |o, i| weight[o * row + i]);
        self.0.shrink(input, inputs, &matrix, bias)
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = inputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [row, outputs], |i, o| weight[o * row + i]);
        self.0.expand(gradient, inputs, &matrix, None)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        self.0.correlate([gradient, input], [outputs, inputs])
    }
}

impl Convolution for Up {
    fn output(&self) -> [usize; 5] {
        self.0.grid.shape(self.0.grid.large, self.0.channels[1])
    }

    fn forward(&self, input: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = outputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [row, inputs], |o, i| weight[i * row + o]);
        self.0.expand(input, outputs, &matrix, bias)
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = outputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [inputs, row], |i, o| weight[i * row + o]);
        self.0.shrink(gradient, outputs, &matrix, None)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        self.0.correlate([input, gradient], self.0.channels)
    }
}

impl Sizes {
    /// The sizes if there is anything to compute.
    fn of(level: Level, grid: Grid, channels: [usize; 2]) -> Option<Self> {
        let some = grid.small_len() * channels[0] * channels[1] > 0;
        some.then_some(Self {
            level,
            grid,
            channels,
        })
    }

    /// `small[o] = bias[o] + Σ over the window's voxels of matrix[o] · large`.
    fn shrink(
        &self,
        large: &[f32],
        channels: usize,
        matrix: &Matrix,
        bias: Option<&[f32]>,
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let [rows, outputs] = [channels * grid.voxels(), matrix.outputs];
        let fill = |out: Target| {
            grid.blocks(rows.max(outputs)).par_iter().for_each(|block| {
                let panel = grid.gather(level, block, large, channels);
                let product = matrix.multiply(level, &panel);
                grid.write(block, &product, bias, out);
            });
        };
        filled(grid.small_len() * outputs, fill)
    }

    /// `large = bias + matrixᵀ · small`, window by window.
    fn expand(
        &self,
        small: &[f32],
        channels: usize,
        matrix: &Matrix,
        bias: Option<&[f32]>,
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let fill = |out: Target| {
            if !grid.exact() {
                // SAFETY: the output is as long, and nothing else writes it yet.
                unsafe { std::ptr::write_bytes(out.at(0), 0, grid.large_len() * channels) };
            }
            let rows = matrix.outputs.max(matrix.inputs);
            grid.blocks(rows).par_iter().for_each(|block| {
                let panel = grid.read(block, small, matrix.inputs);
                let product = matrix.multiply(level, &panel);
                grid.scatter(level, block, &product, bias, out);
            });
        };
        filled(grid.large_len() * channels, fill)
    }

    /// `[a][b, voxel] = Σ over windows of small[a] · large[b, voxel]`.
    fn correlate(&self, [small, large]: [&[f32]; 2], [a, b]: [usize; 2]) -> Buffer {
        let Self { level, grid, .. } = *self;
        let row = b * grid.voxels();
        let blocks = grid.blocks(row.max(a));
        let parts = PARTS.min(blocks.len());
        let part = |part: usize| {
            let mut sums = Buffer::take(a * row);
            sums.as_mut().fill(0.0);
            for block in &blocks[part * blocks.len() / parts..(part + 1) * blocks.len() / parts] {
                let (y, x) = (
                    grid.read(block, small, a),
                    grid.gather(level, block, large, b),
                );
                let chunks = sums
                    .as_mut()
                    .par_chunks_mut(level.channels() * row)
                    .enumerate();
                chunks.for_each(|(chunk, sums)| {
                    let first = chunk * level.channels();
                    let job = Correlation {
                        x: &x,
                        y: &y,
                        first,
                        sums,
                    };
                    // SAFETY: the level is available and the panels' rooms are zero.
                    unsafe { level.run(job) }
                });
            }
            sums
        };
        let mut parts: Vec<Buffer> = (0..parts).into_par_iter().map(part).collect();
        let mut total = parts.remove(0);
        for part in &parts {
            for (total, value) in total.as_mut().iter_mut().zip(part.iter()) {
                *total += value;
            }
        }
        total
    }
}
