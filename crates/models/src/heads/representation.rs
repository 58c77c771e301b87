//! One embedding a voxel.

use burn::config::Config;
use burn::nn::PaddingConfig3d;
use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use semivox_kernels::{conv3d, resize_trilinear};

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

/// The grid a [`RepresentationHead`] works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
pub enum Resolution {
    /// The network's input grid, as in the paper's official code.
    Full,
    /// Half of every side, rounded down: an eighth of memory and time.
    Half,
}

/// Sizes of a [`RepresentationHead`].
#[derive(Config, Debug, PartialEq)]
pub struct RepresentationHeadConfig {
    /// Channels of the five maps together: 16 times the filters of a V-Net.
    pub channels: usize,
    /// Length of a voxel's embedding. Default: 128.
    #[config(default = 128)]
    pub width: usize,
    /// The grid of the output. Default: full.
    #[config(default = "Resolution::Full")]
    pub resolution: Resolution,
}

impl RepresentationHeadConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[("channels", self.channels), ("width", self.width)])
    }

    /// Builds the head and draws its parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> RepresentationHead {
        expect_valid(self.validate());
        let mixing = Conv3dConfig::new([self.channels, self.width], [3; 3])
            .with_padding(PaddingConfig3d::Explicit(1, 1, 1))
            .with_bias(false);
        materialize(RepresentationHead {
            mixing: mixing.init(device),
            output: pointwise_layer([self.width; 2], device),
            resolution: self.resolution,
        })
    }
}

/// Brings the maps of the decoder to one grid and mixes them into an embedding for every voxel.
///
/// Trilinear resize (`align_corners`), concatenation, convolution 3×3×3 without bias, convolution
/// 1×1×1 with bias; no activation.
///
/// # Notes
///
/// At [`Resolution::Full`], 16 filters and 112×112×80 voxels the concatenated maps alone take 1 GB and
/// the 3×3×3 convolution 0.89 · 10¹² multiplications. [`Resolution::Half`] is a deviation from the
/// official code.
///
/// # References
///
/// ACTION, arXiv:2206.02307, anatomical contrast; the layers are those of the official 3D code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{RepresentationHeadConfig, Resolution, VNetConfig};
///
/// let device = Device::flex();
/// let model = VNetConfig::new(1, 2).with_filters(1).init(&device);
/// let head = RepresentationHeadConfig::new(16)
///     .with_width(4)
///     .with_resolution(Resolution::Half)
///     .init(&device);
/// let output = model.forward(Tensor::ones([1, 1, 16, 16, 16], &device));
/// assert_eq!(head.forward(output.features).dims(), [1, 4, 8, 8, 8]);
/// ```
#[derive(Module, Debug)]
pub struct RepresentationHead {
    mixing: Conv3d,
    output: Conv3d,
    #[module(skip)]
    resolution: Resolution,
}

impl RepresentationHead {
    /// Embeds every voxel.
    ///
    /// # Shapes
    ///
    /// - `features`: five maps `[batch, channel, …]`, the last at full resolution
    /// - output: `[batch, width, depth, height, width]` on the grid of the configuration
    ///
    /// # Panics
    ///
    /// If the channels of the maps do not add up to the configuration's.
    pub fn forward(&self, features: [Tensor<5>; 5]) -> Tensor<5> {
        let [_, _, full @ ..] = features[4].dims();
        let size = match self.resolution {
            Resolution::Full => full,
            Resolution::Half => full.map(|side| (side / 2).max(1)),
        };
        let resized = features.map(|map| resize_trilinear(map, size, true));
        let maps = Tensor::cat(resized.into(), 1);
        let mixed = conv3d(maps, self.mixing.weight.val(), None);
        pointwise(&self.output, mixed)
    }
}
