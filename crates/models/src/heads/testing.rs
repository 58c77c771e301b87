//! Weights of heads that can be computed with by hand.
#![allow(clippy::unwrap_used)]

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;

/// Sets the weights of layers to 1, −1, −1, 1, −1, −1, … in row-major order, and their biases to 0.
///
/// Linear layers have a row per input, convolutions one per output.
pub(super) fn signed<M: Module>(layers: M) -> M {
    layers.map(&mut Signs)
}

struct Signs;

impl ModuleMapper for Signs {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let shape = old.dims();
            let sign = |index: usize| match (D, index % 3) {
                (1, _) => 0.0,
                (_, 0) => 1.0,
                _ => -1.0,
            };
            let values: Vec<f32> = (0..shape.iter().product()).map(sign).collect();
            Tensor::from_data(TensorData::new(values, shape), &old.device())
        })
    }
}

/// Two channels of two voxels along the last axis: (3, 1) and (1, 5).
pub(super) fn two_voxels(device: &Device) -> Tensor<5> {
    Tensor::<1>::from_floats([3.0, 1.0, 1.0, 5.0], device).reshape([1, 2, 1, 1, 2])
}

/// Asserts that a tensor has these values in row-major order.
#[track_caller]
pub(super) fn assert_values<const D: usize>(found: Tensor<D>, expected: &[f32]) {
    let found = found.into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(found.len(), expected.len());
    let near = |(found, expected): (&f32, &f32)| (found - expected).abs() < 1e-4;
    assert!(
        found.iter().zip(expected).all(near),
        "found {found:?}, expected {expected:?}"
    );
}
