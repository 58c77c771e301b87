//! Channel dropout and alpha dropout.
//!
//! Both draw their masks from the generator of the input's device (`Device::seed`) and always drop: the
//! caller decides whether a network is training.

use burn::prelude::*;
use burn::tensor::{DType, Distribution};

/// Value of dropped elements in [`alpha_dropout`]: `-scale * alpha` of the SELU activation.
const SELU_FLOOR: f64 = -1.758_099_340_847_376_6;

/// Sets whole channels of a sample to zero at random and scales the others by `1 / (1 - p)`.
///
/// There is one Bernoulli draw per sample and channel, as in PyTorch's `Dropout2d` and `Dropout3d`.
///
/// # Shapes
///
/// - `input` and output: `[batch, channel, …]`
///
/// # Panics
///
/// If `p` is not in `[0, 1)` or the input has fewer than two axes.
///
/// # References
///
/// Tompson et al., *Efficient Object Localization Using Convolutional Networks*, CVPR 2015,
/// arXiv:1411.4280, section 3.2.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::channel_dropout;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([2, 3, 2, 2, 2], &device);
/// let output = channel_dropout(input, 0.5).into_data().try_to_vec::<f32>()?;
/// for channel in output.chunks(8) {
///     assert!(channel == [0.0; 8] || channel == [2.0; 8]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn channel_dropout<const D: usize>(input: Tensor<D>, p: f64) -> Tensor<D> {
    assert!(
        D >= 2,
        "channel_dropout needs axes [batch, channel, …], got {D}"
    );
    let keep = keep_probability(p);
    let mut shape = [1; D];
    shape[..2].copy_from_slice(&input.dims()[..2]);
    // Drawn in single precision: a seed then drops the same channels in every number format.
    let single = (&input.device(), DType::F32);
    let kept = Tensor::<D>::random(shape, Distribution::Bernoulli(keep), single);
    let factors = in_format(kept / keep, &input);
    #[cfg(feature = "flex")]
    if let Some(output) = crate::flex::scale_channels(&input, &factors) {
        return output;
    }
    input * factors
}

/// Sets elements to the lower limit of SELU at random, preserving the mean and variance of a standard normal input.
///
/// With a mask `m` that is 1 with probability `q = 1 - p` and the limit `f = -1.7581`:
/// `y = a * (m * x + (1 - m) * f) + b`, `a = (q * (1 + f² * p))^(-1/2)`, `b = -a * f * p`.
///
/// # Shapes
///
/// - `input` and output: any shape
///
/// # Panics
///
/// If `p` is not in `[0, 1)`.
///
/// # References
///
/// Klambauer et al., *Self-Normalizing Neural Networks*, NeurIPS 2017, arXiv:1706.02515.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::alpha_dropout;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([0.5, -1.0], &device);
/// let same = alpha_dropout(input, 0.0).into_data().try_to_vec::<f32>()?;
/// assert_eq!(same, [0.5, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn alpha_dropout<const D: usize>(input: Tensor<D>, p: f64) -> Tensor<D> {
    let keep = keep_probability(p);
    let scale = (keep * (1.0 + SELU_FLOOR * SELU_FLOOR * p)).sqrt().recip();
    let shift = -scale * SELU_FLOOR * p;
    let single = (&input.device(), DType::F32);
    let kept = Tensor::<D>::random(input.shape(), Distribution::Bernoulli(keep), single);
    let kept = in_format(kept, &input);
    // a * (1 - m) * f + b, which depends only on the mask
    let filled = (kept.clone() - 1.0) * (-scale * SELU_FLOOR) + shift;
    input * (kept * scale) + filled
}

/// Converts the mask to the number format of `input`.
fn in_format<const D: usize>(mask: Tensor<D>, input: &Tensor<D>) -> Tensor<D> {
    match input.dtype() {
        DType::F32 => mask,
        other => mask.cast(other),
    }
}

fn keep_probability(p: f64) -> f64 {
    assert!(
        (0.0..1.0).contains(&p),
        "expected a dropout probability in [0, 1), got {p}"
    );
    1.0 - p
}
