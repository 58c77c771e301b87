//! Representation head: one embedding per voxel.

use burn::config::Config;
use burn::nn::PaddingConfig3d;
use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use semivox_kernels::{conv2d, conv3d, resize_trilinear};

use crate::error::{ModelError, check_sizes, expect_valid};
use crate::materialize::materialize;
use crate::parts::{pointwise, pointwise_layer};

/// Resolution of the output of a [`RepresentationHead`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
pub enum Resolution {
    /// The network's input grid, as in the paper's official code.
    Full,
    /// Half of every side, rounded down, for an eighth of the memory and time.
    Half,
}

/// Configuration of a [`RepresentationHead`].
#[derive(Config, Debug, PartialEq)]
pub struct RepresentationHeadConfig {
    /// Total channels of the five maps: 16 times the filters of a V-Net, 31 times those of a U-Net.
    pub channels: usize,
    /// Length of a voxel's embedding. Default: 128.
    #[config(default = 128)]
    pub width: usize,
    /// Resolution of the output. Default: full.
    #[config(default = "Resolution::Full")]
    pub resolution: Resolution,
    /// Whether the maps are slices with a last side of 1; the convolution is then 3×3×1. Default: false.
    #[config(default = "false")]
    pub slices: bool,
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

    /// Creates the head with newly drawn parameters.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) fails.
    pub fn init(&self, device: &Device) -> RepresentationHead {
        expect_valid(self.validate());
        let depth = if self.slices { 1 } else { 3 };
        let mixing = Conv3dConfig::new([self.channels, self.width], [3, 3, depth])
            .with_padding(PaddingConfig3d::Explicit(1, 1, depth / 2))
            .with_bias(false);
        materialize(RepresentationHead {
            mixing: mixing.init(device),
            output: pointwise_layer([self.width; 2], device),
            resolution: self.resolution,
        })
    }
}

/// Representation head: combines the decoder's maps into one embedding per voxel.
///
/// Trilinear resizing (`align_corners`), concatenation, 3×3×3 convolution (3×3 for slices) without bias,
/// 1×1×1 convolution with bias; no activation.
///
/// # Notes
///
/// At [`Resolution::Full`], 16 filters and 112×112×80 voxels the concatenated maps take 1 GB and the
/// 3×3×3 convolution 0.89 · 10¹² multiplications. [`Resolution::Half`] deviates from the official code.
///
/// # References
///
/// ACTION, arXiv:2206.02307, anatomical contrast; the layers are those of the official code.
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
    /// Computes the embedding of every voxel.
    ///
    /// # Shapes
    ///
    /// - `features`: five maps `[batch, channel, …]`, the last at full resolution
    /// - output: `[batch, embedding, depth, height, width]` on the configured grid; `embedding` is the configuration's
    ///   `width`
    ///
    /// # Panics
    ///
    /// If the channels of the maps do not add up to the configured total, or a head for slices gets volumes.
    pub fn forward(&self, features: [Tensor<5>; 5]) -> Tensor<5> {
        let [_, _, full @ ..] = features[4].dims();
        let size = match self.resolution {
            Resolution::Full => full,
            Resolution::Half => full.map(|side| (side / 2).max(1)),
        };
        let resized = features.map(|map| resize_trilinear(map, size, true));
        let maps = Tensor::cat(resized.into(), 1);
        pointwise(&self.output, self.mix(maps))
    }

    /// Convolves the concatenated maps; slices are not convolved along their axis of length one.
    fn mix(&self, maps: Tensor<5>) -> Tensor<5> {
        let weight = self.mixing.weight.val();
        match weight.dims()[4] {
            1 => conv2d(maps.squeeze_dim(4), weight.squeeze_dim(4), None).unsqueeze_dim(4),
            _ => conv3d(maps, weight, None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::module::Param;
    use burn::tensor::Distribution;

    use super::*;
    use crate::heads::testing::{assert_values, signed};

    /// The first map is 0 and 6, resized to 0, 2, 4, 6 with aligned corners; the last is −3. The kernel's center takes
    /// their sum, and minus that; the second layer the difference of the two, and minus that.
    #[test]
    fn the_head_equals_a_computation_by_hand() {
        let device = Device::flex();
        let coarse = Tensor::<1>::from_floats([0.0, 6.0], &device).reshape([1, 1, 1, 2, 1]);
        let empty = || Tensor::zeros([1, 1, 1, 2, 1], &device);
        let last = Tensor::full([1, 1, 1, 4, 1], -3.0, &device);
        let maps = [coarse, empty(), empty(), empty(), last];
        for (slices, depth) in [(true, 1), (false, 3)] {
            let config = RepresentationHeadConfig::new(5).with_width(2);
            let mut head = config.with_slices(slices).init(&device);
            let size = 9 * depth;
            let tap = |i: usize| match (i % size == size / 2, i / (5 * size)) {
                (true, 0) => 1.0,
                (true, _) => -1.0,
                (false, _) => 0.0,
            };
            let kernel: Vec<f32> = (0..10 * size).map(tap).collect();
            let kernel = TensorData::new(kernel, [2, 5, 3, 3, depth]);
            head.mixing.weight = Param::from_tensor(Tensor::from_data(kernel, &device));
            head.output = signed(head.output);
            let expected = [-6.0, -2.0, 2.0, 6.0, 6.0, 2.0, -2.0, -6.0];
            assert_values(head.forward(maps.clone()), &expected);
        }
    }

    /// In a volume of one slice, a kernel of three slices covers the middle one and zeros.
    #[test]
    fn a_head_of_slices_is_that_of_volumes_without_the_zeros() {
        let device = Device::flex();
        let random = |shape: [usize; 5]| Tensor::<5>::random(shape, Distribution::Default, &device);
        let config = RepresentationHeadConfig::new(5).with_width(3);
        let slices = config.clone().with_slices(true).init(&device);
        let mut volumes = config.init(&device);
        let outer = || random([3, 5, 3, 3, 1]);
        let kernel = vec![outer(), slices.mixing.weight.val(), outer()];
        volumes.mixing.weight = Param::from_tensor(Tensor::cat(kernel, 4));
        volumes.output = slices.output.clone();
        let maps = [2, 2, 4, 8, 8].map(|side| random([2, 1, side, side, 1]));
        let found = slices.forward(maps.clone());
        assert_eq!(found.dims(), [2, 3, 8, 8, 1]);
        let worst = (found - volumes.forward(maps)).abs().max();
        assert!(worst.into_scalar::<f32>() < 1e-5);
    }

    #[test]
    #[should_panic]
    fn a_head_of_slices_refuses_volumes() {
        let device = Device::flex();
        let config = RepresentationHeadConfig::new(5).with_slices(true);
        let maps = [1; 5].map(|channels| Tensor::zeros([1, channels, 4, 4, 2], &device));
        config.init(&device).forward(maps);
    }
}
