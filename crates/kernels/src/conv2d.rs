//! Convolution of images with an odd kernel, stride 1 and "same" zero padding.

use burn::prelude::*;
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;

use crate::check::check_layer;
use crate::composition::{self, ConvAlgorithm};
#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve};
use crate::pointwise::add_bias;

/// Convolves an image with an odd kernel, stride 1 and zero padding that keeps the size.
///
/// `y[b, o, p] = bias[o] + sum over i, q of weight[o, i, q] * x[b, i, p + q - (k - 1) / 2]`
///
/// Equals [`conv3d`](crate::conv3d) of a volume of one slice, except where Burn's own operator for images is
/// used ([`ConvAlgorithm`]).
///
/// # Shapes
///
/// - `input`: `[batch, in, height, width]`
/// - `weight`: `[out, in, kh, kw]`, as in PyTorch
/// - `bias`: `[out]`
/// - output: `[batch, out, height, width]`
///
/// # Panics
///
/// If a kernel side is even, or the channels or number formats of the arguments differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::conv2d;
///
/// let device = Device::flex();
/// let (input, weight) = (Tensor::<4>::ones([1, 1, 3, 3], &device), Tensor::ones([1, 1, 3, 3], &device));
/// let output = conv2d(input, weight, None).into_data().try_to_vec::<f32>()?;
/// assert_eq!(output, [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [_, _, kh, kw] = weight.dims();
    check_layer("conv2d", &input, &weight, bias.as_ref(), 1);
    assert!(
        kh % 2 == 1 && kw % 2 == 1,
        "conv2d needs odd kernel sides, got {kh} × {kw}"
    );
    let slice = |images: &Tensor<4>| images.clone().unsqueeze_dim::<5>(2);
    #[cfg(feature = "flex")]
    {
        let (input, weight) = (slice(&input), slice(&weight));
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Same, layer) {
            return output.squeeze_dim(2);
        }
    }
    match ConvAlgorithm::of(&input.device()) {
        ConvAlgorithm::Bounded => {
            let output = composition::bounded(slice(&input), slice(&weight));
            add_bias(output, bias).squeeze_dim(2)
        }
        ConvAlgorithm::Burn => {
            let options = ConvOptions::new([1; 2], [kh / 2, kw / 2], [1; 2], 1);
            burn_conv2d(input, weight, bias, options)
        }
    }
}
