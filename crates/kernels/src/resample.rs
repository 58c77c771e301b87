//! Convolutions whose stride is their kernel, down and up.
//!
//! Their windows do not overlap. The convolution is therefore one matrix product with a
//! rearrangement of voxels before it (down) or after it (up), and so are its gradients.

use burn::prelude::*;

#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve};
use crate::pointwise::add_bias;

/// Convolves with stride = kernel and without padding: every window becomes one voxel.
///
/// `y[b, o, p] = bias[o] + sum over i, q of weight[o, i, q] * x[b, i, k * p + q]`
///
/// As in PyTorch, voxels beyond the last whole window are cut.
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
/// If the channel numbers do not agree or a side is shorter than the kernel.
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
    let [batch, channels, ..] = input.dims();
    let [out, wanted, kd, kh, kw] = weight.dims();
    assert_eq!(
        channels, wanted,
        "down_conv3d: channels of input and weight differ"
    );
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Down, layer) {
            return output;
        }
    }
    let taps = channels * kd * kh * kw;
    let windows = split_windows(input, [kd, kh, kw]);
    let [_, _, depth, _, height, _, width, _] = windows.dims();
    // [batch, in, kd, kh, kw, depth, height, width]
    let columns = windows.permute([0, 1, 3, 5, 7, 2, 4, 6]);
    let columns = columns.reshape([batch, taps, depth * height * width]);
    let product = weight.reshape([1, out, taps]).matmul(columns);
    add_bias(product.reshape([batch, out, depth, height, width]), bias)
}

/// Convolves transposed with stride = kernel: every voxel becomes one window.
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
/// If the channel numbers do not agree.
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
    let [batch, channels, depth, height, width] = input.dims();
    let [wanted, out, kd, kh, kw] = weight.dims();
    assert_eq!(
        channels, wanted,
        "up_conv3d: channels of input and weight differ"
    );
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Up, layer) {
            return output;
        }
    }
    let matrix = weight.reshape([1, channels, out * kd * kh * kw]);
    let columns = input.reshape([batch, channels, depth * height * width]);
    // [batch, out * kd * kh * kw, depth * height * width]
    let product = matrix.swap_dims(1, 2).matmul(columns);
    let windows = product.reshape([batch, out, kd, kh, kw, depth, height, width]);
    let woven = windows.permute([0, 1, 5, 2, 6, 3, 7, 4]);
    let volume = woven.reshape([batch, out, depth * kd, height * kh, width * kw]);
    add_bias(volume, bias)
}

/// Cuts a volume into windows that do not overlap; what is left over at the far ends is dropped.
///
/// Returns `[batch, channel, depth, kd, height, kh, width, kw]` with the numbers of windows as
/// `depth`, `height` and `width`.
pub(crate) fn split_windows(input: Tensor<5>, kernel: [usize; 3]) -> Tensor<8> {
    let [batch, channels, sides @ ..] = input.dims();
    assert!(
        (0..3).all(|axis| kernel[axis] > 0 && kernel[axis] <= sides[axis]),
        "a window of {kernel:?} voxels needs sides at least as long, got {sides:?}"
    );
    let [kd, kh, kw] = kernel;
    let [depth, height, width] = [sides[0] / kd, sides[1] / kh, sides[2] / kw];
    let whole = [depth * kd, height * kh, width * kw];
    let input = if whole == sides {
        input
    } else {
        input.slice([0..batch, 0..channels, 0..whole[0], 0..whole[1], 0..whole[2]])
    };
    input.reshape([batch, channels, depth, kd, height, kh, width, kw])
}
