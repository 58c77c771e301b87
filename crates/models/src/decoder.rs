//! A decoder of either architecture behind one interface of volumes.

use burn::prelude::*;

use crate::network::{image, volumes};
use crate::{NetworkOutput, UNetDecoder, VNetDecoder};

/// A [`VNetDecoder`], or a [`UNetDecoder`] that works on volumes whose last side is 1.
///
/// One that stands beside a network's own gives a second opinion on the same encoder's maps.
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
#[allow(clippy::large_enum_variant)] // one lives for a whole run
pub enum Decoder {
    /// In 3D.
    VNet(VNetDecoder),
    /// Slice by slice.
    UNet(UNetDecoder),
}

impl Decoder {
    /// Segments what [`Network::encode`](crate::Network::encode) gives.
    ///
    /// # Panics
    ///
    /// If the maps are not those of an encoder of this configuration.
    pub fn forward(&self, encoded: [Tensor<5>; 5]) -> NetworkOutput {
        match self {
            Self::VNet(decoder) => decoder.forward(encoded),
            Self::UNet(decoder) => volumes(decoder.forward(encoded.map(image))),
        }
    }
}
