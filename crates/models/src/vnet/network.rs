//! The V-Net.

use burn::prelude::*;

use super::decoder::VNetDecoder;
use crate::NetworkOutput;
use crate::cast::check_format;
use crate::duplicate::duplicate;
use crate::parts::{ConvBlock, Down};

/// V-Net for 3D segmentation with batch norm, ReLU and additive skip connections.
///
/// The encoder has blocks of 1, 2, 3, 3 and 3 convolutions of 3×3×3 at five resolutions, the decoder blocks
/// of 3, 3, 2 and 1. In training, whole channels are dropped after the last encoder block and before the
/// output.
///
/// | map | computation | channels with 16 filters | side |
/// |---|---|---|---|
/// | `bottleneck` | last encoder block, after dropout | 256 | 1/16 |
/// | `f0` | up(bottleneck) + skip | 128 | 1/8 |
/// | `f1` | up(block(f0)) + skip | 64 | 1/4 |
/// | `f2` | up(block(f1)) + skip | 32 | 1/2 |
/// | `f3` | up(block(f2)) + skip | 16 | 1 |
/// | `f4` | block(f3), before dropout | 16 | 1 |
///
/// # References
///
/// Milletari et al., *V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
/// Segmentation*, 3DV 2016, arXiv:1606.04797. Depths, added skips and the place of dropout are those
/// of the public code of Yu et al., *Uncertainty-Aware Self-Ensembling Model for Semi-Supervised 3D
/// Left Atrium Segmentation*, MICCAI 2019, arXiv:1907.07034, on which most methods of the field build.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{VNet, VNetConfig};
///
/// let device = Device::flex();
/// let model = VNetConfig::new(1, 2).with_filters(2).init(&device);
/// let side = VNet::required_multiple();
/// let output = model.forward(Tensor::ones([1, 1, side, side, side], &device));
/// assert_eq!(output.logits.dims(), [1, 2, 16, 16, 16]);
/// assert_eq!(output.features[0].dims(), [1, 16, 2, 2, 2]);
/// ```
#[derive(Module, Debug)]
pub struct VNet {
    pub(super) encoder: Vec<ConvBlock>,
    pub(super) downs: Vec<Down>,
    pub(super) decoder: VNetDecoder,
}

impl VNet {
    /// Returns the number that all sides of the input must be multiples of.
    pub fn required_multiple() -> usize {
        16
    }

    /// Computes the segmentation of a batch of volumes.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, in_channels, depth, height, width]`
    /// - output: see [`NetworkOutput`]
    ///
    /// # Panics
    ///
    /// If a side is not a multiple of [`required_multiple`](Self::required_multiple), the number of
    /// channels is not the configured one, or the number format is not that of the parameters.
    pub fn forward(&self, input: Tensor<5>) -> NetworkOutput {
        self.decoder.forward(self.encode(input))
    }

    /// Applies the encoder; returns its maps at five resolutions, from full to 1/16.
    ///
    /// The last one becomes the bottleneck after the decoder's dropout.
    ///
    /// # Panics
    ///
    /// As for [`forward`](Self::forward).
    pub fn encode(&self, input: Tensor<5>) -> [Tensor<5>; 5] {
        check_sides(&input);
        check_format("V-Net", &input, self.encoder[0].format());
        let mut volume = input;
        std::array::from_fn(|level| {
            if level > 0 {
                volume = self.downs[level - 1].forward(volume.clone());
            }
            volume = self.encoder[level].forward(volume.clone());
            volume.clone()
        })
    }

    /// Returns the decoder.
    pub fn decoder(&self) -> &VNetDecoder {
        &self.decoder
    }

    /// Returns this network with the encoder of another of the same configuration; see [`duplicate`](crate::duplicate).
    pub(crate) fn with_encoder_of(self, other: &Self) -> Self {
        Self {
            encoder: duplicate(&other.encoder),
            downs: duplicate(&other.downs),
            ..self
        }
    }
}

fn check_sides(input: &Tensor<5>) {
    let [_, _, sides @ ..] = input.dims();
    let multiple = VNet::required_multiple();
    assert!(
        sides.iter().all(|side| *side > 0 && side % multiple == 0),
        "V-Net needs sides that are multiples of {multiple}, got {sides:?}: pad or crop the volume"
    );
}
