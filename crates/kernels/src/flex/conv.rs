//! The convolution with an odd kernel, stride 1 and zero padding.

use super::columns::Columns;
use super::epilogue::Epilogue;
use super::forward::convolve;
use super::grid::Grid;
use super::memory::Buffer;
use super::operator::{Convolution, Layer};
use super::packed::Packed;
use super::simd::Level;
use super::weight;
use super::winograd::{self, Tiles, Transformed};

/// A convolution of given shapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    level: Level,
    batch: usize,
    inputs: usize,
    outputs: usize,
    size: [usize; 3],
    kernel: [usize; 3],
}

impl Conv {
    /// Creates the convolution; `None` if a kernel side is even, there are no voxels or the shapes are
    /// inconsistent.
    pub(crate) fn new(
        level: Level,
        Layer {
            input,
            weight,
            bias,
        }: Layer,
    ) -> Option<Self> {
        let [batch, inputs, d, h, w] = input.dims();
        let [outputs, wanted, kd, kh, kw] = weight.dims();
        let (size, kernel) = ([d, h, w], [kd, kh, kw]);
        let odd = kernel.iter().all(|k| k % 2 == 1);
        let some = batch * inputs * outputs * d * h * w > 0;
        let agree = inputs == wanted && bias.is_none_or(|b| b.dims() == [outputs]);
        let sizes = Self {
            level,
            batch,
            inputs,
            outputs,
            size,
            kernel,
        };
        (odd && some && agree).then_some(sizes)
    }

    /// The form for small maps, if it is faster.
    fn columns(&self) -> Option<Columns> {
        let channels = [self.inputs, self.outputs];
        Columns::new(self.level, self.batch, channels, self.size, self.kernel)
    }

    /// Winograd tiles, if they save work.
    fn tiles(&self) -> Option<Tiles> {
        let tiles = Tiles::new(self.batch, self.size, self.kernel)?;
        tiles.pay(self.inputs, self.outputs).then_some(tiles)
    }

    /// Grid of the padded volume for the direct form.
    fn grid(&self) -> Grid {
        Grid::new(self.batch, self.size, self.kernel)
    }

    /// The shape `[outputs, inputs, taps]` of the weight.
    fn weight(&self) -> [usize; 3] {
        [self.outputs, self.inputs, self.kernel.iter().product()]
    }
}

impl Convolution for Conv {
    fn output(&self) -> [usize; 5] {
        let [d, h, w] = self.size;
        [self.batch, self.outputs, d, h, w]
    }

    fn forward(&self, input: &[f32], weight: &[f32], epilogue: Epilogue) -> Buffer {
        if let Some(columns) = self.columns() {
            return columns.forward(input, weight, epilogue);
        }
        if let Some(tiles) = self.tiles() {
            let weights =
                Transformed::forward(self.level, tiles, weight, [self.outputs, self.inputs]);
            return winograd::convolve(self.level, tiles, input, &weights, epilogue);
        }
        let grid = self.grid();
        let weights = Packed::forward(weight, self.weight(), self.level);
        let input = grid.pad(input, self.inputs);
        convolve(self.level, grid, &input, &weights, epilogue)
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        if let Some(columns) = self.columns() {
            return columns.input_gradient(weight, gradient);
        }
        if let Some(tiles) = self.tiles() {
            let weights =
                Transformed::transposed(self.level, tiles, weight, [self.outputs, self.inputs]);
            return winograd::convolve(self.level, tiles, gradient, &weights, Epilogue::NONE);
        }
        let grid = self.grid();
        let weights = Packed::transposed(weight, self.weight(), self.level);
        let gradient = grid.pad(gradient, self.outputs);
        convolve(self.level, grid, &gradient, &weights, Epilogue::NONE)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        if let Some(columns) = self.columns() {
            return columns.weight_gradient(input, gradient);
        }
        let channels = [self.inputs, self.outputs];
        if let Some(tiles) = self.tiles() {
            return winograd::weight_gradient(self.level, tiles, channels, input, gradient);
        }
        let grid = self.grid();
        let input = grid.pad(input, self.inputs);
        let gradient = grid.pad(gradient, self.outputs);
        weight::gradient(self.level, grid, channels, &input, &gradient)
    }
}
