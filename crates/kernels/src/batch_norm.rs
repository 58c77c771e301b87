//! Batch normalization followed by ReLU or leaky ReLU.

use burn::nn::BatchNorm;
use burn::prelude::*;
use burn::tensor::activation::{leaky_relu, relu};

/// Applies batch normalization, then ReLU.
///
/// `y = max(0, gamma * (x - mean) / sqrt(variance + epsilon) + beta)`
///
/// Mean and variance are those of the batch if the input is on an autodiff device and the layer is in
/// training mode; the running statistics are then updated as by the layer itself. Otherwise they are the
/// running statistics.
///
/// # Notes
///
/// The running variance averages the variance of the batch, a mean over its `n` voxels, as in Burn. PyTorch averages the
/// unbiased one, `n/(n − 1)` times as large: 4 % at the 24 voxels of a small bottleneck.
///
/// # Shapes
///
/// - `input` and output: `[batch, channel, depth, height, width]`
///
/// # Panics
///
/// If the number of channels differs from the layer's.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::batch_norm_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let input = Tensor::<1>::from_floats([-2.0, 3.0], &device).reshape([1, 1, 1, 1, 2]);
/// let output = batch_norm_relu(input, &norm).into_data().try_to_vec::<f32>()?;
/// assert_eq!(output[0], 0.0);
/// assert!((output[1] - 3.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn batch_norm_relu(input: Tensor<5>, norm: &BatchNorm) -> Tensor<5> {
    batch_norm_leaky_relu(input, norm, 0.0)
}

/// Applies batch normalization, then leaky ReLU with negative slope `leak`.
///
/// `y = max(z, leak * z)` with `z = gamma * (x - mean) / sqrt(variance + epsilon) + beta`; otherwise as
/// [`batch_norm_relu`], which has slope 0.
///
/// # Shapes
///
/// - `input` and output: `[batch, channel, depth, height, width]`
///
/// # Panics
///
/// If the number of channels differs from the layer's.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::batch_norm_leaky_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let input = Tensor::<1>::from_floats([-2.0, 3.0], &device).reshape([1, 1, 1, 1, 2]);
/// let output = batch_norm_leaky_relu(input, &norm, 0.01).into_data().try_to_vec::<f32>()?;
/// assert!((output[0] + 0.02).abs() < 1e-6 && (output[1] - 3.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn batch_norm_leaky_relu(input: Tensor<5>, norm: &BatchNorm, leak: f64) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if let Some(output) = crate::flex::batch_norm_leaky_relu(&input, norm, leak as f32) {
        return output;
    }
    activated(norm.forward(input), leak)
}

/// Applies ReLU, or leaky ReLU if there is a leak.
fn activated(normalized: Tensor<5>, leak: f64) -> Tensor<5> {
    match leak == 0.0 {
        // Leaky ReLU multiplies by the leak: −∞ would become NaN, and 0 would have a slope.
        true => relu(normalized),
        false => leaky_relu(normalized, leak),
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_a_leak_negative_infinity_is_0_and_0_has_no_slope() {
        let device = Device::flex().autodiff();
        let values = [f32::NEG_INFINITY, -1.0, 0.0, 2.0];
        let input = Tensor::<1>::from_floats(values, &device).reshape([1, 1, 1, 1, 4]);
        let input = input.require_grad();
        let output = activated(input.clone(), 0.0);
        let gradients = output.clone().sum().backward();
        let read = |tensor: Tensor<5>| tensor.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(read(output.inner()), [0.0, 0.0, 0.0, 2.0]);
        assert_eq!(read(input.grad(&gradients).unwrap()), [0.0, 0.0, 0.0, 1.0]);
    }
}
