//! Projection head for slices, one embedding per slice.

use burn::config::Config;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::activation::relu;
use semivox_kernels::{adaptive_avg_pool3d, adaptive_max_pool3d, alpha_dropout};

use crate::error::{ModelError, check_probability, check_sizes, expect_valid};
use crate::materialize::materialize;

/// Pooling of slices to a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum SlicePooling {
    /// Adaptive average pooling.
    Average,
    /// Adaptive max pooling.
    Max,
}

/// Configuration of a [`SliceProjector`].
#[derive(Config, Debug, PartialEq)]
pub struct SliceProjectorConfig {
    /// Channels of the input. Default: 1.
    #[config(default = 1)]
    pub channels: usize,
    /// Side length after pooling. Default: 128.
    #[config(default = 128)]
    pub side: usize,
    /// Kind of pooling. Default: average.
    #[config(default = "SlicePooling::Average")]
    pub pooling: SlicePooling,
    /// Probability of alpha dropout. Default: 0.1.
    #[config(default = 0.1)]
    pub dropout: f64,
    /// Width of the two hidden layers. Default: 256.
    #[config(default = 256)]
    pub hidden: usize,
    /// Length of the embedding. Default: 128.
    #[config(default = 128)]
    pub embedding: usize,
}

impl SliceProjectorConfig {
    /// Checks the sizes and the dropout probability.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if a size is zero, [`ModelError::Probability`] if `dropout` is not in
    /// `[0, 1)`.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[
            ("channels", self.channels),
            ("side", self.side),
            ("hidden", self.hidden),
            ("embedding", self.embedding),
        ])?;
        check_probability("dropout", self.dropout)
    }

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> SliceProjector {
        expect_valid(self.validate());
        let layer = |input, output| LinearConfig::new(input, output).init(device);
        materialize(SliceProjector {
            dropout: DropoutConfig::new(self.dropout).init(),
            first: layer(self.channels * self.side * self.side, self.hidden),
            second: layer(self.hidden, self.hidden),
            output: layer(self.hidden, self.embedding),
            side: self.side,
            pooling: self.pooling,
        })
    }
}

/// Slice projection head: alpha dropout, pooling of each slice to a fixed size, three linear layers with ReLU.
///
/// Dropout is active under the same condition as Burn's: the input is on an autodiff device and the
/// layer is in training mode.
///
/// # References
///
/// You et al., *SimCVD: Simple Contrastive Voxel-Wise Representation Distillation for Semi-Supervised
/// Medical Image Segmentation*, IEEE TMI 41(9), 2022, arXiv:2108.06227, Fig. 1. The paper gives the order
/// and the pooled size; widths and activations are chosen here.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::SliceProjectorConfig;
///
/// let device = Device::flex();
/// let head = SliceProjectorConfig::new().with_side(8).with_embedding(5).init(&device);
/// let volumes = Tensor::ones([2, 1, 6, 7, 3], &device);
/// assert_eq!(head.forward(volumes).dims(), [6, 5]); // 3 slices of each of 2 volumes
/// ```
#[derive(Module, Debug)]
pub struct SliceProjector {
    dropout: Dropout,
    first: Linear,
    second: Linear,
    output: Linear,
    side: usize,
    #[module(skip)]
    pooling: SlicePooling,
}

impl SliceProjector {
    /// Projects the slices along the last axis to embeddings, volume by volume in slice order.
    ///
    /// # Shapes
    ///
    /// - `volumes`: `[batch, channel, depth, height, width]`
    /// - output: `[batch * width, embedding]`
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configured one.
    pub fn forward(&self, volumes: Tensor<5>) -> Tensor<2> {
        let [batch, channels, _, _, width] = volumes.dims();
        let dropped = match self.dropout.training.is_enabled() && volumes.device().is_autodiff() {
            true => alpha_dropout(volumes, self.dropout.prob),
            false => volumes,
        };
        let size = [self.side, self.side, width];
        let pooled = match self.pooling {
            SlicePooling::Average => adaptive_avg_pool3d(dropped, size),
            SlicePooling::Max => adaptive_max_pool3d(dropped, size),
        };
        // [batch, width, channel, side, side], then one row per slice
        let slices = pooled.permute([0, 4, 1, 2, 3]);
        let rows = slices.reshape([batch * width, channels * self.side * self.side]);
        let hidden = relu(self.second.forward(relu(self.first.forward(rows))));
        self.output.forward(hidden)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::heads::testing::{assert_values, signed};

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_slice_is_embedded_by_itself() {
        let device = Device::flex();
        let head = SliceProjectorConfig::new()
            .with_channels(2)
            .with_side(4)
            .with_embedding(3)
            .init(&device);
        let volumes = Tensor::<1, Int>::arange(0..2 * 2 * 5 * 4 * 3, &device).float();
        let volumes = (volumes * 1.3).sin().reshape([2, 2, 5, 4, 3]);
        let all = values(head.forward(volumes.clone()));
        for (row, (volume, slice)) in [(0, (0, 0)), (2, (0, 2)), (4, (1, 1))] {
            let one = volumes.clone().narrow(0, volume, 1).narrow(4, slice, 1);
            let alone = values(head.forward(one));
            for (a, b) in alone.iter().zip(&all[3 * row..]) {
                assert!((a - b).abs() < 1e-6);
            }
        }
    }

    /// The means of the slices are (3, 1) and (1, 5), the maxima (4, 3) and (2, 5). With d the difference of the two,
    /// the layers compute ReLU(d) and ReLU(−d), the same again, and d and −d.
    #[test]
    fn the_head_equals_a_computation_by_hand() {
        let device = Device::flex();
        let values = [2.0, 0.0, 4.0, 2.0, -1.0, 5.0, 3.0, 5.0];
        let volume = Tensor::<1>::from_floats(values, &device).reshape([1, 2, 2, 1, 2]);
        for (pooling, expected) in [
            (SlicePooling::Average, [2.0, -2.0, -4.0, 4.0]),
            (SlicePooling::Max, [1.0, -1.0, -3.0, 3.0]),
        ] {
            let config = SliceProjectorConfig::new().with_channels(2).with_side(1);
            let config = config.with_hidden(2).with_embedding(2);
            let head = signed(config.with_pooling(pooling).init(&device));
            assert_values(head.forward(volume.clone()), &expected);
        }
    }

    #[test]
    fn dropout_works_in_training_alone_and_pooling_is_as_configured() {
        let device = Device::flex().autodiff();
        let config = SliceProjectorConfig::new().with_side(4).with_dropout(0.5);
        let head = config.init(&device);
        let x = Tensor::<5>::ones([1, 1, 8, 8, 2], &device);
        assert_ne!(
            values(head.forward(x.clone())),
            values(head.forward(x.clone()))
        );
        let still = head.valid();
        let x = x.inner();
        assert_eq!(
            values(still.forward(x.clone())),
            values(still.forward(x.clone()))
        );
        let ramp = Tensor::<1, Int>::arange(0..64, &x.device())
            .float()
            .reshape([1, 1, 8, 8, 1]);
        let pooled = |pooling| {
            let head = config.clone().with_pooling(pooling).init(&x.device());
            let copied = SliceProjector {
                pooling,
                ..still.clone()
            };
            assert_eq!(head.pooling, pooling);
            values(copied.forward(ramp.clone()))
        };
        assert_ne!(pooled(SlicePooling::Average), pooled(SlicePooling::Max));
    }
}
