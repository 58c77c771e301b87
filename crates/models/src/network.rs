//! A network of either architecture, for volumes.

use std::fmt;
use std::ops::Range;

use burn::config::Config;
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};

use crate::decoder::Decoder;
use crate::parts::Upsampling;
use crate::{ModelError, NetworkOutput, UNet, UNetConfig, VNet, VNetConfig};

/// Network architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Architecture {
    /// [`VNet`], a 3D network.
    VNet,
    /// [`UNet`], a 2D network applied slice by slice.
    UNet,
}

/// Writes the name as in the papers.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VNet => "V-Net",
            Self::UNet => "U-Net",
        })
    }
}

impl Architecture {
    /// Returns the numbers that the sides of a patch must be multiples of; a U-Net's patch is one slice.
    pub fn required_multiples(self) -> [usize; 3] {
        match self {
            Self::VNet => [VNet::required_multiple(); 3],
            Self::UNet => [UNet::required_multiple(), UNet::required_multiple(), 1],
        }
    }

    /// Returns the range of [`NetworkOutput::features`] at 1/8, 1/4 and 1/2 of the resolution.
    pub fn coarse_features(self) -> Range<usize> {
        match self {
            Self::VNet => 0..3,
            Self::UNet => 1..4,
        }
    }

    /// Returns whether a patch is one slice of a volume, `[side, side, 1]`.
    pub fn is_2d(self) -> bool {
        self == Self::UNet
    }
}

/// Configuration of a [`Network`]: the settings that both architectures share.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{Architecture, NetworkConfig};
///
/// let config = NetworkConfig::new(1, 4).with_filters(2).with_architecture(Architecture::UNet);
/// let network = config.init(&Device::flex());
/// let output = network.forward(Tensor::ones([3, 1, 32, 16, 1], &Device::flex()));
/// assert_eq!(output.logits.dims(), [3, 4, 32, 16, 1]);
/// assert_eq!(config.feature_channels()[0], output.features[0].dims()[1]);
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Input channels: 1 for CT or one MR sequence.
    pub in_channels: usize,
    /// Number of classes, including the background.
    pub classes: usize,
    /// The architecture. Default: V-Net.
    #[config(default = "Architecture::VNet")]
    pub architecture: Architecture,
    /// Channels at full resolution, doubled at each lower level. Default: 16.
    #[config(default = 16)]
    pub filters: usize,
    /// Dropout probability at the bottleneck. Default: 0.5.
    #[config(default = 0.5)]
    pub dropout: f64,
    /// Probability of dropping a channel before the output of a V-Net; `None` for that of the bottleneck. A U-Net drops
    /// none there. Default: `None`.
    #[config(default = "None")]
    pub output_dropout: Option<f64>,
    /// Upsampling in the decoder. Default: transposed convolution.
    #[config(default = "Upsampling::Transposed")]
    pub upsampling: Upsampling,
    /// Output channels of the signed-distance head; `None` for no head. Default: `None`.
    #[config(default = "None")]
    pub signed_distance: Option<usize>,
}

impl NetworkConfig {
    /// Returns the corresponding V-Net configuration.
    pub fn vnet(&self) -> VNetConfig {
        VNetConfig::new(self.in_channels, self.classes)
            .with_filters(self.filters)
            .with_dropout(self.dropout)
            .with_output_dropout(self.output_dropout)
            .with_upsampling(self.upsampling)
            .with_signed_distance(self.signed_distance)
    }

    /// Returns the corresponding U-Net configuration.
    pub fn unet(&self) -> UNetConfig {
        UNetConfig::new(self.in_channels, self.classes)
            .with_filters(self.filters)
            .with_dropout(self.dropout)
            .with_upsampling(self.upsampling)
            .with_signed_distance(self.signed_distance)
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// As for [`VNetConfig::validate`] or [`UNetConfig::validate`].
    pub fn validate(&self) -> Result<(), ModelError> {
        match self.architecture {
            Architecture::VNet => self.vnet().validate(),
            Architecture::UNet => self.unet().validate(),
        }
    }

    /// Returns the channels of the five maps in [`NetworkOutput::features`].
    pub fn feature_channels(&self) -> [usize; 5] {
        match self.architecture {
            Architecture::VNet => self.vnet().feature_channels(),
            Architecture::UNet => self.unet().feature_channels(),
        }
    }

    /// Returns the channels of the map after the first `blocks` blocks of the decoder; for 0, of the bottleneck.
    pub fn channels_after(&self, blocks: usize) -> usize {
        self.filters << (4 - blocks.min(4))
    }

    /// Creates a separate decoder, for instance a second one.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init_decoder(&self, device: &Device) -> Decoder {
        match self.architecture {
            Architecture::VNet => Decoder::VNet(self.vnet().init_decoder(device)),
            Architecture::UNet => Decoder::UNet(self.unet().init_decoder(device)),
        }
    }

    /// Creates the network, drawing its parameters from the device's generator in a fixed order.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> Network {
        match self.architecture {
            Architecture::VNet => Network::VNet(self.vnet().init(device)),
            Architecture::UNet => Network::UNet(self.unet().init(device)),
        }
    }
}

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

/// Converts a volume or map of one slice to an image.
pub(crate) fn image(volume: Tensor<5>) -> Tensor<4> {
    let slices = volume.dims()[4];
    assert_eq!(
        slices, 1,
        "a U-Net takes patches of one slice, got {slices}"
    );
    volume.squeeze_dim(4)
}

/// Converts a map of images to volumes of one slice.
fn volume(map: Tensor<4>) -> Tensor<5> {
    map.unsqueeze_dim(4)
}

/// Converts the output for images to volumes of one slice.
pub(crate) fn volumes(output: NetworkOutput<4>) -> NetworkOutput {
    NetworkOutput {
        logits: volume(output.logits),
        features: output.features.map(volume),
        bottleneck: volume(output.bottleneck),
        signed_distance: output.signed_distance.map(volume),
    }
}
