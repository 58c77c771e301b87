//! Upsampling methods of decoders.

use burn::serde::{Deserialize, Serialize};

/// Upsampling method of a decoder.
///
/// The two that resize do so in a U-Net after a 1×1 convolution that halves the channels, in a V-Net before a 3×3×3
/// convolution that does so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Upsampling {
    /// Transposed convolution.
    #[default]
    Transposed,
    /// Linear interpolation with aligned corners.
    Linear,
    /// Nearest-neighbor interpolation, which repeats each voxel.
    Nearest,
}

/// Oracle of upsampling by nearest neighbors, written as plain loops.
#[cfg(test)]
pub(crate) mod testing {
    #![allow(clippy::unwrap_used)]
    use burn::prelude::*;

    /// Repeats every voxel `factors` times along depth, height and width.
    pub(crate) fn repeated(input: Tensor<5>, factors: [usize; 3]) -> Tensor<5> {
        let ([b, c, d, h, w], device) = (input.dims(), input.device());
        let values = input.into_data().try_to_vec::<f32>().unwrap();
        let mut output = Vec::new();
        for map in 0..b * c {
            for z in 0..d * factors[0] {
                for y in 0..h * factors[1] {
                    for x in 0..w * factors[2] {
                        let row = (map * d + z / factors[0]) * h + y / factors[1];
                        output.push(values[row * w + x / factors[2]]);
                    }
                }
            }
        }
        let shape = [b, c, d * factors[0], h * factors[1], w * factors[2]];
        Tensor::from_data(TensorData::new(output, shape), &device)
    }

    /// Asserts that two results are equal up to the rounding of single precision.
    #[track_caller]
    pub(crate) fn assert_equal<const D: usize>(found: Tensor<D>, expected: Tensor<D>) {
        assert_eq!(found.dims(), expected.dims());
        let off = (found - expected).abs().max().into_scalar::<f32>();
        assert!(off < 1e-5, "{off}");
    }

    /// A volume without symmetry.
    pub(crate) fn volume(shape: [usize; 5], device: &Device) -> Tensor<5> {
        let count = shape.iter().product::<usize>() as i64;
        let values = Tensor::<1, Int>::arange(0..count, device).float();
        (values * 0.37).sin().reshape(shape)
    }
}
