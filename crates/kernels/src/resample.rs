//! Downsampling and upsampling convolutions with stride = kernel.
//!
//! The windows do not overlap. Each convolution is therefore one matrix product with a rearrangement of
//! voxels before it (downsampling) or after it (upsampling), and so are its gradients.

use burn::prelude::*;

use crate::check::check_layer;
use crate::composition::{self, Windows};
#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve};
use crate::pointwise::add_bias;

/// Downsampling convolution with stride = kernel and no padding: window to voxel.
///
/// `y[b, o, p] = bias[o] + sum over i, q of weight[o, i, q] * x[b, i, k * p + q]`
///
/// As in PyTorch, voxels beyond the last complete window are ignored.
///
/// # Shapes
///
/// - `input`: `[batch, in, depth, height, width]`
/// - `weight`: `[out, in, kd, kh, kw]`, as in PyTorch
/// - `bias`: `[out]`
/// - output: `[batch, out, depth / kd, height / kh, width / kw]`, rounded down
///
/// # Panics
///
/// If the channels or number formats of the arguments differ, or a side is shorter than the kernel.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::down_conv3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 1, 4, 4, 5], &device);
/// let weight = Tensor::<5>::ones([3, 1, 2, 2, 2], &device);
/// let output = down_conv3d(input, weight, None);
/// assert_eq!(output.dims(), [1, 3, 2, 2, 2]);
/// assert_eq!(output.max().into_scalar::<f32>(), 8.0);
/// ```
pub fn down_conv3d(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    check_layer("down_conv3d", &input, &weight, bias.as_ref(), 1);
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Down, layer) {
            return output;
        }
    }
    let windows = Windows::down(input.dims(), weight.dims());
    add_bias(composition::windows(windows, input, weight), bias)
}

/// Upsampling transposed convolution with stride = kernel: voxel to window.
///
/// `y[b, o, k * p + q] = bias[o] + sum over i of weight[i, o, q] * x[b, i, p]`
///
/// # Shapes
///
/// - `input`: `[batch, in, depth, height, width]`
/// - `weight`: `[in, out, kd, kh, kw]`, as in PyTorch
/// - `bias`: `[out]`
/// - output: `[batch, out, depth * kd, height * kh, width * kw]`
///
/// # Panics
///
/// If the channels or number formats of the arguments differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::up_conv3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 3, 2, 2, 1], &device);
/// let weight = Tensor::<5>::ones([3, 1, 2, 2, 2], &device);
/// let output = up_conv3d(input, weight, None);
/// assert_eq!(output.dims(), [1, 1, 4, 4, 2]);
/// assert_eq!(output.max().into_scalar::<f32>(), 3.0);
/// ```
pub fn up_conv3d(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    check_layer("up_conv3d", &input, &weight, bias.as_ref(), 0);
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Up, layer) {
            return output;
        }
    }
    let windows = Windows::up(input.dims(), weight.dims());
    add_bias(composition::windows(windows, input, weight), bias)
}
