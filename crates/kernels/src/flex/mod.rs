//! Operators of our own for tensors on the Flex backend, the CPU.
//!
//! Each function takes the same tensors as the composition it stands in for and returns `None`
//! where it does not apply: on another backend, in another precision, under gradient
//! checkpointing. The caller then runs the composition.

mod conv;
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
mod weight;
mod windows;
mod winograd;

pub(crate) use conv::conv3d;
pub(crate) use elementwise::{add, scale_channels};
pub(crate) use norm::batch_norm_relu;
pub(crate) use simd::Level;
pub(crate) use update::{moving_average, sgd_step};
pub(crate) use windows::{down, up};

#[cfg(test)]
mod tests;
