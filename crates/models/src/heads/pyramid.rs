//! Auxiliary segmentation heads on the coarser decoder maps.

use burn::config::Config;
use burn::nn::conv::Conv3d;
use burn::prelude::*;
use semivox_kernels::resize_trilinear;

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

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
}

impl PyramidHeadsConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// [`ModelError::ZeroSize`] if one is zero.
    pub fn validate(&self) -> Result<(), ModelError> {
        let least = self.channels.iter().min();
        let channels = least.copied().unwrap_or(0);
        check_sizes(&[("channels", channels), ("classes", self.classes)])
    }

    /// Creates the heads with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> PyramidHeads {
        expect_valid(self.validate());
        let head = |&channels: &usize| pointwise_layer([channels, self.classes], device);
        materialize(PyramidHeads {
            heads: self.channels.iter().map(head).collect(),
            align_corners: self.align_corners,
        })
    }
}

/// Auxiliary segmentation heads: one 1×1×1 convolution per map, upsampled trilinearly to full resolution.
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
        let heads = self.heads.iter().zip(features);
        heads
            .map(|(head, map)| {
                let scores = pointwise(head, map.clone());
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

    #[test]
    fn no_map_and_empty_maps_are_refused() {
        for channels in [vec![], vec![4, 0]] {
            let error = PyramidHeadsConfig::new(channels, 2).validate().unwrap_err();
            assert_eq!(error, ModelError::ZeroSize { field: "channels" });
        }
    }
}
