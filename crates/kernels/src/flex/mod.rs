//! Operators of our own for tensors on the Flex backend, the CPU.
//!
//! Each function takes the same tensors as the composition it stands in for and returns `None`
//! where it does not apply: on another backend, in another precision, under gradient
//! checkpointing. The caller then runs the composition.

mod conv;
mod correlation;
mod elementwise;
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
pub(crate) use update::{moving_average, sgd_step};
pub(crate) use voxels::voxel_statistics;

use burn::prelude::*;
use simd::Level;

/// [`conv::conv3d`] at the level in use.
pub(crate) fn conv3d(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    conv::conv3d(Level::current(), input, weight, bias)
}

/// [`windows::down`] at the level in use.
pub(crate) fn down(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    windows::down(Level::current(), input, weight, bias)
}

/// [`windows::up`] at the level in use.
pub(crate) fn up(
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    windows::up(Level::current(), input, weight, bias)
}

#[cfg(test)]
mod tests;
