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
/// # References
///
/// You et al., *Momentum Contrastive Voxel-wise Representation Learning for Semi-supervised Volumetric Medical Image
/// Segmentation*, MICCAI 2022, arXiv:2105.07059, whose abstract asks for contrast of voxels and of features. The rest
/// could not be read; the layers are chosen here.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::testing::{assert_values, signed};

    /// The hidden values of (3, 1) are 2, −4, −2, 2 before batch norm and ReLU, those of (1, 5) are −4, −6, 4, −4. In
    /// training, batch norm makes each ±1.
    #[test]
    fn the_head_equals_a_computation_by_hand() {
        for (device, expected) in [
            (Device::flex(), [4.0, -4.0, -4.0, -4.0]),
            (Device::flex().autodiff(), [1.0, -1.0, -1.0, -1.0]),
        ] {
            let mut head = VoxelProjectorConfig::new(2, 4, 2).init(&device);
            head.hidden = signed(head.hidden);
            head.output = signed(head.output);
            let positions = Tensor::from_floats([[3.0, 1.0], [1.0, 5.0]], &device);
            assert_values(head.forward(positions), &expected);
        }
    }
}
