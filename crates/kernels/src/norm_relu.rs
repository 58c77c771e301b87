//! Convolutions followed by batch normalization and ReLU.
//!
//! In evaluation on the CPU the normalization is folded into the convolution's weight and bias, and ReLU is
//! applied as the output is written; otherwise the operators run one after the other.

#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve_norm_relu};
use crate::{batch_norm_relu, conv3d, down_conv3d, up_conv3d};
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
        if let Some(output) = convolve_norm_relu(Form::Same, layer, norm) {
            return output;
        }
    }
    batch_norm_relu(conv3d(input, weight, bias), norm)
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
        if let Some(output) = convolve_norm_relu(Form::Down, layer, norm) {
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
        if let Some(output) = convolve_norm_relu(Form::Up, layer, norm) {
            return output;
        }
    }
    batch_norm_relu(up_conv3d(input, weight, bias), norm)
}
