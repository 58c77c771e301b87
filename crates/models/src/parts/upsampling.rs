//! Upsampling methods of decoders.

use burn::serde::{Deserialize, Serialize};

/// Upsampling method of a decoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Upsampling {
    /// Transposed convolution.
    #[default]
    Transposed,
    /// Linear interpolation with aligned corners; in a U-Net after a 1×1 convolution that halves the
    /// channels, in a V-Net before a 3×3×3 convolution that does so.
    Linear,
}
