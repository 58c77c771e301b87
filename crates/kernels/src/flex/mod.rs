//! Operators of our own for tensors on the Flex backend, the CPU.
//!
//! Each function takes the same tensors as the composition it stands in for and returns `None`
//! where it does not apply: on another backend, in another precision, under gradient
//! checkpointing. The caller then runs the composition.

mod conv;
mod correlation;
mod elementwise;
mod finish;
mod fold;
mod forward;
mod grid;
mod memory;
mod norm;
mod operator;
mod panel;
mod simd;
mod tensor;
mod update;
mod voxels;
mod weight;
mod windows;
mod winograd;

pub(crate) use elementwise::{add, scale_channels};
pub(crate) use norm::batch_norm_relu;
pub(crate) use update::{moving_average, scale, sgd_step, squared_norm};
pub(crate) use voxels::voxel_statistics;

use burn::nn::BatchNorm;
use burn::prelude::*;
use conv::Conv;
use operator::Layer;
use simd::Level;
use windows::Windows;

/// The convolution with an odd kernel, stride 1 and zero padding.
pub(crate) fn conv3d(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let conv = Conv::new(Level::current(), input, weight, bias)?;
    operator::apply(
        conv,
        Layer {
            input,
            weight,
            bias,
        },
    )
}

/// The convolution whose windows become one voxel each.
pub(crate) fn down(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let windows = Windows::down(Level::current(), input, weight)?;
    operator::apply(
        windows,
        Layer {
            input,
            weight,
            bias,
        },
    )
}

/// The convolution whose voxels become one window each.
pub(crate) fn up(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let windows = Windows::up(Level::current(), input, weight)?;
    operator::apply(
        windows,
        Layer {
            input,
            weight,
            bias,
        },
    )
}

/// [`conv3d`], norm and ReLU in evaluation.
pub(crate) fn conv3d_norm_relu(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
    norm: &BatchNorm,
) -> Option<Tensor<5>> {
    let conv = Conv::new(Level::current(), input, weight, bias)?;
    fold::apply(
        conv,
        0,
        Layer {
            input,
            weight,
            bias,
        },
        norm,
    )
}

/// [`down`], norm and ReLU in evaluation.
pub(crate) fn down_norm_relu(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
    norm: &BatchNorm,
) -> Option<Tensor<5>> {
    let windows = Windows::down(Level::current(), input, weight)?;
    fold::apply(
        windows,
        0,
        Layer {
            input,
            weight,
            bias,
        },
        norm,
    )
}

/// [`up`], norm and ReLU in evaluation.
pub(crate) fn up_norm_relu(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
    norm: &BatchNorm,
) -> Option<Tensor<5>> {
    let windows = Windows::up(Level::current(), input, weight)?;
    fold::apply(
        windows,
        1,
        Layer {
            input,
            weight,
            bias,
        },
        norm,
    )
}

#[cfg(test)]
mod tests;
