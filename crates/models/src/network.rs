//! A network of either architecture, for volumes.

mod config;

use burn::prelude::*;

use crate::decoder::Decoder;
use crate::one_slice::{image, volume, volumes};
use crate::{NetworkOutput, UNet, VNet};

pub use config::{Architecture, NetworkConfig};

/// A [`VNet`], or a [`UNet`] that takes a slice as a volume whose last side is 1.
///
/// Losses, samplers and sliding windows work with both alike.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a run has only one
pub enum Network {
    /// 3D network.
    VNet(VNet),
    /// 2D network, applied slice by slice.
    UNet(UNet),
}

impl Network {
    /// Returns the architecture.
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::VNet(_) => Architecture::VNet,
            Self::UNet(_) => Architecture::UNet,
        }
    }

    /// Computes the segmentation of a batch of patches.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, in_channels, depth, height, width]`, `width` 1 for a U-Net
    /// - output: see [`NetworkOutput`]
    ///
    /// # Panics
    ///
    /// If a side is not a multiple of [`Architecture::required_multiples`], a U-Net gets more than one slice
    /// per patch, the channels are not the configured ones, or the number format is not that of the parameters.
    pub fn forward(&self, input: Tensor<5>) -> NetworkOutput {
        match self {
            Self::VNet(network) => network.forward(input),
            Self::UNet(network) => volumes(network.forward(image(input))),
        }
    }

    /// Applies only the encoder; returns its maps at five resolutions, from full to 1/16.
    ///
    /// # Shapes
    ///
    /// - `input`: as for [`forward`](Self::forward)
    /// - output: `[batch, filters << level, side >> level, …]` for the levels 0 to 4
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn encode(&self, input: Tensor<5>) -> [Tensor<5>; 5] {
        match self {
            Self::VNet(network) => network.encode(input),
            Self::UNet(network) => network.encode(image(input)).map(volume),
        }
    }

    /// Applies the decoder to the maps of [`encode`](Self::encode); together they are
    /// [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// If the maps do not come from an encoder of this configuration.
    pub fn decode(&self, encoded: [Tensor<5>; 5]) -> NetworkOutput {
        match self {
            Self::VNet(network) => network.decoder().forward(encoded),
            Self::UNet(network) => volumes(network.decoder().forward(encoded.map(image))),
        }
    }

    /// Computes the segmentation with this network's encoder and another decoder.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward), or if the decoder has another configuration.
    pub fn forward_with(&self, decoder: &Decoder, input: Tensor<5>) -> NetworkOutput {
        decoder.forward(self.encode(input))
    }

    /// Applies the first `blocks` of the decoder's four blocks to the maps of [`encode`](Self::encode);
    /// returns `[batch, channels_after(blocks), side >> (4 - blocks), …]`.
    ///
    /// # Panics
    ///
    /// If the maps do not come from an encoder of this configuration.
    pub fn decode_part(&self, encoded: [Tensor<5>; 5], blocks: usize) -> Tensor<5> {
        match self {
            Self::VNet(network) => network.decoder().forward_part(encoded, blocks),
            Self::UNet(network) => {
                volume(network.decoder().forward_part(encoded.map(image), blocks))
            }
        }
    }

    /// Returns this network with an independent copy of another network's encoder; see
    /// [`duplicate`](crate::duplicate).
    ///
    /// # Panics
    ///
    /// If the architectures differ.
    pub fn with_encoder_of(self, other: &Self) -> Self {
        match (self, other) {
            (Self::VNet(network), Self::VNet(other)) => Self::VNet(network.with_encoder_of(other)),
            (Self::UNet(network), Self::UNet(other)) => Self::UNet(network.with_encoder_of(other)),
            _ => panic!("an encoder can only be taken from a network of the same architecture"),
        }
    }
}
