//! Custom CPU operators for tensors on the Flex backend.
//!
//! Each function takes the same tensors as the composition it replaces and returns `None` where it does
//! not apply: on another backend, in another precision, or with gradient checkpointing. The caller then
//! falls back to the composition.

mod bias;
mod columns;
mod concat;
mod conv;
mod correlation;
mod elementwise;
mod epilogue;
mod fold;
mod kept;
mod lanes;
mod max_pool;
mod memory;
mod norm;
mod operator;
mod packing;
mod panel;
mod peak;
mod simd;
mod tensor;
mod update;
mod voxels;
mod windows;
mod winograd;

pub(crate) use concat::concat_channels;
pub(crate) use elementwise::{add, scale_channels};
pub(crate) use kept::KeptWeights;
pub(crate) use max_pool::max_pool;
pub(crate) use norm::batch_norm_leaky_relu;
pub(crate) use operator::Layer;
pub(crate) use peak::peak;
pub(crate) use update::{moving_average, scale, sgd_step, squared_norm};
pub(crate) use voxels::voxel_statistics;

use burn::nn::BatchNorm;
use burn::prelude::*;
use conv::Conv;
use simd::Level;
use windows::Windows;

/// Form of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Odd kernel, stride 1, zero padding.
    Same,
    /// Stride = kernel, downsampling: window to voxel.
    Down,
    /// Transposed, stride = kernel, upsampling: voxel to window.
    Up,
}

/// Applies a convolution.
pub(crate) fn convolve(form: Form, layer: Layer) -> Option<Tensor<5>> {
    let level = Level::current();
    match form {
        Form::Same => operator::apply(Conv::new(level, layer)?, layer),
        Form::Down => operator::apply(Windows::down(level, layer)?, layer),
        Form::Up => operator::apply(Windows::up(level, layer)?, layer),
    }
}

/// Applies convolution, norm and leaky ReLU in evaluation mode.
pub(crate) fn convolve_norm_leaky_relu(
    form: Form,
    layer: Layer,
    norm: &BatchNorm,
    leak: f32,
) -> Option<Tensor<5>> {
    let level = Level::current();
    match form {
        Form::Same => fold::apply(Conv::new(level, layer)?, 0, layer, norm, leak),
        Form::Down => fold::apply(Windows::down(level, layer)?, 0, layer, norm, leak),
        Form::Up => fold::apply(Windows::up(level, layer)?, 1, layer, norm, leak),
    }
}

#[cfg(test)]
mod tests;
