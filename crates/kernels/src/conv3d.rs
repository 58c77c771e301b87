//! Convolution with an odd kernel, stride 1 and "same" zero padding.

use crate::check::check_layer;
use crate::composition::{self, ConvAlgorithm};
#[cfg(feature = "flex")]
use crate::flex::{Form, Layer, convolve};
use crate::pointwise::add_bias;
use burn::prelude::*;
use burn::tensor::module::conv3d as burn_conv3d;
use burn::tensor::ops::ConvOptions;

/// Convolves a volume with an odd kernel, stride 1 and zero padding that keeps the size.
///
/// `y[b, o, p] = bias[o] + sum over i, q of weight[o, i, q] * x[b, i, p + q - (k - 1) / 2]`
///
/// # Shapes
///
/// - `input`: `[batch, in, depth, height, width]`
/// - `weight`: `[out, in, kd, kh, kw]`, as in PyTorch
/// - `bias`: `[out]`
/// - output: `[batch, out, depth, height, width]`
///
/// Without a custom CPU operator, [`ConvAlgorithm`](crate::ConvAlgorithm) selects the algorithm.
///
/// # Panics
///
/// If a kernel side is even, or the channels or number formats of the arguments differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::conv3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 1, 3, 3, 3], &device);
/// let weight = Tensor::<5>::ones([1, 1, 3, 3, 3], &device);
/// let output = conv3d(input, weight, None).into_data().try_to_vec::<f32>()?;
/// assert_eq!(output[0], 8.0); // a corner covers 2 × 2 × 2 voxels
/// assert_eq!(output[13], 27.0); // the center covers all
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conv3d(input: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let [_, _, kd, kh, kw] = weight.dims();
    check_layer("conv3d", &input, &weight, bias.as_ref(), 1);
    assert!(
        kd % 2 == 1 && kh % 2 == 1 && kw % 2 == 1,
        "conv3d needs odd kernel sides, got {kd} × {kh} × {kw}"
    );
    #[cfg(feature = "flex")]
    {
        let layer = Layer::new(&input, &weight, &bias);
        if let Some(output) = convolve(Form::Same, layer) {
            return output;
        }
    }
    match ConvAlgorithm::of(&input.device()) {
        ConvAlgorithm::Bounded => add_bias(composition::bounded(input, weight), bias),
        ConvAlgorithm::Burn => {
            let options = ConvOptions::new([1; 3], [kd / 2, kh / 2, kw / 2], [1; 3], 1);
            burn_conv3d(input, weight, bias, options)
        }
    }
}
