//! Configuration of a network of either architecture.

use std::fmt;
use std::ops::Range;

use burn::config::Config;
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};

use super::Network;
use crate::decoder::Decoder;
use crate::parts::Upsampling;
use crate::{ModelError, UNet, UNetConfig, VNet, VNetConfig};

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

    /// Returns the range of [`NetworkOutput::features`](crate::NetworkOutput::features) at 1/8, 1/4 and 1/2 of the resolution.
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

    /// Returns the channels of the five maps in [`NetworkOutput::features`](crate::NetworkOutput::features).
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
