//! Convolutions as matrix products over windows: downsampling and upsampling with stride = kernel, including 1×1×1,
//! and convolutions of stride 1 for which neither transforms nor the form for small maps pays, such as those of few
//! channels.
//!
//! Each convolution is one matrix product over a panel whose rows are the voxels of a window, or the window's rows where
//! the product shifts them along themselves, and whose columns are the windows. A block of windows is gathered into a
//! panel that fits in cache, multiplied, and scattered.

mod around;
mod correlate;
mod grid;
mod interleave;
mod matrix;
mod panels;
mod write;

use super::epilogue::Epilogue;
use super::memory::{Buffer, Target, filled};
use super::operator::{Convolution, Layer};
use super::simd::Level;
use grid::Grid;
use matrix::Matrix;
use rayon::prelude::*;

/// Direction of a convolution.
#[derive(Debug, Clone, Copy)]
enum Direction {
    /// Window to voxel.
    Down,
    /// Voxel to window.
    Up,
}

/// A convolution between a small and a large volume. Its weight is `[small, large, voxel of the window]` in
/// both directions, and the input gradient of each direction is the other one without bias, but for windows that overlap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    level: Level,
    grid: Grid,
    direction: Direction,
    /// Channels of the small volume.
    small: usize,
    /// Channels of the large volume.
    large: usize,
}

impl Convolution for Windows {
    fn output(&self) -> [usize; 5] {
        let (channels, [d, h, w]) = match self.direction {
            Direction::Down => (self.small, self.grid.small),
            Direction::Up => (self.large, self.grid.large),
        };
        [self.grid.batch, channels, d, h, w]
    }

    fn forward(&self, input: &[f32], weight: &[f32], epilogue: Epilogue) -> Buffer {
        match self.direction {
            Direction::Down => self.shrink(input, self.rows(weight), epilogue),
            Direction::Up => self.expand(input, weight, epilogue),
        }
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        match self.direction {
            Direction::Down if self.grid.around => self.turned(weight, gradient),
            Direction::Down => self.expand(gradient, weight, Epilogue::NONE),
            Direction::Up => self.shrink(gradient, self.rows(weight), Epilogue::NONE),
        }
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        match self.direction {
            Direction::Down => self.correlate(gradient, input),
            Direction::Up => self.correlate(input, gradient),
        }
    }
}

impl Windows {
    /// Creates the downsampling convolution with this weight.
    pub(crate) fn down(level: Level, layer: Layer) -> Option<Self> {
        let [batch, _, d, h, w] = layer.input.dims();
        let [_, _, kd, kh, kw] = layer.weight.dims();
        let grid = Grid {
            batch,
            small: [d / kd, h / kh, w / kw],
            large: [d, h, w],
            kernel: [kd, kh, kw],
            around: false,
        };
        Self::new(level, grid, Direction::Down, layer)
    }

    /// Creates the upsampling convolution with this weight.
    pub(crate) fn up(level: Level, layer: Layer) -> Option<Self> {
        let [batch, _, d, h, w] = layer.input.dims();
        let [_, _, kd, kh, kw] = layer.weight.dims();
        let grid = Grid {
            batch,
            small: [d, h, w],
            large: [d * kd, h * kh, w * kw],
            kernel: [kd, kh, kw],
            around: false,
        };
        Self::new(level, grid, Direction::Up, layer)
    }

    /// Creates the convolution with an odd kernel, stride 1 and zero padding.
    pub(crate) fn around(
        level: Level,
        batch: usize,
        [inputs, outputs]: [usize; 2],
        size: [usize; 3],
        kernel: [usize; 3],
    ) -> Self {
        let grid = Grid {
            batch,
            small: size,
            large: size,
            kernel,
            around: true,
        };
        Self {
            level,
            grid,
            direction: Direction::Down,
            small: outputs,
            large: inputs,
        }
    }

    /// Creates the convolution; `None` if there is nothing to compute or the channels are inconsistent.
    fn new(level: Level, grid: Grid, direction: Direction, layer: Layer) -> Option<Self> {
        let [small, large, ..] = layer.weight.dims();
        let (inputs, outputs) = match direction {
            Direction::Down => (large, small),
            Direction::Up => (small, large),
        };
        let some = grid.small_len() * small * large > 0;
        let agree = layer.input.dims()[1] == inputs
            && layer.bias.is_none_or(|bias| bias.dims() == [outputs]);
        (some && agree).then_some(Self {
            level,
            grid,
            direction,
            small,
            large,
        })
    }

    /// Row length of the weight: channels of the large volume by voxels of a window.
    fn row(&self) -> usize {
        self.large * self.grid.voxels()
    }

    /// The weight as a matrix of channels of the small volume by the rest.
    fn rows<'a>(&self, weight: &'a [f32]) -> impl Fn(usize, usize) -> f32 + Sync + 'a {
        let row = self.row();
        move |small, i| weight[small * row + i]
    }

    /// The input's gradient where windows overlap: the convolution with the channels of the weight exchanged and its
    /// taps in reverse order.
    fn turned(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let (taps, inputs) = (self.grid.voxels(), self.large);
        let turned = Self {
            small: inputs,
            large: self.small,
            ..*self
        };
        let weight = |input: usize, i: usize| {
            let (output, tap) = (i / taps, taps - 1 - i % taps);
            weight[(output * inputs + input) * taps + tap]
        };
        turned.shrink(gradient, weight, Epilogue::NONE)
    }

    /// `small = weight · large`, window by window.
    fn shrink(
        &self,
        large: &[f32],
        weight: impl Fn(usize, usize) -> f32 + Sync,
        epilogue: Epilogue,
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let row = self.row();
        let matrix = Matrix::new(level, [self.small, row], weight);
        let fill = |out: Target| {
            let blocks = grid.blocks(row.max(self.small));
            blocks.par_iter().for_each(|block| {
                let panel = grid.gather(level, block, large, self.large);
                let product = match grid.shifts() {
                    3 => matrix.multiply::<3>(level, &panel),
                    _ => matrix.multiply::<1>(level, &panel),
                };
                grid.write(level, block, &product, epilogue, out);
            });
        };
        filled(grid.small_len() * self.small, fill)
    }

    /// `large = weightᵀ · small`, window by window.
    fn expand(&self, small: &[f32], weight: &[f32], epilogue: Epilogue) -> Buffer {
        let Self { level, grid, .. } = *self;
        let row = self.row();
        let matrix = Matrix::new(level, [row, self.small], |i, s| weight[s * row + i]);
        let mut large = Buffer::take(grid.large_len() * self.large);
        if !grid.exact() {
            large.as_mut().fill(0.0);
        }
        let out = Target::new(large.as_mut());
        let blocks = grid.blocks(row.max(self.small));
        blocks.par_iter().for_each(|block| {
            let panel = grid.read(block, small, self.small);
            let product = matrix.multiply::<1>(level, &panel);
            grid.scatter(level, block, &product, epilogue, out);
        });
        large
    }
}
