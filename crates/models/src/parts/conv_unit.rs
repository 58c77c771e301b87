//! Convolution with batch norm and ReLU.

use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig3d};
use burn::prelude::*;
use burn::tensor::DType;
use semivox_kernels::conv3d_norm_relu;

use super::layers::bias;

/// 3×3×3 convolution with bias, batch norm, ReLU.
#[derive(Module, Debug)]
pub(crate) struct ConvUnit {
    conv: Conv3d,
    norm: BatchNorm,
}

impl ConvUnit {
    pub(crate) fn new(channels: [usize; 2], device: &Device) -> Self {
        let conv = Conv3dConfig::new(channels, [3; 3])
            .with_padding(PaddingConfig3d::Explicit(1, 1, 1))
            .init(device);
        let norm = BatchNormConfig::new(channels[1]).init(device);
        Self { conv, norm }
    }

    pub(crate) fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let (weight, bias) = (self.conv.weight.val(), bias(&self.conv.bias));
        conv3d_norm_relu(input, weight, bias, &self.norm)
    }

    /// Returns the number format of the parameters.
    pub(crate) fn format(&self) -> DType {
        self.conv.weight.val().dtype()
    }
}
