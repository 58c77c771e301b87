//! Convolution with a 1×1×1 kernel.

use crate::check::check_layer;
#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve};
use burn::prelude::*;

/// Convolves a volume with a 1×1×1 kernel: a linear layer applied to the channels of each voxel.
///
/// `y[b, o, p] = bias[o] + sum over i of weight[o, i] * x[b, i, p]`
///
/// # Shapes
///
/// - `input`: `[batch, in, depth, height, width]`
/// - `weight`: `[out, in, 1, 1, 1]`, as in PyTorch
/// - `bias`: `[out]`
/// - output: `[batch, out, depth, height, width]`
///
/// # Panics
///
/// If the kernel is not 1×1×1, or the channels or number formats of the arguments differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::pointwise_conv3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 2, 1, 1, 3], &device);
/// let weight = Tensor::<1>::from_floats([2.0, 5.0], &device).reshape([1, 2, 1, 1, 1]);
/// let output = pointwise_conv3d(input, weight, None);
/// assert_eq!(output.into_data().try_to_vec::<f32>()?, [7.0; 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pointwise_conv3d(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let [batch, channels, depth, height, width] = input.dims();
    let [out, _, kd, kh, kw] = weight.dims();
    assert_eq!(
        [kd, kh, kw],
        [1; 3],
        "pointwise_conv3d needs a 1×1×1 kernel"
    );
    check_layer("pointwise_conv3d", &input, &weight, bias.as_ref(), 1);
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Down, layer) {
            return output;
        }
    }
    let columns = input.reshape([batch, channels, depth * height * width]);
    let product = weight.reshape([1, out, channels]).matmul(columns);
    add_bias(product.reshape([batch, out, depth, height, width]), bias)
}

/// Adds a bias per channel.
pub(crate) fn add_bias(volume: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    match bias {
        Some(bias) => {
            let channels = bias.dims()[0];
            volume + bias.reshape([1, channels, 1, 1, 1])
        }
        None => volume,
    }
}
