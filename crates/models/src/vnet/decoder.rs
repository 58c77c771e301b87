//! V-Net decoder.

use burn::nn::Dropout;
use burn::nn::conv::Conv3d;
use burn::prelude::*;
use semivox_kernels::{add, resize_nearest, resize_trilinear};

use crate::NetworkOutput;
use crate::parts::{ConvBlock, ConvUnit, Up, Upsampling, drop_channels, pointwise};

/// V-Net decoder, which can also be used as a second decoder of another network's encoder.
///
/// # References
///
/// Interpolation followed by a convolution is from Wu et al., *Semi-supervised Left Atrium Segmentation with Mutual
/// Consistency Training*, MICCAI 2021, arXiv:2103.02911 (linear), and *Mutual Consistency Learning for Semi-supervised
/// Medical Image Segmentation*, Medical Image Analysis 2022, arXiv:2109.09960 (nearest neighbor).
#[derive(Module, Debug)]
pub struct VNetDecoder {
    pub(super) ups: Vec<Double>,
    pub(super) blocks: Vec<ConvBlock>,
    pub(super) bottleneck_dropout: Dropout,
    pub(super) output_dropout: Dropout,
    pub(super) segmentation: Conv3d,
    pub(super) signed_distance: Option<Conv3d>,
}

impl VNetDecoder {
    /// Computes the segmentation from the maps of [`VNet::encode`](crate::VNet::encode).
    ///
    /// # Panics
    ///
    /// If the maps do not come from an encoder of this configuration.
    pub fn forward(&self, [x0, x1, x2, x3, lowest]: [Tensor<5>; 5]) -> NetworkOutput {
        let bottleneck = drop_channels(&self.bottleneck_dropout, lowest);
        let f0 = self.join(0, bottleneck.clone(), x3);
        let f1 = self.join(1, self.blocks[0].forward(f0.clone()), x2);
        let f2 = self.join(2, self.blocks[1].forward(f1.clone()), x1);
        let f3 = self.join(3, self.blocks[2].forward(f2.clone()), x0);
        let f4 = self.blocks[3].forward(f3.clone());
        let last = drop_channels(&self.output_dropout, f4.clone());
        let distance = |head| pointwise(head, last.clone()).tanh();
        NetworkOutput {
            signed_distance: self.signed_distance.as_ref().map(distance),
            logits: pointwise(&self.segmentation, last),
            features: [f0, f1, f2, f3, f4],
            bottleneck,
        }
    }

    /// Applies the first `blocks` of the four blocks; returns
    /// `[batch, filters << (4 - blocks), side >> (4 - blocks), …]`.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn forward_part(
        &self,
        [x0, x1, x2, x3, lowest]: [Tensor<5>; 5],
        blocks: usize,
    ) -> Tensor<5> {
        let skips = [x3, x2, x1, x0].into_iter().enumerate().take(blocks);
        let low = drop_channels(&self.bottleneck_dropout, lowest);
        skips.fold(low, |low, (step, skip)| {
            self.blocks[step].forward(self.join(step, low, skip))
        })
    }

    fn join(&self, step: usize, low: Tensor<5>, skip: Tensor<5>) -> Tensor<5> {
        add(self.ups[step].forward(low), skip)
    }
}

/// Upsampling by a factor of two.
#[derive(Module, Debug)]
pub(super) enum Double {
    Transposed(Up),
    Linear(ConvUnit),
    Nearest(ConvUnit),
}

impl Double {
    pub(super) fn new(upsampling: Upsampling, channels: [usize; 2], device: &Device) -> Self {
        match upsampling {
            Upsampling::Transposed => Self::Transposed(Up::new(channels, device)),
            Upsampling::Linear => Self::Linear(ConvUnit::new(channels, device)),
            Upsampling::Nearest => Self::Nearest(ConvUnit::new(channels, device)),
        }
    }

    fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let [_, _, sides @ ..] = input.dims();
        let doubled = sides.map(|side| 2 * side);
        match self {
            Self::Transposed(up) => up.forward(input),
            Self::Linear(unit) => unit.forward(resize_trilinear(input, doubled, true)),
            Self::Nearest(unit) => unit.forward(resize_nearest(input, doubled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VNetConfig;
    use crate::parts::testing::{assert_equal, repeated, volume};

    #[test]
    fn the_last_map_is_that_before_the_output_dropout() {
        let device = Device::flex().autodiff();
        let config = VNetConfig::new(1, 2).with_filters(8).with_dropout(0.0);
        let network = config.with_output_dropout(Some(0.5)).init(&device);
        let input = volume([2, 1, 16, 16, 16], &device);
        let [one, two] = [(); 2].map(|()| network.forward(input.clone()));
        let moved = (one.logits - two.logits).abs().max().into_scalar::<f32>();
        assert!(moved > 1e-3, "{moved}");
        for (one, two) in one.features.into_iter().zip(two.features) {
            assert_equal(one, two);
        }
    }

    #[test]
    fn nearest_neighbors_repeat_every_voxel_before_the_convolution() {
        // Batch statistics keep the ReLU from hiding the input.
        let device = Device::flex().autodiff();
        let double = Double::new(Upsampling::Nearest, [3, 2], &device);
        let input = volume([2, 3, 2, 3, 4], &device);
        let Double::Nearest(unit) = &double else {
            panic!("another upsampling")
        };
        let expected = unit.forward(repeated(input.clone(), [2; 3]));
        assert_equal(double.forward(input), expected);
    }
}
