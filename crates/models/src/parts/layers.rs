//! Burn's layers applied with the operators of semivox-kernels.

use burn::nn::Dropout;
use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::prelude::*;
use semivox_kernels::{channel_dropout, pointwise_conv3d};

/// Creates a 1×1×1 convolution with bias.
pub(crate) fn pointwise_layer(channels: [usize; 2], device: &Device) -> Conv3d {
    Conv3dConfig::new(channels, [1; 3]).init(device)
}

/// Applies a 1×1×1 convolution.
pub(crate) fn pointwise(layer: &Conv3d, input: Tensor<5>) -> Tensor<5> {
    pointwise_conv3d(input, layer.weight.val(), bias(&layer.bias))
}

/// Drops whole channels, active under the same condition as Burn's dropout.
pub(crate) fn drop_channels(layer: &Dropout, input: Tensor<5>) -> Tensor<5> {
    let training = layer.training.is_enabled() && input.device().is_autodiff();
    if training && layer.prob > 0.0 {
        channel_dropout(input, layer.prob)
    } else {
        input
    }
}

/// Returns the value of an optional bias.
pub(crate) fn bias(bias: &Option<burn::module::Param<Tensor<1>>>) -> Option<Tensor<1>> {
    bias.as_ref().map(|bias| bias.val())
}
