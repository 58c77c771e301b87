//! Heads that compare voxels with the prototypes of their class.

use burn::config::Config;
use burn::nn::conv::Conv3d;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use semivox_kernels::batch_norm_leaky_relu;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

/// Negative slope of the leaky ReLU in the attention heads.
const LEAK: f64 = 0.2;

/// Configuration of [`SeparationHeads`].
#[derive(Config, Debug, PartialEq)]
pub struct SeparationHeadsConfig {
    /// Channels of the feature map.
    pub channels: usize,
    /// Number of classes, including the background.
    pub classes: usize,
    /// Length of embeddings, and width of the hidden layers. Default: 32.
    #[config(default = 32)]
    pub width: usize,
}

impl SeparationHeadsConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes(&[
            ("channels", self.channels),
            ("classes", self.classes),
            ("width", self.width),
        ])
    }

    /// Creates the heads with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> SeparationHeads {
        expect_valid(self.validate());
        let width = self.width;
        let attention = || {
            let head = |_| VoxelPerceptron::new([width, width, 1], LEAK, device);
            (0..self.classes).map(head).collect()
        };
        materialize(SeparationHeads {
            projection: VoxelPerceptron::new([self.channels, width, width], 0.0, device),
            prediction: VoxelPerceptron::new([width; 3], 0.0, device),
            selectors: attention(),
            memory_selectors: attention(),
        })
    }
}

/// Heads of the separation of classes by prototypes: projection, prediction, and for each class two attention heads,
/// one for features and one for prototypes.
///
/// # References
///
/// Wu et al., *Exploring Smoothness and Class-Separation for Semi-supervised Medical Image Segmentation*, MICCAI 2022,
/// arXiv:2203.01324; the layers are those of the public code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::SeparationHeadsConfig;
///
/// let device = Device::flex();
/// let heads = SeparationHeadsConfig::new(16, 2).init(&device);
/// let projected = heads.projection.forward(Tensor::ones([1, 16, 4, 4, 2], &device));
/// assert_eq!(heads.prediction.forward(projected).dims(), [1, 32, 4, 4, 2]);
/// assert_eq!(heads.selectors[1].forward_rows(Tensor::ones([5, 32], &device)).dims(), [5, 1]);
/// ```
#[derive(Module, Debug)]
pub struct SeparationHeads {
    /// Embeds the voxels of a feature map; prototypes are such embeddings.
    pub projection: VoxelPerceptron,
    /// Predicts the embedding that is compared with prototypes from a projected one.
    pub prediction: VoxelPerceptron,
    /// Attention to the voxels of each class.
    pub selectors: Vec<VoxelPerceptron>,
    /// Attention to the prototypes of each class.
    pub memory_selectors: Vec<VoxelPerceptron>,
}

/// Perceptron of two layers applied to each voxel: 1×1×1 convolution, batch norm, (leaky) ReLU, 1×1×1 convolution.
#[derive(Module, Debug)]
pub struct VoxelPerceptron {
    hidden: Conv3d,
    norm: BatchNorm,
    output: Conv3d,
    leak: f64,
}

impl VoxelPerceptron {
    fn new([input, hidden, output]: [usize; 3], leak: f64, device: &Device) -> Self {
        Self {
            hidden: pointwise_layer([input, hidden], device),
            norm: BatchNormConfig::new(hidden).init(device),
            output: pointwise_layer([hidden, output], device),
            leak,
        }
    }

    /// Applies the perceptron to each voxel of a map.
    ///
    /// # Shapes
    ///
    /// - `map`: `[batch, channel, depth, height, width]`
    /// - output: the same with the output's channels
    ///
    /// # Panics
    ///
    /// If the number of channels is not the configuration's.
    pub fn forward(&self, map: Tensor<5>) -> Tensor<5> {
        let hidden = pointwise(&self.hidden, map);
        let hidden = batch_norm_leaky_relu(hidden, &self.norm, self.leak);
        pointwise(&self.output, hidden)
    }

    /// Applies the perceptron to the vectors of single voxels, `[voxels, channel]`.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn forward_rows(&self, rows: Tensor<2>) -> Tensor<2> {
        let [voxels, channels] = rows.dims();
        let map = rows.transpose().reshape([1, channels, voxels, 1, 1]);
        let output = self.forward(map);
        let channels = output.dims()[1];
        output.reshape([channels, voxels]).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn rows_are_treated_as_the_voxels_of_a_map() {
        let device = Device::flex().autodiff();
        let heads = SeparationHeadsConfig::new(3, 2).with_width(4).init(&device);
        let map = Tensor::<5>::random([2, 3, 4, 2, 1], Distribution::Default, &device);
        let rows = map.clone().permute([0, 2, 3, 4, 1]).reshape([16, 3]);
        let expected = heads.projection.forward(map).permute([0, 2, 3, 4, 1]);
        let off = expected.reshape([16, 4]) - heads.projection.forward_rows(rows);
        assert!(off.abs().max().into_scalar::<f32>() < 1e-5);
    }

    #[test]
    fn attention_heads_leak_and_every_class_has_its_own() {
        let device = Device::flex();
        let heads = SeparationHeadsConfig::new(3, 2).with_width(4).init(&device);
        assert_eq!(heads.projection.leak, 0.0);
        let all = heads.selectors.iter().chain(&heads.memory_selectors);
        let rows = Tensor::<2>::random([5, 4], Distribution::Default, &device);
        let scores: Vec<TensorData> = all
            .map(|head| {
                assert_eq!(head.leak, LEAK);
                head.forward_rows(rows.clone()).into_data()
            })
            .collect();
        assert_eq!(scores.len(), 4);
        assert!(scores[1..].iter().all(|other| *other != scores[0]));
    }
}
