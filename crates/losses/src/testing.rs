//! Helpers of the unit tests: seeded tensors, arrays for oracles, finite differences.
#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::DType;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Uniform values in -2..2.
pub(crate) fn floats(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// Uniform labels in `low..high`.
pub(crate) fn labels<const D: usize>(
    shape: [usize; D],
    low: i64,
    high: i64,
    seed: u64,
) -> Vec<i64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    (0..count).map(|_| rng.random_range(low..high)).collect()
}

/// A double-precision tensor on the autodiff device.
pub(crate) fn tensor<const D: usize>(shape: [usize; D], values: &[f64]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::from_data(
        TensorData::new(values.to_vec(), shape),
        (&device, DType::F64),
    )
}

/// A random double-precision tensor on the autodiff device.
pub(crate) fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    tensor(shape, &floats(shape.iter().product(), seed))
}

/// An integer tensor on the autodiff device.
pub(crate) fn ints<const D: usize>(shape: [usize; D], values: &[i64]) -> Tensor<D, Int> {
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device)
}

/// All values in row-major order.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.cast(DType::F64).into_data().try_to_vec().unwrap()
}

/// The value of a scalar tensor.
pub(crate) fn scalar(tensor: Tensor<1>) -> f64 {
    values(tensor)[0]
}

/// Asserts `|found - expected| <= tolerance`; fails on NaN.
#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "found {found}, expected {expected} within {tolerance}"
    );
}

/// Gradient of a loss with respect to `input`; `None` if none reaches it.
pub(crate) fn gradient<const D: usize>(
    input: Tensor<D>,
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) -> Option<Vec<f64>> {
    let input = input.require_grad();
    let value = loss(input.clone());
    // Adding a tracked zero keeps the graph alive where the loss ignores its input.
    let tracked = value
        + Tensor::ones_like(&input)
            .mean()
            .require_grad()
            .mul_scalar(0.0);
    input.grad(&tracked.backward()).map(values)
}

/// Compares the gradient with central differences in double precision.
#[track_caller]
pub(crate) fn assert_gradient<const D: usize>(
    input: Tensor<D>,
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) {
    const STEP: f64 = 1e-5;
    let (shape, point) = (input.dims(), values(input.clone()));
    let found = gradient(input, &loss).expect("a gradient");
    assert!(
        found.iter().any(|g| g.abs() > 1e-8),
        "the gradient vanishes"
    );
    for index in 0..point.len() {
        let at = |delta: f64| {
            let mut moved = point.clone();
            moved[index] += delta;
            scalar(loss(tensor(shape, &moved)))
        };
        let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
        assert_near(found[index], expected, 1e-6 * (1.0 + expected.abs()));
    }
}

/// Asserts that no gradient reaches `input`.
#[track_caller]
pub(crate) fn assert_stopped<const D: usize>(
    input: Tensor<D>,
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) {
    if let Some(found) = gradient(input, loss) {
        assert!(
            found.iter().all(|&g| g == 0.0),
            "a gradient passes: {found:?}"
        );
    }
}

/// Softmax of plain numbers.
pub(crate) fn softmax(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = values.iter().map(|v| (v - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|e| e / sum).collect()
}

/// Cosine of plain vectors.
pub(crate) fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// KL(teacher || student) of the similarity distributions of two plain vectors over keys.
pub(crate) fn divergence(
    student: &[f64],
    teacher: &[f64],
    keys: &[Vec<f64>],
    temperatures: [f64; 2],
) -> f64 {
    let distribution = |vector: &[f64], temperature: f64| {
        let logits: Vec<f64> = keys
            .iter()
            .map(|k| cosine(vector, k) / temperature)
            .collect();
        softmax(&logits)
    };
    let (p_s, p_t) = (
        distribution(student, temperatures[0]),
        distribution(teacher, temperatures[1]),
    );
    let terms = p_t.iter().zip(&p_s).map(|(t, s)| t * (t.ln() - s.ln()));
    terms.sum()
}

/// Softmax over classes of `[batch, class, voxels]` numbers, in the same order.
pub(crate) fn class_probabilities(
    logits: &[f64],
    [batch, classes, voxels]: [usize; 3],
) -> Vec<f64> {
    let mut result = vec![0.0; logits.len()];
    for b in 0..batch {
        for v in 0..voxels {
            let index = |c: usize| (b * classes + c) * voxels + v;
            let column: Vec<f64> = (0..classes).map(|c| logits[index(c)]).collect();
            for (c, p) in softmax(&column).into_iter().enumerate() {
                result[index(c)] = p;
            }
        }
    }
    result
}
