//! The number format that a loss computes in.

use burn::prelude::*;
use burn::tensor::DType;

/// The format of a loss's first input, which its result takes too, and the one between the two.
///
/// Formats of 16 bits are widened to single precision: sums over a volume lose counts in them (`f16` ends at
/// 65504, `bf16` counts to 256), and a small temperature multiplies the rounding of a cosine. The other inputs
/// follow the first, so that a bank in single precision serves a network in half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    outer: DType,
    inner: DType,
}

impl Format {
    /// The format of a loss whose first input is `tensor`.
    pub(crate) fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        let outer = tensor.dtype();
        let inner = match outer {
            DType::F16 | DType::BF16 => DType::F32,
            wide => wide,
        };
        Self { outer, inner }
    }

    /// An input in the format to compute in.
    pub(crate) fn widen<const D: usize>(self, input: Tensor<D>) -> Tensor<D> {
        converted(input, self.inner)
    }

    /// A result in the format of the first input.
    pub(crate) fn narrow<const D: usize>(self, result: Tensor<D>) -> Tensor<D> {
        converted(result, self.outer)
    }
}

/// Without a step in the graph where there is nothing to convert.
fn converted<const D: usize>(tensor: Tensor<D>, format: DType) -> Tensor<D> {
    match tensor.dtype() == format {
        true => tensor,
        false => tensor.cast(format),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_near, scalar};
    use crate::{DiceCrossEntropyLossConfig, GlobalDistillationLossConfig, NtXentLossConfig};

    const HALVES: [DType; 2] = [DType::F16, DType::BF16];

    /// 70 000 voxels are more than `f16` can count.
    #[test]
    fn a_volume_is_counted_in_16_bits() {
        let device = Device::flex();
        for format in HALVES {
            let logits = Tensor::<3>::zeros([1, 2, 70_000], (&device, format));
            let labels = Tensor::<3, Int>::zeros([1, 1, 70_000], &device);
            let config = DiceCrossEntropyLossConfig::new().with_dice_weight(0.0);
            let loss = config.init().forward(logits, labels);
            assert_eq!(loss.dtype(), format);
            assert_near(scalar(loss), 0.5 * 2f64.ln(), 2e-3);
        }
    }

    /// The shortest length that counts as a direction squares to 0 in `f16`.
    #[test]
    fn a_zero_vector_has_no_direction_in_16_bits() {
        for format in HALVES {
            let zeros = Tensor::<3>::zeros([1, 6, 4], (&Device::flex(), format));
            let loss = NtXentLossConfig::new().init();
            assert_near(scalar(loss.forward(zeros.clone(), zeros)), 11f64.ln(), 1e-2);
        }
    }

    #[test]
    fn other_inputs_follow_the_first() {
        let device = Device::flex();
        for format in [DType::F64, DType::F16, DType::BF16] {
            let student = Tensor::<2>::ones([2, 3], (&device, format));
            let single = Tensor::<2>::ones([4, 3], (&device, DType::F32));
            let teacher = single.clone().narrow(0, 0, 2);
            let loss = GlobalDistillationLossConfig::new().init();
            let value = loss.forward(student, teacher, single);
            assert_eq!(value.dtype(), format);
            assert_near(scalar(value), 0.0, 1e-6);
        }
    }
}
