//! Blocks of convolutions at one resolution.

use burn::prelude::*;
use burn::tensor::DType;

use super::conv_unit::ConvUnit;

/// A sequence of 3×3×3 convolutions, each followed by batch norm and ReLU, without residual connections.
///
/// # Shapes
///
/// - input: `[batch, in, depth, height, width]`
/// - output: `[batch, out, depth, height, width]`
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::ConvBlock;
///
/// let device = Device::flex();
/// let block = ConvBlock::new(2, [1, 4], &device);
/// let output = block.forward(Tensor::ones([1, 1, 3, 4, 5], &device));
/// assert_eq!(output.dims(), [1, 4, 3, 4, 5]);
/// ```
#[derive(Module, Debug)]
pub struct ConvBlock {
    units: Vec<ConvUnit>,
}

impl ConvBlock {
    /// Creates a block of `depth` convolutions, the first from `channels[0]` to `channels[1]`.
    pub fn new(depth: usize, channels: [usize; 2], device: &Device) -> Self {
        let [input, output] = channels;
        let unit = |index| ConvUnit::new([if index == 0 { input } else { output }, output], device);
        Self {
            units: (0..depth).map(unit).collect(),
        }
    }

    /// Applies the convolutions in order.
    ///
    /// # Panics
    ///
    /// If the input does not have `channels[0]` channels.
    pub fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let apply = |volume, unit: &ConvUnit| unit.forward(volume);
        self.units.iter().fold(input, apply)
    }

    /// Returns the number format of the parameters.
    pub(crate) fn format(&self) -> DType {
        self.units[0].format()
    }
}
