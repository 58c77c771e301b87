//! The choice between two ways up.

use burn::serde::{Deserialize, Serialize};

/// How a decoder doubles its maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Upsampling {
    /// Transposed convolution.
    #[default]
    Transposed,
    /// Linear interpolation with aligned corners: of a U-Net after a 1×1 convolution that halves the
    /// channels, of a V-Net before a 3×3×3 convolution that does.
    Linear,
}
