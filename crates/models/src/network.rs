//! A network of either architecture behind one interface of volumes.

use std::fmt;
use std::ops::Range;

use burn::config::Config;
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};

use crate::decoder::Decoder;
use crate::parts::Upsampling;
use crate::{ModelError, NetworkOutput, UNet, UNetConfig, VNet, VNetConfig};

/// Which network segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Architecture {
    /// [`VNet`], in 3D.
    VNet,
    /// [`UNet`], slice by slice.
    UNet,
}

/// The name as papers write it.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VNet => "V-Net",
            Self::UNet => "U-Net",
        })
    }
}

impl Architecture {
    /// The numbers that the sides of a patch must be multiples of; a U-Net's patch is one slice.
    pub fn required_multiples(self) -> [usize; 3] {
        match self {
            Self::VNet => [VNet::required_multiple(); 3],
            Self::UNet => [UNet::required_multiple(), UNet::required_multiple(), 1],
        }
    }

    /// The maps of [`NetworkOutput::features`] at an eighth, a quarter and a half of the resolution.
    pub fn coarse_features(self) -> Range<usize> {
        match self {
            Self::VNet => 0..3,
            Self::UNet => 1..4,
        }
    }

    /// Whether a patch is one slice of a volume, `[side, side, 1]`.
    pub fn is_2d(self) -> bool {
        self == Self::UNet
    }
}

/// Sizes and switches that both architectures have.
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
    /// Channels of the input: 1 for CT or one MR sequence.
    pub in_channels: usize,
    /// Classes, background included.
    pub classes: usize,
    /// The architecture. Default: V-Net.
    #[config(default = "Architecture::VNet")]
    pub architecture: Architecture,
    /// Channels at full resolution; every level below has twice as many. Default: 16.
    #[config(default = 16)]
    pub filters: usize,
    /// Probability of dropout at the bottleneck. Default: 0.5.
    #[config(default = 0.5)]
    pub dropout: f64,
    /// How the decoder doubles its maps. Default: transposed convolution.
    #[config(default = "Upsampling::Transposed")]
    pub upsampling: Upsampling,
    /// Maps of the signed-distance head; `None` leaves the head out. Default: `None`.
    #[config(default = "None")]
    pub signed_distance: Option<usize>,
}

impl NetworkConfig {
    /// The V-Net's configuration.
    pub fn vnet(&self) -> VNetConfig {
        VNetConfig::new(self.in_channels, self.classes)
            .with_filters(self.filters)
            .with_dropout(self.dropout)
            .with_upsampling(self.upsampling)
            .with_signed_distance(self.signed_distance)
    }

    /// The U-Net's configuration.
    pub fn unet(&self) -> UNetConfig {
        UNetConfig::new(self.in_channels, self.classes)
            .with_filters(self.filters)
            .with_dropout(self.dropout)
            .with_upsampling(self.upsampling)
            .with_signed_distance(self.signed_distance)
    }

    /// Checks that a network can be built.
    ///
    /// # Errors
    ///
    /// Those of the architecture's configuration.
    pub fn validate(&self) -> Result<(), ModelError> {
        match self.architecture {
            Architecture::VNet => self.vnet().validate(),
            Architecture::UNet => self.unet().validate(),
        }
    }

    /// Channels of the five maps in [`NetworkOutput::features`].
    pub fn feature_channels(&self) -> [usize; 5] {
        match self.architecture {
            Architecture::VNet => self.vnet().feature_channels(),
            Architecture::UNet => self.unet().feature_channels(),
        }
    }

    /// Channels of the map that a decoder's first `blocks` blocks give; of the lowest map for 0.
    pub fn channels_after(&self, blocks: usize) -> usize {
        self.filters << (4 - blocks.min(4))
    }

    /// Builds a decoder alone, a second one for instance.
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

    /// Builds the network and draws its parameters from the device's generator, in a fixed order.
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
/// Losses, samplers and sliding windows need not know which.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one lives for a whole run
pub enum Network {
    /// In 3D.
    VNet(VNet),
    /// Slice by slice.
    UNet(UNet),
}

impl Network {
    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::VNet(_) => Architecture::VNet,
            Self::UNet(_) => Architecture::UNet,
        }
    }

    /// Segments a batch of patches.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, in_channels, depth, height, width]`, `width` 1 for a U-Net
    /// - output: see [`NetworkOutput`]
    ///
    /// # Panics
    ///
    /// If a side does not fit [`Architecture::required_multiples`], a U-Net gets more than one slice
    /// a patch, the channels are not the configuration's, or the number format is not the parameters'.
    pub fn forward(&self, input: Tensor<5>) -> NetworkOutput {
        match self {
            Self::VNet(network) => network.forward(input),
            Self::UNet(network) => volumes(network.forward(image(input))),
        }
    }

    /// The encoder alone: its maps at five resolutions, from full to the lowest, which is 1/16.
    ///
    /// # Shapes
    ///
    /// - `input`: as of [`forward`](Self::forward)
    /// - output: `[batch, filters << level, side >> level, …]` for the levels 0 to 4
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn encode(&self, input: Tensor<5>) -> [Tensor<5>; 5] {
        match self {
            Self::VNet(network) => network.encode(input),
            Self::UNet(network) => network.encode(image(input)).map(volume),
        }
    }

    /// What the decoder makes of [`encode`](Self::encode)'s maps; together they are
    /// [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// If the maps are not those of this configuration.
    pub fn decode(&self, encoded: [Tensor<5>; 5]) -> NetworkOutput {
        match self {
            Self::VNet(network) => network.decoder().forward(encoded),
            Self::UNet(network) => volumes(network.decoder().forward(encoded.map(image))),
        }
    }

    /// Segments with this network's encoder and another decoder.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward), or if the decoder is of another configuration.
    pub fn forward_with(&self, decoder: &Decoder, input: Tensor<5>) -> NetworkOutput {
        decoder.forward(self.encode(input))
    }

    /// What the first `blocks` of the decoder's four blocks make of [`encode`](Self::encode)'s maps,
    /// `[batch, channels_after(blocks), side >> (4 - blocks), …]`.
    ///
    /// # Panics
    ///
    /// If the maps are not those of this configuration.
    pub fn decode_part(&self, encoded: [Tensor<5>; 5], blocks: usize) -> Tensor<5> {
        match self {
            Self::VNet(network) => network.decoder().forward_part(encoded, blocks),
            Self::UNet(network) => {
                volume(network.decoder().forward_part(encoded.map(image), blocks))
            }
        }
    }

    /// This network with a copy of another's encoder that can be trained beside it, see
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

/// A volume of one slice, or a map of one, as an image.
pub(crate) fn image(volume: Tensor<5>) -> Tensor<4> {
    let slices = volume.dims()[4];
    assert_eq!(
        slices, 1,
        "a U-Net takes patches of one slice, got {slices}"
    );
    volume.squeeze_dim(4)
}

/// A map of images as a map of volumes of one slice.
fn volume(map: Tensor<4>) -> Tensor<5> {
    map.unsqueeze_dim(4)
}

/// Maps of images as maps of volumes of one slice.
pub(crate) fn volumes(output: NetworkOutput<4>) -> NetworkOutput {
    NetworkOutput {
        logits: volume(output.logits),
        features: output.features.map(volume),
        bottleneck: volume(output.bottleneck),
        signed_distance: output.signed_distance.map(volume),
    }
}
