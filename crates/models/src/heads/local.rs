//! Projection and prediction heads for local embeddings, one grid per patch.

use burn::config::Config;
use burn::nn::conv::Conv3d;
use burn::prelude::*;
use semivox_kernels::adaptive_avg_pool3d;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

/// Configuration of a [`LocalProjector`].
#[derive(Config, Debug, PartialEq)]
pub struct LocalProjectorConfig {
    /// Channels of the patches: the number of classes, since the local branch works on logits.
    pub channels: usize,
    /// Grid to which a patch is pooled. Default: 4×4×4.
    #[config(default = "[4, 4, 4]")]
    pub grid: [usize; 3],
}

impl LocalProjectorConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        let cells = self.grid.iter().product();
        check_sizes(&[("channels", self.channels), ("grid", cells)])
    }

    /// Returns the length of the flattened embedding.
    pub fn embedding(&self) -> usize {
        self.channels * self.grid.iter().product::<usize>()
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> LocalProjector {
        expect_valid(self.validate());
        let wide = 2 * self.channels;
        materialize(LocalProjector {
            hidden: pointwise_layer([self.channels, wide], device),
            output: pointwise_layer([wide, self.channels], device),
            grid: self.grid,
        })
    }
}

/// Local projection head: adaptive average pooling, then 1×1×1 convolutions `C -> 2C -> C` without activations.
///
/// # References
///
/// ACTION, arXiv:2206.02307, local distillation; the layers are those of the official 3D code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::LocalProjectorConfig;
///
/// let device = Device::flex();
/// let config = LocalProjectorConfig::new(2);
/// assert_eq!(config.embedding(), 128);
/// let patches = Tensor::ones([3, 2, 20, 20, 20], &device);
/// assert_eq!(config.init(&device).forward(patches).dims(), [3, 2, 4, 4, 4]);
/// ```
#[derive(Module, Debug)]
pub struct LocalProjector {
    hidden: Conv3d,
    output: Conv3d,
    grid: [usize; 3],
}

impl LocalProjector {
    /// Projects patches to grids of embeddings.
    ///
    /// # Shapes
    ///
    /// - `patches`: `[patch, channel, depth, height, width]`
    /// - output: `[patch, channel, grid[0], grid[1], grid[2]]`
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, patches: Tensor<5>) -> Tensor<5> {
        let pooled = adaptive_avg_pool3d(patches, self.grid);
        pointwise(&self.output, pointwise(&self.hidden, pooled))
    }
}

/// Configuration of a [`LocalPredictor`].
#[derive(Config, Debug, PartialEq)]
pub struct LocalPredictorConfig {
    /// Channels of the grids.
    pub channels: usize,
}

impl LocalPredictorConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[("channels", self.channels)])
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> LocalPredictor {
        expect_valid(self.validate());
        let layer = || pointwise_layer([self.channels; 2], device);
        materialize(LocalPredictor {
            hidden: layer(),
            output: layer(),
        })
    }
}

/// Local prediction head: two 1×1×1 convolutions, used by the student only, after its [`LocalProjector`].
///
/// # References
///
/// ACTION, arXiv:2206.02307, local distillation; the layers are those of the official 3D code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::LocalPredictorConfig;
///
/// let device = Device::flex();
/// let head = LocalPredictorConfig::new(2).init(&device);
/// let grids = Tensor::ones([3, 2, 4, 4, 4], &device);
/// assert_eq!(head.forward(grids).dims(), [3, 2, 4, 4, 4]);
/// ```
#[derive(Module, Debug)]
pub struct LocalPredictor {
    hidden: Conv3d,
    output: Conv3d,
}

impl LocalPredictor {
    /// Maps grids `[patch, channel, depth, height, width]` to predictions of the same shape.
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, grids: Tensor<5>) -> Tensor<5> {
        pointwise(&self.output, pointwise(&self.hidden, grids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::testing::{assert_values, signed, two_voxels};

    /// Of a voxel (a, b) with d = a − b and s = a + b, the projector's hidden values are d, −d, −s, d and its outputs
    /// 3d + s, −s − d; those of the predictor are d, −d and 2d, −2d.
    #[test]
    fn heads_equal_a_computation_by_hand() {
        let device = Device::flex();
        let config = LocalProjectorConfig::new(2).with_grid([1, 1, 2]);
        let projector = signed(config.init(&device));
        let values = [2.0, 0.0, 4.0, 2.0, 0.0, 4.0, 2.0, 6.0]; // pooled to (3, 1) and (1, 5)
        let patch = Tensor::<1>::from_floats(values, &device).reshape([1, 2, 1, 2, 2]);
        assert_values(projector.forward(patch), &[10.0, -6.0, -6.0, -2.0]);

        let predictor = signed(LocalPredictorConfig::new(2).init(&device));
        let found = predictor.forward(two_voxels(&device));
        assert_values(found, &[4.0, -8.0, -4.0, 8.0]);
    }
}
