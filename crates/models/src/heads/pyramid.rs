//! Auxiliary segmentation heads on the coarser decoder maps.

use burn::config::Config;
use burn::nn::conv::Conv3d;
use burn::nn::{Dropout, DropoutConfig};
use burn::prelude::*;
use semivox_kernels::resize_trilinear;

use crate::error::{ModelError, check_probability, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{drop_channels, pointwise, pointwise_layer};

/// Configuration of [`PyramidHeads`].
#[derive(Config, Debug, PartialEq)]
pub struct PyramidHeadsConfig {
    /// Channels of each feature map.
    pub channels: Vec<usize>,
    /// Number of classes, including the background.
    pub classes: usize,
    /// Whether resizing aligns the centers of corner voxels (`align_corners`) or the outer faces. Default: faces.
    #[config(default = false)]
    pub align_corners: bool,
    /// Probability of dropping a channel of each map before its head, in training; 0 for maps beyond the list. Default:
    /// an empty list.
    #[config(default = "Vec::new()")]
    pub dropout: Vec<f64>,
}

impl PyramidHeadsConfig {
    /// Checks the sizes and probabilities.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if a size is zero, [`ModelError::Probability`] if one of `dropout` is not in `[0, 1)`.
    pub fn validate(&self) -> Result<(), ModelError> {
        let least = self.channels.iter().min();
        let channels = least.copied().unwrap_or(0);
        check_sizes(&[("channels", channels), ("classes", self.classes)])?;
        let mut dropout = self.dropout.iter();
        dropout.try_for_each(|probability| check_probability("dropout", *probability))
    }

    /// Creates the heads with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> PyramidHeads {
        expect_valid(self.validate());
        let head = |&channels: &usize| pointwise_layer([channels, self.classes], device);
        let dropout = self.dropout.iter().chain(std::iter::repeat(&0.0));
        let dropout = dropout.map(|probability| DropoutConfig::new(*probability).init());
        materialize(PyramidHeads {
            dropout: dropout.take(self.channels.len()).collect(),
            heads: self.channels.iter().map(head).collect(),
            align_corners: self.align_corners,
        })
    }
}

/// Auxiliary segmentation heads: per map, dropout of channels and a 1×1×1 convolution, upsampled trilinearly to full
/// resolution.
///
/// # References
///
/// Luo et al., *Efficient Semi-supervised Gross Target Volume of Nasopharyngeal Carcinoma Segmentation via
/// Uncertainty Rectified Pyramid Consistency*, MICCAI 2021, arXiv:2012.07042.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{NetworkConfig, PyramidHeadsConfig};
///
/// let device = Device::flex();
/// let config = NetworkConfig::new(1, 3).with_filters(1);
/// let coarse = config.architecture.coarse_features();
/// let channels = config.feature_channels()[coarse.clone()].to_vec();
/// let heads = PyramidHeadsConfig::new(channels, 3).init(&device);
/// let output = config.init(&device).forward(Tensor::ones([1, 1, 16, 32, 16], &device));
/// let scales = heads.forward(&output.features[coarse], [16, 32, 16]);
/// assert_eq!(scales.len(), 3);
/// assert!(scales.iter().all(|logits| logits.dims() == output.logits.dims()));
/// ```
#[derive(Module, Debug)]
pub struct PyramidHeads {
    dropout: Vec<Dropout>,
    heads: Vec<Conv3d>,
    #[module(skip)]
    align_corners: bool,
}

impl PyramidHeads {
    /// Computes the logits of each map on a grid of the given size.
    ///
    /// # Shapes
    ///
    /// - `features`: one map `[batch, channel, …]` per head
    /// - output: as many `[batch, class, size[0], size[1], size[2]]`
    ///
    /// # Panics
    ///
    /// If number or channels of the maps are not the configured ones.
    pub fn forward(&self, features: &[Tensor<5>], size: [usize; 3]) -> Vec<Tensor<5>> {
        let (found, wanted) = (features.len(), self.heads.len());
        assert_eq!(found, wanted, "expected one map per head");
        let heads = self.heads.iter().zip(&self.dropout).zip(features);
        heads
            .map(|((head, dropout), map)| {
                let scores = pointwise(head, drop_channels(dropout, map.clone()));
                resize_trilinear(scores, size, self.align_corners)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Architecture, NetworkConfig};

    #[test]
    fn both_architectures_give_three_coarse_maps() {
        let device = Device::flex();
        for (architecture, patch) in [
            (Architecture::VNet, [16, 16, 32]),
            (Architecture::UNet, [16, 32, 1]),
        ] {
            let config = NetworkConfig::new(1, 4)
                .with_filters(1)
                .with_architecture(architecture);
            let [d, h, w] = patch;
            let output = config
                .init(&device)
                .forward(Tensor::ones([2, 1, d, h, w], &device));
            let coarse = architecture.coarse_features();
            let sides: Vec<usize> = output.features[coarse.clone()]
                .iter()
                .map(|map| map.dims()[2])
                .collect();
            assert_eq!(sides, [2, 4, 8], "an eighth, a quarter, a half");
            let channels = config.feature_channels()[coarse.clone()].to_vec();
            let heads = PyramidHeadsConfig::new(channels, 4).init(&device);
            for scale in heads.forward(&output.features[coarse], patch) {
                assert_eq!(scale.dims(), [2, 4, d, h, w]);
            }
        }
    }

    /// Resizes [0, 1] to four voxels with and without aligned corners.
    #[test]
    fn faces_meet_unless_corners_are_aligned() {
        let device = Device::flex();
        let map = Tensor::<1>::from_floats([0.0, 1.0], &device).reshape([1, 1, 1, 1, 2]);
        for (align, expected) in [
            (false, [0.0, 0.25, 0.75, 1.0]),
            (true, [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]),
        ] {
            let config = PyramidHeadsConfig::new(vec![1], 1).with_align_corners(align);
            let mut heads = config.init(&device);
            let head = &mut heads.heads[0];
            head.weight = head.weight.clone().map(|w| w.ones_like());
            head.bias = None;
            let found = heads
                .forward(std::slice::from_ref(&map), [1, 1, 4])
                .remove(0);
            let found = found.into_data().try_to_vec::<f32>().unwrap();
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
    }

    /// Maps of ones and heads that copy them: a score is 0 if its map is dropped, else `1 / (1 − p)`.
    #[test]
    fn each_map_is_dropped_as_often_as_it_should_in_training_alone() {
        let device = Device::flex().autodiff();
        let config = PyramidHeadsConfig::new(vec![1; 4], 1);
        let mut heads = config.with_dropout(vec![0.5, 0.3, 0.1]).init(&device);
        for head in &mut heads.heads {
            head.weight = head.weight.clone().map(|w| w.ones_like());
            head.bias = None;
        }
        let scores = |heads: &PyramidHeads, device| {
            let map = Tensor::<5>::ones([2000, 1, 1, 1, 1], device);
            let scores = heads.forward(&[map.clone(), map.clone(), map.clone(), map], [1; 3]);
            scores
                .into_iter()
                .map(|s| s.into_data().try_to_vec::<f32>().unwrap())
        };
        for (found, p) in scores(&heads, &device).zip([0.5, 0.3, 0.1, 0.0]) {
            let dropped = found.iter().filter(|score| **score == 0.0).count() as f32 / 2000.0;
            assert!((dropped - p).abs() < 0.06, "{dropped} of {p}");
            let kept = 1.0 / (1.0 - p);
            assert!(found.iter().all(|s| *s == 0.0 || (s - kept).abs() < 1e-5));
        }
        for found in scores(&heads.valid(), &device.clone().inner()) {
            assert!(found.iter().all(|score| *score == 1.0));
        }
    }

    #[test]
    fn a_probability_of_one_is_refused() {
        let config = PyramidHeadsConfig::new(vec![4, 4], 2).with_dropout(vec![0.5, 1.0]);
        let error = config.validate().unwrap_err();
        let (field, found) = ("dropout", 1.0);
        assert_eq!(error, ModelError::Probability { field, found });
    }

    #[test]
    fn no_map_and_empty_maps_are_refused() {
        for channels in [vec![], vec![4, 0]] {
            let error = PyramidHeadsConfig::new(channels, 2).validate().unwrap_err();
            assert_eq!(error, ModelError::ZeroSize { field: "channels" });
        }
    }
}
