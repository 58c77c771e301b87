//! Convolutions followed by batch normalization and ReLU.
//!
//! In evaluation on the CPU the normalization is folded into the convolution's weight and bias, and ReLU or leaky ReLU
//! is applied as the output is written; otherwise the operators run one after the other.

#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve_norm_leaky_relu};
use crate::{batch_norm_leaky_relu, batch_norm_relu, conv2d, conv3d, down_conv3d, up_conv3d};
use burn::nn::BatchNorm;
use burn::prelude::*;

/// Applies [`conv3d`], then [`batch_norm_relu`].
///
/// # Shapes
///
/// As for these two.
///
/// # Panics
///
/// As for these two.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::conv3d_norm_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let (input, weight) = (Tensor::<5>::ones([1, 1, 3, 3, 3], &device), Tensor::ones([1, 1, 3, 3, 3], &device));
/// let output = conv3d_norm_relu(input, weight, None, &norm).into_data().try_to_vec::<f32>()?;
/// assert!((output[13] - 27.0).abs() < 1e-5); // running mean 0, running variance 1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conv3d_norm_relu(
    input: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    norm: &BatchNorm,
) -> Tensor<5> {
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve_norm_leaky_relu(Form::Same, layer, norm, 0.0) {
            return output;
        }
    }
    batch_norm_relu(conv3d(input, weight, bias), norm)
}

/// Applies [`conv2d`], then [`batch_norm_leaky_relu`] as to a volume of one slice.
///
/// # Shapes
///
/// As for [`conv2d`].
///
/// # Panics
///
/// As for these two.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::conv2d_norm_leaky_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let (input, weight) = (Tensor::<4>::ones([1, 1, 3, 3], &device), Tensor::full([1, 1, 3, 3], -1.0, &device));
/// let output = conv2d_norm_leaky_relu(input, weight, None, &norm, 0.01).into_data().try_to_vec::<f32>()?;
/// assert!((output[4] + 0.09).abs() < 1e-5); // running mean 0, running variance 1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conv2d_norm_leaky_relu(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    norm: &BatchNorm,
    leak: f64,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    {
        let slice = |images: &Tensor<4>| images.clone().unsqueeze_dim::<5>(2);
        let (input, weight) = (slice(&input), slice(&weight));
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve_norm_leaky_relu(Form::Same, layer, norm, leak as f32) {
            return output.squeeze_dim(2);
        }
    }
    let output = conv2d(input, weight, bias).unsqueeze_dim(2);
    batch_norm_leaky_relu(output, norm, leak).squeeze_dim(2)
}

/// Applies [`down_conv3d`], then [`batch_norm_relu`].
///
/// # Shapes
///
/// As for these two.
///
/// # Panics
///
/// As for these two.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::down_conv3d_norm_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(3).with_epsilon(1e-9).init(&device);
/// let (input, weight) = (Tensor::<5>::ones([1, 1, 4, 4, 2], &device), Tensor::ones([3, 1, 2, 2, 2], &device));
/// let output = down_conv3d_norm_relu(input, weight, None, &norm);
/// assert_eq!(output.dims(), [1, 3, 2, 2, 1]);
/// assert!((output.max().into_scalar::<f32>() - 8.0).abs() < 1e-5);
/// ```
pub fn down_conv3d_norm_relu(
    input: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    norm: &BatchNorm,
) -> Tensor<5> {
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve_norm_leaky_relu(Form::Down, layer, norm, 0.0) {
            return output;
        }
    }
    batch_norm_relu(down_conv3d(input, weight, bias), norm)
}

/// Applies [`up_conv3d`], then [`batch_norm_relu`].
///
/// # Shapes
///
/// As for these two.
///
/// # Panics
///
/// As for these two.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::up_conv3d_norm_relu;
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let (input, weight) = (Tensor::<5>::ones([1, 3, 2, 2, 1], &device), Tensor::ones([3, 1, 2, 2, 2], &device));
/// let output = up_conv3d_norm_relu(input, weight, None, &norm);
/// assert_eq!(output.dims(), [1, 1, 4, 4, 2]);
/// assert!((output.max().into_scalar::<f32>() - 3.0).abs() < 1e-5);
/// ```
pub fn up_conv3d_norm_relu(
    input: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    norm: &BatchNorm,
) -> Tensor<5> {
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve_norm_leaky_relu(Form::Up, layer, norm, 0.0) {
            return output;
        }
    }
    batch_norm_relu(up_conv3d(input, weight, bias), norm)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::BatchNormConfig;
    use burn::tensor::Distribution;

    /// In evaluation the folded form equals convolution, norm and leaky ReLU one after the other, also for infinity.
    #[test]
    fn folded_leaky_relu_equals_the_operators_one_by_one() {
        let device = Device::flex();
        device.seed(3);
        let random =
            |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let mut norm = BatchNormConfig::new(6).init(&device);
        norm.gamma = norm.gamma.map(|_| random([1, 1, 1, 6]).reshape([6]));
        norm.beta = norm.beta.map(|_| random([1, 1, 1, 6]).reshape([6]));
        let (input, weight) = (random([2, 5, 9, 7]), random([6, 5, 3, 3]));
        for leak in [0.01, 0.0, 0.3, 1.0, 1.5] {
            let folded = conv2d_norm_leaky_relu(input.clone(), weight.clone(), None, &norm, leak);
            let output = conv2d(input.clone(), weight.clone(), None).unsqueeze_dim(2);
            let expected = batch_norm_leaky_relu(output, &norm, leak).squeeze_dim(2);
            let off = (folded - expected).abs().max().into_scalar::<f32>();
            assert!(off < 1e-5, "{leak}: {off}");
        }
        let endless = Tensor::<4>::full([1, 5, 1, 1], f32::INFINITY, &device);
        let weight = Tensor::<4>::full([6, 5, 3, 3], -1.0, &device);
        norm.gamma = norm.gamma.map(|gamma| gamma.ones_like());
        let zero = conv2d_norm_leaky_relu(endless, weight, None, &norm, 0.0);
        assert_eq!(zero.max().into_scalar::<f32>(), 0.0);
    }
}
