//! Convolutions composed of Burn's operators, for every backend.
//!
//! They serve where the CPU operators of our own do not: on GPUs, on burn-ndarray, and on Flex in
//! other number formats than single precision. Each has a gradient of its own, so that the backward pass
//! keeps and copies no more than it needs, and none uses a tensor of more than six dimensions,
//! which is what burn-ndarray can hold.

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

/// The convolution with an odd kernel, stride 1 and zero padding, in bounded memory.
pub(crate) fn bounded(input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    operator::apply(Bounded::new(input.dims(), weight.dims()), input, weight)
}

/// The convolution down or up whose stride is its kernel.
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
