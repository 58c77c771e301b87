//! Convolutions composed of Burn's operators, for every backend.
//!
//! Used where this crate's CPU operators do not apply: on GPUs, on burn-ndarray, and on Flex in number
//! formats other than single precision. Each convolution has a custom gradient, to keep and copy as little
//! as possible for the backward pass. No tensor has more than six dimensions, the limit of burn-ndarray.

mod algorithm;
mod bounded;
mod operator;
#[cfg(test)]
mod tests;
mod windows;

pub use algorithm::{ConvAlgorithm, UnknownConvAlgorithm};
pub(crate) use windows::{Windows, whole_windows};

use burn::prelude::*;

use bounded::Bounded;

/// Convolution with an odd kernel, stride 1 and zero padding, in bounded memory.
pub(crate) fn bounded(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    operator::apply(Bounded::new(input.dims(), weight.dims()), input, weight)
}

/// Downsampling or upsampling convolution with stride = kernel.
pub(crate) fn windows(windows: Windows, input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    operator::apply(windows, input, weight)
}

/// The weight as one matrix per depth of the kernel: `[rows, columns, kd, kh, kw]` to `kd` times
/// `[1, rows, columns · kh · kw]`.
fn matrices(weight: &Tensor<5>) -> Vec<Tensor<3>> {
    let [rows, columns, kd, kh, kw] = weight.dims();
    let matrix = |tap| {
        let taps = weight.clone().narrow(2, tap, 1);
        taps.reshape([1, rows, columns * kh * kw])
    };
    (0..kd).map(matrix).collect()
}
