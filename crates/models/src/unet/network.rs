//! The U-Net and its decoder.

use burn::nn::conv::Conv2d;
use burn::prelude::*;
use semivox_kernels::{concat_channels, max_pool3d};

use super::parts::{ConvPair, Up, convolve};
use crate::NetworkOutput;
use crate::cast::check_format;
use crate::duplicate::duplicate;

/// U-Net for 2D segmentation with batch norm, leaky ReLU and concatenated skip connections.
///
/// Two 3×3 convolutions with dropout between them at five resolutions, max pooling in the encoder,
/// transposed convolutions in the decoder, a 3×3 output convolution.
///
/// | map | channels with 16 filters | side |
/// |---|---|---|
/// | `bottleneck`, also the first of `features` | 256 | 1/16 |
/// | the other `features`: outputs of the decoder blocks | 128, 64, 32, 16 | 1/8, 1/4, 1/2, 1 |
///
/// # References
///
/// Ronneberger et al., *U-Net: Convolutional Networks for Biomedical Image Segmentation*, MICCAI 2015,
/// arXiv:1505.04597. Widths, dropout and leaky ReLU are those of the public 2D code that ACTION and
/// its baselines share (SSL4MIS; Valvano et al., *Learning to Segment from Scribbles*, TMI 2021).
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{UNet, UNetConfig};
///
/// let device = Device::flex();
/// let network = UNetConfig::new(1, 4).with_filters(2).init(&device);
/// let side = UNet::required_multiple();
/// let output = network.forward(Tensor::ones([1, 1, side, 2 * side], &device));
/// assert_eq!(output.logits.dims(), [1, 4, 16, 32]);
/// ```
#[derive(Module, Debug)]
pub struct UNet {
    pub(super) encoder: Vec<ConvPair>,
    pub(super) decoder: UNetDecoder,
}

impl UNet {
    /// Returns the number that both sides of the input must be multiples of.
    pub fn required_multiple() -> usize {
        16
    }

    /// Computes the segmentation of a batch of images.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, in_channels, height, width]`
    /// - output: see [`NetworkOutput`]
    ///
    /// # Panics
    ///
    /// If a side is not a multiple of [`required_multiple`](Self::required_multiple), the number of
    /// channels is not the configured one, or the number format is not that of the parameters.
    pub fn forward(&self, input: Tensor<4>) -> NetworkOutput<4> {
        self.decoder.forward(self.encode(input))
    }

    /// Applies the encoder; returns its maps at five resolutions, from full to 1/16.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn encode(&self, input: Tensor<4>) -> [Tensor<4>; 5] {
        let [_, _, sides @ ..] = input.dims();
        let multiple = Self::required_multiple();
        assert!(
            sides.iter().all(|side| *side > 0 && side % multiple == 0),
            "U-Net needs sides that are multiples of {multiple}, got {sides:?}: pad or crop the image"
        );
        check_format("U-Net", &input, self.encoder[0].format());
        let mut image = input;
        std::array::from_fn(|level| {
            if level > 0 {
                let volume = image.clone().unsqueeze_dim(2);
                image = max_pool3d(volume, [1, 2, 2]).squeeze_dim(2);
            }
            image = self.encoder[level].forward(image.clone());
            image.clone()
        })
    }

    /// Returns the decoder.
    pub fn decoder(&self) -> &UNetDecoder {
        &self.decoder
    }

    /// Returns this network with the encoder of another of the same configuration; see [`duplicate`](crate::duplicate).
    pub(crate) fn with_encoder_of(self, other: &Self) -> Self {
        Self {
            encoder: duplicate(&other.encoder),
            ..self
        }
    }
}

/// U-Net decoder, which can also be used as a second decoder of another network's encoder.
#[derive(Module, Debug)]
pub struct UNetDecoder {
    pub(super) ups: Vec<Up>,
    pub(super) blocks: Vec<ConvPair>,
    pub(super) segmentation: Conv2d,
    pub(super) signed_distance: Option<Conv2d>,
}

impl UNetDecoder {
    /// Computes the segmentation from the maps of [`UNet::encode`].
    ///
    /// # Panics
    ///
    /// If the maps do not come from an encoder of this configuration.
    pub fn forward(&self, [x0, x1, x2, x3, bottleneck]: [Tensor<4>; 5]) -> NetworkOutput<4> {
        let d0 = self.climb(0, x3, bottleneck.clone());
        let d1 = self.climb(1, x2, d0.clone());
        let d2 = self.climb(2, x1, d1.clone());
        let d3 = self.climb(3, x0, d2.clone());
        let distance = |head: &Conv2d| convolve(head, d3.clone()).tanh();
        NetworkOutput {
            signed_distance: self.signed_distance.as_ref().map(distance),
            logits: convolve(&self.segmentation, d3.clone()),
            features: [bottleneck.clone(), d0, d1, d2, d3],
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
        [x0, x1, x2, x3, bottleneck]: [Tensor<4>; 5],
        blocks: usize,
    ) -> Tensor<4> {
        let skips = [x3, x2, x1, x0].into_iter().enumerate().take(blocks);
        skips.fold(bottleneck, |low, (step, skip)| self.climb(step, skip, low))
    }

    fn climb(&self, step: usize, skip: Tensor<4>, low: Tensor<4>) -> Tensor<4> {
        let up = self.ups[step].forward(low);
        self.blocks[step].forward(concat_channels(skip, up))
    }
}
