//! The convolution with an odd kernel, stride 1 and zero padding.

use super::columns::Columns;
use super::epilogue::Epilogue;
use super::memory::Buffer;
use super::operator::{Convolution, Layer, Prepared};
use super::simd::Level;
use super::windows::Windows;
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

    /// The form for shapes where no other pays.
    fn windows(&self) -> Windows {
        let channels = [self.inputs, self.outputs];
        Windows::around(self.level, self.batch, channels, self.size, self.kernel)
    }

    /// The weight for a forward pass with these tiles.
    fn transformed(&self, tiles: Tiles, weight: &[f32]) -> Transformed {
        Transformed::forward(self.level, tiles, weight, [self.outputs, self.inputs])
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
            let weights = self.transformed(tiles, weight);
            return winograd::convolve(self.level, tiles, input, &weights, epilogue);
        }
        self.windows().forward(input, weight, epilogue)
    }

    fn prepare(&self, weight: Buffer) -> Prepared {
        match self.tiles() {
            Some(tiles) if self.columns().is_none() => {
                Prepared::Transformed(self.transformed(tiles, &weight))
            }
            _ => Prepared::Plain(weight),
        }
    }

    fn forward_prepared(&self, input: &[f32], weight: &Prepared, epilogue: Epilogue) -> Buffer {
        match (weight, self.tiles()) {
            (Prepared::Transformed(weights), Some(tiles)) => {
                winograd::convolve(self.level, tiles, input, weights, epilogue)
            }
            (Prepared::Plain(weight), _) => self.forward(input, weight, epilogue),
            (Prepared::Transformed(_), None) => unreachable!("weights are transformed for tiles"),
        }
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
        self.windows().input_gradient(weight, gradient)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        if let Some(columns) = self.columns() {
            return columns.weight_gradient(input, gradient);
        }
        let channels = [self.inputs, self.outputs];
        if let Some(tiles) = self.tiles() {
            return winograd::weight_gradient(self.level, tiles, channels, input, gradient);
        }
        self.windows().weight_gradient(input, gradient)
    }
}
