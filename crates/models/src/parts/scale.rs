//! Downsampling and upsampling blocks.

use burn::nn::conv::{Conv3d, Conv3dConfig, ConvTranspose3d, ConvTranspose3dConfig};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use semivox_kernels::{down_conv3d_norm_relu, up_conv3d_norm_relu};

use super::layers::bias;

/// Downsampling block: 2×2×2 convolution with stride 2, batch norm, ReLU; halves every side.
///
/// # Shapes
///
/// - input: `[batch, in, depth, height, width]`
/// - output: `[batch, out, depth / 2, height / 2, width / 2]`, rounded down
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::Down;
///
/// let device = Device::flex();
/// let down = Down::new([1, 4], &device);
/// let output = down.forward(Tensor::ones([1, 1, 4, 4, 6], &device));
/// assert_eq!(output.dims(), [1, 4, 2, 2, 3]);
/// ```
#[derive(Module, Debug)]
pub struct Down {
    conv: Conv3d,
    norm: BatchNorm,
}

impl Down {
    /// Creates a block from `channels[0]` to `channels[1]`.
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        let conv = Conv3dConfig::new(channels, [2; 3])
            .with_stride([2; 3])
            .init(device);
        let norm = BatchNormConfig::new(channels[1]).init(device);
        Self { conv, norm }
    }

    /// Applies the block.
    ///
    /// # Panics
    ///
    /// If the number of channels is wrong or a side is below 2.
    pub fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let (weight, bias) = (self.conv.weight.val(), bias(&self.conv.bias));
        down_conv3d_norm_relu(input, weight, bias, &self.norm)
    }
}

/// Upsampling block: 2×2×2 transposed convolution with stride 2, batch norm, ReLU; doubles every side.
///
/// # Shapes
///
/// - input: `[batch, in, depth, height, width]`
/// - output: `[batch, out, depth * 2, height * 2, width * 2]`
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::Up;
///
/// let device = Device::flex();
/// let up = Up::new([4, 1], &device);
/// let output = up.forward(Tensor::ones([1, 4, 2, 2, 3], &device));
/// assert_eq!(output.dims(), [1, 1, 4, 4, 6]);
/// ```
#[derive(Module, Debug)]
pub struct Up {
    conv: ConvTranspose3d,
    norm: BatchNorm,
}

impl Up {
    /// Creates a block from `channels[0]` to `channels[1]`.
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        let conv = ConvTranspose3dConfig::new(channels, [2; 3])
            .with_stride([2; 3])
            .init(device);
        let norm = BatchNormConfig::new(channels[1]).init(device);
        Self { conv, norm }
    }

    /// Applies the block.
    ///
    /// # Panics
    ///
    /// If the number of channels is wrong.
    pub fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let (weight, bias) = (self.conv.weight.val(), bias(&self.conv.bias));
        up_conv3d_norm_relu(input, weight, bias, &self.norm)
    }
}
