//! Inputs that both sides can compute, and comparison of the results.

use burn::prelude::*;
use burn::tensor::{DType, TensorData};

/// The sequence that the script uses for inputs, parameters and cotangents.
pub fn wave<const D: usize>(
    shape: [usize; D],
    seed: usize,
    scale: f64,
    (device, dtype): (&Device, DType),
) -> Tensor<D> {
    let value = |i: usize| {
        let hashed = 43_758.545_3 * (12.9898 * i as f64 + 78.233 * seed as f64).sin();
        scale * (2.0 * (hashed - hashed.floor()) - 1.0)
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.cast(DType::F64).into_data().try_to_vec().unwrap()
}

pub fn assert_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // not `max`, which ignores NaN
    let worst = errors.fold(0.0, |worst, e| if e <= worst { worst } else { e });
    println!("{what}: largest error {worst:.2e}");
    assert!(
        worst <= tolerance,
        "{what}: error {worst:.2e} above {tolerance:.0e}"
    );
}
