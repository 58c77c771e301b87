//! Projection and prediction heads for global embeddings, one per volume.

use burn::config::Config;
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;

/// Configuration of a [`GlobalProjector`].
#[derive(Config, Debug, PartialEq)]
pub struct GlobalProjectorConfig {
    /// Channels of the feature map, 128 for `f0` of a V-Net with 16 filters.
    pub channels: usize,
    /// Length of the embedding. Default: 128.
    #[config(default = 128)]
    pub embedding: usize,
}

impl GlobalProjectorConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[("channels", self.channels), ("embedding", self.embedding)])
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> GlobalProjector {
        expect_valid(self.validate());
        materialize(GlobalProjector {
            hidden: LinearConfig::new(self.channels, self.channels).init(device),
            output: LinearConfig::new(self.channels, self.embedding).init(device),
        })
    }
}

/// Global projection head: mean over all voxels, then two linear layers without an activation between.
///
/// # References
///
/// You et al., *Bootstrapping Semi-supervised Medical Image Segmentation with Anatomical-aware
/// Contrastive Distillation* (ACTION), IPMI 2023, arXiv:2206.02307; the missing activation is that of
/// the official code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::GlobalProjectorConfig;
///
/// let device = Device::flex();
/// let head = GlobalProjectorConfig::new(8).with_embedding(5).init(&device);
/// assert_eq!(head.forward(Tensor::ones([3, 8, 2, 2, 1], &device)).dims(), [3, 5]);
/// ```
#[derive(Module, Debug)]
pub struct GlobalProjector {
    hidden: Linear,
    output: Linear,
}

impl GlobalProjector {
    /// Projects feature maps to one embedding per volume.
    ///
    /// # Shapes
    ///
    /// - `features`: `[batch, channel, depth, height, width]`
    /// - output: `[batch, embedding]`
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, features: Tensor<5>) -> Tensor<2> {
        let [batch, channels, ..] = features.dims();
        let voxels: Tensor<3> = features.flatten(2, 4);
        let mean = voxels.mean_dim(2).reshape([batch, channels]);
        self.output.forward(self.hidden.forward(mean))
    }
}

/// Configuration of a [`GlobalPredictor`].
#[derive(Config, Debug, PartialEq)]
pub struct GlobalPredictorConfig {
    /// Length of the embedding.
    pub embedding: usize,
}

impl GlobalPredictorConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[("embedding", self.embedding)])
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> GlobalPredictor {
        expect_valid(self.validate());
        let layer = || LinearConfig::new(self.embedding, self.embedding).init(device);
        materialize(GlobalPredictor {
            hidden: layer(),
            output: layer(),
        })
    }
}

/// Global prediction head: two linear layers, used by the student only, after its [`GlobalProjector`].
///
/// # References
///
/// ACTION, arXiv:2206.02307, global distillation; the layers are those of the official code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::GlobalPredictorConfig;
///
/// let device = Device::flex();
/// let head = GlobalPredictorConfig::new(5).init(&device);
/// assert_eq!(head.forward(Tensor::ones([3, 5], &device)).dims(), [3, 5]);
/// ```
#[derive(Module, Debug)]
pub struct GlobalPredictor {
    hidden: Linear,
    output: Linear,
}

impl GlobalPredictor {
    /// Maps embeddings `[batch, embedding]` to predictions of the same shape.
    ///
    /// # Panics
    ///
    /// If the length of the embedding is not the configured one.
    pub fn forward(&self, embedding: Tensor<2>) -> Tensor<2> {
        self.output.forward(self.hidden.forward(embedding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::testing::{assert_values, signed};

    /// The means are (3, 1) and (1, 5); two layers without activation give twice their difference, and minus that.
    #[test]
    fn heads_equal_a_computation_by_hand() {
        let device = Device::flex();
        let values = [2.0, 4.0, 0.0, 2.0, 1.0, 1.0, 3.0, 7.0];
        let maps = Tensor::<1>::from_floats(values, &device).reshape([2, 2, 1, 2, 1]);
        let config = GlobalProjectorConfig::new(2).with_embedding(2);
        let projector = signed(config.init(&device));
        assert_values(projector.forward(maps), &[4.0, -4.0, -8.0, 8.0]);

        let predictor = signed(GlobalPredictorConfig::new(2).init(&device));
        let embeddings = Tensor::from_floats([[3.0, 1.0], [1.0, 5.0]], &device);
        assert_values(predictor.forward(embeddings), &[4.0, -4.0, -8.0, 8.0]);
    }
}
