//! The network itself.

use burn::nn::Dropout;
use burn::nn::conv::Conv3d;
use burn::prelude::*;
use semivox_kernels::add;

use crate::NetworkOutput;
use crate::parts::{ConvBlock, Down, Up, drop_channels, pointwise};

/// The V-Net of semi-supervised 3D segmentation: batch norm, ReLU, skips that are added.
///
/// Blocks of 1, 2, 3, 3 and 3 convolutions of 3×3×3 encode at five resolutions; blocks of 3, 3, 2
/// and 1 decode. In training, whole channels are dropped after the last block of the encoder and
/// before the output.
///
/// | map | how it comes about | channels of 16 filters | side |
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
/// Left Atrium Segmentation*, MICCAI 2019, arXiv:1907.07034, which the field's methods share.
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
    pub(super) ups: Vec<Up>,
    pub(super) decoder: Vec<ConvBlock>,
    pub(super) bottleneck_dropout: Dropout,
    pub(super) output_dropout: Dropout,
    pub(super) segmentation: Conv3d,
    pub(super) signed_distance: Option<Conv3d>,
}

impl VNet {
    /// The number that every side of the input must be a multiple of.
    pub fn required_multiple() -> usize {
        16
    }

    /// Segments a batch of volumes.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, in_channels, depth, height, width]`
    /// - output: see [`NetworkOutput`]
    ///
    /// # Panics
    ///
    /// If a side is not a multiple of [`required_multiple`](Self::required_multiple) or the number
    /// of channels is not the configuration's.
    pub fn forward(&self, input: Tensor<5>) -> NetworkOutput {
        check_sides(&input);
        let (bottleneck, skips) = self.encode(input);
        let bottleneck = drop_channels(&self.bottleneck_dropout, bottleneck);
        let features = self.decode(bottleneck.clone(), skips);
        let last = drop_channels(&self.output_dropout, features[4].clone());
        let signed_distance = self.signed_distance.as_ref();
        NetworkOutput {
            signed_distance: signed_distance.map(|head| pointwise(head, last.clone()).tanh()),
            logits: pointwise(&self.segmentation, last),
            features,
            bottleneck,
        }
    }

    /// The lowest resolution, and the outputs of the blocks above it from full resolution down.
    fn encode(&self, input: Tensor<5>) -> (Tensor<5>, Vec<Tensor<5>>) {
        let mut volume = self.encoder[0].forward(input);
        let mut skips = Vec::with_capacity(self.downs.len());
        for (down, block) in self.downs.iter().zip(&self.encoder[1..]) {
            skips.push(volume.clone());
            volume = block.forward(down.forward(volume));
        }
        (volume, skips)
    }

    /// The five maps of the decoder.
    fn decode(&self, bottleneck: Tensor<5>, skips: Vec<Tensor<5>>) -> [Tensor<5>; 5] {
        let mut skips = skips.into_iter().rev();
        let mut join = |step: usize, volume| {
            let volume = self.ups[step].forward(volume);
            skips
                .next()
                .map_or(volume.clone(), |skip| add(volume, skip))
        };
        let f0 = join(0, bottleneck);
        let f1 = join(1, self.decoder[0].forward(f0.clone()));
        let f2 = join(2, self.decoder[1].forward(f1.clone()));
        let f3 = join(3, self.decoder[2].forward(f2.clone()));
        let f4 = self.decoder[3].forward(f3.clone());
        [f0, f1, f2, f3, f4]
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
