//! A decoder of either architecture, for volumes.

use burn::prelude::*;

use crate::one_slice::{image, volumes};
use crate::{NetworkOutput, UNetDecoder, VNetDecoder};

/// A [`VNetDecoder`], or a [`UNetDecoder`] applied to volumes whose last side is 1.
///
/// A second decoder gives a second prediction from the same encoder.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{NetworkConfig, Upsampling};
///
/// let device = Device::flex();
/// let config = NetworkConfig::new(1, 3).with_filters(2);
/// let network = config.init(&device);
/// let second = config.with_upsampling(Upsampling::Linear).init_decoder(&device);
/// let output = second.forward(network.encode(Tensor::ones([1, 1, 16, 16, 32], &device)));
/// assert_eq!(output.logits.dims(), [1, 3, 16, 16, 32]);
/// ```
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a run has only one
pub enum Decoder {
    /// 3D decoder.
    VNet(VNetDecoder),
    /// 2D decoder, applied slice by slice.
    UNet(UNetDecoder),
}

impl Decoder {
    /// Computes the segmentation from the maps of [`Network::encode`](crate::Network::encode).
    ///
    /// # Panics
    ///
    /// If the maps do not come from an encoder of this configuration.
    pub fn forward(&self, encoded: [Tensor<5>; 5]) -> NetworkOutput {
        match self {
            Self::VNet(decoder) => decoder.forward(encoded),
            Self::UNet(decoder) => volumes(decoder.forward(encoded.map(image))),
        }
    }
}
