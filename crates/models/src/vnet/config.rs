//! Configuration of the V-Net.

use burn::config::Config;
use burn::nn::DropoutConfig;
use burn::prelude::*;

use super::decoder::{Double, VNetDecoder};
use super::network::VNet;
use crate::error::{ModelError, check_probability, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{ConvBlock, Down, Upsampling, pointwise_layer};

/// Number of convolutions per encoder block, from full resolution to the bottleneck.
const ENCODER_DEPTHS: [usize; 5] = [1, 2, 3, 3, 3];
/// Number of convolutions per decoder block, from the lowest resolution to full.
const DECODER_DEPTHS: [usize; 4] = [3, 3, 2, 1];

/// Configuration of a [`VNet`].
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{VNetConfig, trainable_parameters};
///
/// let config = VNetConfig::new(1, 2);
/// config.validate()?;
/// assert_eq!(config.feature_channels(), [128, 64, 32, 16, 16]);
/// let small = config.with_filters(2).with_dropout(0.0).init(&Device::flex().autodiff());
/// assert_eq!(trainable_parameters(&small), 148_610);
/// # Ok::<(), semivox_models::ModelError>(())
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct VNetConfig {
    /// Input channels: 1 for CT or one MR sequence.
    pub in_channels: usize,
    /// Number of classes, including the background.
    pub classes: usize,
    /// Channels at full resolution, doubled at each lower level. Default: 16.
    #[config(default = 16)]
    pub filters: usize,
    /// Probability of dropping a channel at the bottleneck and before the output. Default: 0.5.
    #[config(default = 0.5)]
    pub dropout: f64,
    /// Probability of dropping a channel before the output; `None` for that of the bottleneck. Default: `None`.
    #[config(default = "None")]
    pub output_dropout: Option<f64>,
    /// Upsampling in the decoder. Default: transposed convolution.
    #[config(default = "Upsampling::Transposed")]
    pub upsampling: Upsampling,
    /// Output channels of the signed-distance head; `None` for no head. Default: `None`.
    #[config(default = "None")]
    pub signed_distance: Option<usize>,
}

impl VNetConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if a size is zero, [`ModelError::Probability`] if `dropout` or `output_dropout` is
    /// not in `[0, 1)`.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[
            ("in_channels", self.in_channels),
            ("classes", self.classes),
            ("filters", self.filters),
            ("signed_distance", self.signed_distance.unwrap_or(1)),
        ])?;
        check_probability("dropout", self.dropout)?;
        check_probability("output_dropout", self.output_dropout())
    }

    /// Returns the channels of the five decoder maps, `f0` to `f4`.
    pub fn feature_channels(&self) -> [usize; 5] {
        [8, 4, 2, 1, 1].map(|times| times * self.filters)
    }

    /// Creates the network, drawing its parameters from the device's generator in a fixed order.
    ///
    /// Weights and biases are uniform in `±1 / sqrt(fan_in)`, PyTorch's default.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> VNet {
        expect_valid(self.validate());
        let width = |level: usize| self.filters << level;
        let encode = |level: usize| {
            let input = if level == 0 {
                self.in_channels
            } else {
                width(level)
            };
            ConvBlock::new(ENCODER_DEPTHS[level], [input, width(level)], device)
        };
        materialize(VNet {
            encoder: (0..5).map(encode).collect(),
            downs: (0..4)
                .map(|level| Down::new([width(level), width(level + 1)], device))
                .collect(),
            decoder: self.decoder(device),
        })
    }

    /// Creates a separate decoder, for instance a second one.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init_decoder(&self, device: &Device) -> VNetDecoder {
        expect_valid(self.validate());
        materialize(self.decoder(device))
    }

    fn output_dropout(&self) -> f64 {
        self.output_dropout.unwrap_or(self.dropout)
    }

    /// Creates a decoder whose parameters are not initialized yet.
    fn decoder(&self, device: &Device) -> VNetDecoder {
        let width = |step: usize| self.filters << (4 - step);
        let double = |step: usize| {
            let channels = [width(step), width(step + 1)];
            Double::new(self.upsampling, channels, device)
        };
        let block = |step: usize| {
            let channels = [width(step + 1); 2];
            ConvBlock::new(DECODER_DEPTHS[step], channels, device)
        };
        let output = |maps| pointwise_layer([self.filters, maps], device);
        VNetDecoder {
            ups: (0..4).map(double).collect(),
            blocks: (0..4).map(block).collect(),
            bottleneck_dropout: DropoutConfig::new(self.dropout).init(),
            output_dropout: DropoutConfig::new(self.output_dropout()).init(),
            segmentation: output(self.classes),
            signed_distance: self.signed_distance.map(output),
        }
    }
}
