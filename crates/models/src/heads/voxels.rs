//! Projection head for selected voxels or positions.

use burn::config::Config;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::relu;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;

/// Configuration of a [`VoxelProjector`].
#[derive(Config, Debug, PartialEq)]
pub struct VoxelProjectorConfig {
    /// Channels of the feature map.
    pub channels: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Length of the embedding.
    pub embedding: usize,
}

impl VoxelProjectorConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[
            ("channels", self.channels),
            ("hidden", self.hidden),
            ("embedding", self.embedding),
        ])
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> VoxelProjector {
        expect_valid(self.validate());
        materialize(VoxelProjector {
            hidden: LinearConfig::new(self.channels, self.hidden).init(device),
            norm: BatchNormConfig::new(self.hidden).init(device),
            output: LinearConfig::new(self.hidden, self.embedding).init(device),
        })
    }
}

/// Voxel projection head: linear layer, batch norm, ReLU, linear layer on each selected position.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::VoxelProjectorConfig;
///
/// let device = Device::flex();
/// let head = VoxelProjectorConfig::new(16, 64, 32).init(&device);
/// assert_eq!(head.forward(Tensor::ones([10, 16], &device)).dims(), [10, 32]);
/// ```
#[derive(Module, Debug)]
pub struct VoxelProjector {
    hidden: Linear,
    norm: BatchNorm,
    output: Linear,
}

impl VoxelProjector {
    /// Projects `[positions, channels]` to `[positions, embedding]`.
    ///
    /// In training, batch norm uses the statistics of the given positions.
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, positions: Tensor<2>) -> Tensor<2> {
        let hidden = self.hidden.forward(positions).unsqueeze_dim::<3>(2);
        let hidden = relu(self.norm.forward(hidden)).squeeze_dim(2);
        self.output.forward(hidden)
    }
}
