//! Projection head for every position of a feature map.

use burn::config::Config;
use burn::nn::conv::Conv3d;
use burn::prelude::*;
use burn::tensor::activation::relu;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

/// Configuration of a [`DenseProjector`].
#[derive(Config, Debug, PartialEq)]
pub struct DenseProjectorConfig {
    /// Channels of the feature map.
    pub channels: usize,
    /// Channels between the two convolutions.
    pub hidden: usize,
    /// Length of the embedding. Default: 128.
    #[config(default = 128)]
    pub embedding: usize,
}

impl DenseProjectorConfig {
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
    pub fn init(&self, device: &Device) -> DenseProjector {
        expect_valid(self.validate());
        materialize(DenseProjector {
            hidden: pointwise_layer([self.channels, self.hidden], device),
            output: pointwise_layer([self.hidden, self.embedding], device),
        })
    }
}

/// Dense projection head: 1×1×1 convolution, ReLU, 1×1×1 convolution.
///
/// Applied to the mean over all positions it is a two-layer perceptron.
///
/// # References
///
/// The dense projection head of Wang et al., *Dense Contrastive Learning for Self-Supervised Visual
/// Pre-Training*, CVPR 2021, arXiv:2011.09157.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::DenseProjectorConfig;
///
/// let device = Device::flex();
/// let head = DenseProjectorConfig::new(8, 8).with_embedding(5).init(&device);
/// assert_eq!(head.forward(Tensor::ones([3, 8, 4, 2, 1], &device)).dims(), [3, 5, 4, 2, 1]);
/// assert_eq!(head.forward_pooled(Tensor::ones([3, 8, 4, 2, 1], &device)).dims(), [3, 5]);
/// ```
#[derive(Module, Debug)]
pub struct DenseProjector {
    hidden: Conv3d,
    output: Conv3d,
}

impl DenseProjector {
    /// Projects every position of a feature map.
    ///
    /// # Shapes
    ///
    /// - `map`: `[batch, channel, depth, height, width]`
    /// - output: `[batch, embedding, depth, height, width]`
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, map: Tensor<5>) -> Tensor<5> {
        let hidden = relu(pointwise(&self.hidden, map));
        pointwise(&self.output, hidden)
    }

    /// Projects the mean over all positions to `[batch, embedding]`.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn forward_pooled(&self, map: Tensor<5>) -> Tensor<2> {
        let mean: Tensor<3> = map.flatten::<3>(2, 4).mean_dim(2); // [batch, channel, 1]
        let mean = mean.unsqueeze_dims(&[3, 4]);
        self.forward(mean).flatten::<3>(2, 4).squeeze_dim(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::testing::{assert_values, signed, two_voxels};

    /// Of a voxel (a, b) with d = a − b and s = a + b, the hidden values are d, −d, −s, d before the ReLU, and after it
    /// 2, 0, 0, 2 and 0, 4, 0, 0; those of the mean (2, 3) are 0, 1, 0, 0.
    #[test]
    fn the_head_equals_a_computation_by_hand() {
        let device = Device::flex();
        let head = signed(
            DenseProjectorConfig::new(2, 4)
                .with_embedding(2)
                .init(&device),
        );
        let map = two_voxels(&device);
        assert_values(head.forward(map.clone()), &[4.0, -4.0, -4.0, -4.0]);
        assert_values(head.forward_pooled(map), &[-1.0, -1.0]);
    }
}
