//! Building blocks of the U-Net.

use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::DType;
use semivox_kernels::{
    conv2d, conv2d_norm_leaky_relu, resize_nearest, resize_trilinear, up_conv3d,
};

use crate::parts::{Upsampling, bias};

/// Negative slope of the leaky ReLU.
const LEAK: f64 = 0.01;

/// Creates a 3×3 convolution with bias that keeps the size.
pub(super) fn same_conv(channels: [usize; 2], device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, [3; 2])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(device)
}

/// Applies a convolution that keeps the size.
pub(super) fn convolve(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    conv2d(input, layer.weight.val(), bias(&layer.bias))
}

/// 3×3 convolution with bias, batch norm, leaky ReLU.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Unit {
    fn new(channels: [usize; 2], device: &Device) -> Self {
        let norm = BatchNormConfig::new(channels[1]).init(device);
        Self {
            conv: same_conv(channels, device),
            norm,
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.conv.weight.val(), bias(&self.conv.bias));
        conv2d_norm_leaky_relu(input, weight, bias, &self.norm, LEAK)
    }
}

/// Two convolutions with batch norm and leaky ReLU, with dropout between them.
#[derive(Module, Debug)]
pub(super) struct ConvPair {
    first: Unit,
    dropout: Dropout,
    second: Unit,
}

impl ConvPair {
    pub(super) fn new([input, output]: [usize; 2], dropout: f64, device: &Device) -> Self {
        Self {
            first: Unit::new([input, output], device),
            dropout: DropoutConfig::new(dropout).init(),
            second: Unit::new([output, output], device),
        }
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let between = self.dropout.forward(self.first.forward(input));
        self.second.forward(between)
    }

    /// Returns the number format of the parameters.
    pub(super) fn format(&self) -> DType {
        self.first.conv.weight.val().dtype()
    }
}

/// Upsampling by a factor of two.
#[derive(Module, Debug)]
pub(super) enum Up {
    Transposed(ConvTranspose2d),
    Linear(Conv2d),
    Nearest(Conv2d),
}

impl Up {
    pub(super) fn new(upsampling: Upsampling, channels: [usize; 2], device: &Device) -> Self {
        let narrowing = || Conv2dConfig::new(channels, [1; 2]).init(device);
        match upsampling {
            Upsampling::Transposed => {
                let layer = ConvTranspose2dConfig::new(channels, [2; 2]).with_stride([2; 2]);
                Self::Transposed(layer.init(device))
            }
            Upsampling::Linear => Self::Linear(narrowing()),
            Upsampling::Nearest => Self::Nearest(narrowing()),
        }
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = input.dims();
        let doubled = [1, 2 * height, 2 * width];
        let volume = match self {
            Self::Transposed(layer) => {
                let weight = layer.weight.val().unsqueeze_dim(2);
                up_conv3d(input.unsqueeze_dim(2), weight, bias(&layer.bias))
            }
            Self::Linear(layer) => {
                resize_trilinear(convolve(layer, input).unsqueeze_dim(2), doubled, true)
            }
            Self::Nearest(layer) => {
                resize_nearest(convolve(layer, input).unsqueeze_dim(2), doubled)
            }
        };
        volume.squeeze_dim(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UNetConfig;
    use crate::parts::testing::{assert_equal, repeated, volume};

    /// 0.05, 0.1, 0.2, 0.3 and 0.5 in the encoder, as in the public code, and nothing in the decoder.
    #[test]
    fn every_level_drops_its_share_in_training() {
        let device = Device::flex().autodiff();
        let network = UNetConfig::new(1, 2).with_filters(1).init(&device);
        let ones = Tensor::<2>::ones([100, 200], &device);
        let dropped = |pair: &ConvPair| {
            let kept = pair.dropout.forward(ones.clone());
            kept.equal_elem(0.0).float().mean().into_scalar::<f32>()
        };
        let shares = [0.05, 0.1, 0.2, 0.3, 0.5, 0.0, 0.0, 0.0, 0.0];
        let pairs = network.encoder.iter().chain(&network.decoder.blocks);
        assert_eq!(pairs.clone().count(), shares.len());
        for (pair, share) in pairs.zip(shares) {
            let found = dropped(pair);
            assert!((found - share).abs() < 0.02, "{found} of {share}");
        }
    }

    /// If everything is dropped, the second convolution sees zeros, and its norm leaves its own shift alone.
    #[test]
    fn dropout_is_between_the_convolutions() {
        let device = Device::flex().autodiff();
        let mut pair = ConvPair::new([1, 2], 1.0 - 1e-9, &device);
        for unit in [&mut pair.first, &mut pair.second] {
            unit.conv.bias = None;
            unit.norm.beta = unit.norm.beta.clone().map(|beta| beta.ones_like());
        }
        let input: Tensor<4> = volume([2, 1, 1, 4, 5], &device).squeeze_dim(2);
        let found = pair.forward(input);
        let expected = Tensor::ones([2, 2, 4, 5], &device);
        assert_equal(found, expected);
    }

    #[test]
    fn nearest_neighbors_repeat_every_pixel_after_the_convolution() {
        let device = Device::flex();
        let up = Up::new(Upsampling::Nearest, [3, 2], &device);
        let input: Tensor<4> = volume([2, 3, 1, 3, 4], &device).squeeze_dim(2);
        let Up::Nearest(layer) = &up else {
            panic!("another upsampling")
        };
        let narrow = convolve(layer, input.clone()).unsqueeze_dim(2);
        let expected = repeated(narrow, [1, 2, 2]).squeeze_dim(2);
        assert_equal(up.forward(input), expected);
    }
}
