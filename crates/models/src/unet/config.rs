//! Configuration of the U-Net.

use burn::config::Config;
use burn::prelude::*;

use super::network::{UNet, UNetDecoder};
use super::parts::{ConvPair, Up, same_conv};
use crate::error::{ModelError, check_probability, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::Upsampling;

/// Dropout of each level relative to the bottleneck: 0.05, 0.1, 0.2, 0.3 and 0.5 in the public code.
const DROPOUT_SHARES: [f64; 5] = [0.1, 0.2, 0.4, 0.6, 1.0];

/// Configuration of a [`UNet`].
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{UNetConfig, trainable_parameters};
///
/// let config = UNetConfig::new(1, 4);
/// config.validate()?;
/// assert_eq!(config.feature_channels(), [256, 128, 64, 32, 16]);
/// let network = config.init(&Device::flex().autodiff());
/// assert_eq!(trainable_parameters(&network), 1_944_324);
/// # Ok::<(), semivox_models::ModelError>(())
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct UNetConfig {
    /// Input channels.
    pub in_channels: usize,
    /// Number of classes, including the background.
    pub classes: usize,
    /// Channels at full resolution, doubled at each lower level. Default: 16.
    #[config(default = 16)]
    pub filters: usize,
    /// Dropout probability at the bottleneck; the levels above have 0.6, 0.4, 0.2 and 0.1 times this
    /// value. Default: 0.5.
    #[config(default = 0.5)]
    pub dropout: f64,
    /// Upsampling in the decoder. Default: transposed convolution.
    #[config(default = "Upsampling::Transposed")]
    pub upsampling: Upsampling,
    /// Output channels of the signed-distance head; `None` for no head. Default: `None`.
    #[config(default = "None")]
    pub signed_distance: Option<usize>,
}

impl UNetConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if a size is zero, [`ModelError::Probability`] if `dropout` is not
    /// in `[0, 1)`.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[
            ("in_channels", self.in_channels),
            ("classes", self.classes),
            ("filters", self.filters),
            ("signed_distance", self.signed_distance.unwrap_or(1)),
        ])?;
        check_probability("dropout", self.dropout)
    }

    /// Returns the channels of the bottleneck and of the four decoder maps.
    pub fn feature_channels(&self) -> [usize; 5] {
        [16, 8, 4, 2, 1].map(|times| times * self.filters)
    }

    /// Creates the network, drawing its parameters from the device's generator in a fixed order.
    ///
    /// Weights and biases are uniform in `±1 / sqrt(fan_in)`, PyTorch's default.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> UNet {
        expect_valid(self.validate());
        let encode = |level: usize| {
            let input = match level {
                0 => self.in_channels,
                _ => self.width(level - 1),
            };
            let dropout = self.dropout * DROPOUT_SHARES[level];
            ConvPair::new([input, self.width(level)], dropout, device)
        };
        materialize(UNet {
            encoder: (0..5).map(encode).collect(),
            decoder: self.init_decoder(device),
        })
    }

    /// Creates a separate decoder, for instance a second one.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init_decoder(&self, device: &Device) -> UNetDecoder {
        expect_valid(self.validate());
        let channels = |step: usize| [self.width(4 - step), self.width(3 - step)];
        let join = |step: usize| {
            let [_, output] = channels(step);
            ConvPair::new([2 * output, output], 0.0, device)
        };
        materialize(UNetDecoder {
            ups: (0..4)
                .map(|step| Up::new(self.upsampling, channels(step), device))
                .collect(),
            blocks: (0..4).map(join).collect(),
            segmentation: same_conv([self.filters, self.classes], device),
            signed_distance: self
                .signed_distance
                .map(|maps| same_conv([self.filters, maps], device)),
        })
    }

    fn width(&self, level: usize) -> usize {
        self.filters << level
    }
}
