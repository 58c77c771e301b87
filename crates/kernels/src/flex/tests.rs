//! The operators against the compositions they replace, at every level.
#![allow(clippy::unwrap_used)]

mod convolutions;
mod elementwise;
mod folded;
mod lengths;
mod windows;

use burn::prelude::*;
use burn::tensor::Distribution;

/// The norm of the difference relative to the norm of the expected values.
pub(super) fn error<const D: usize>(found: Tensor<D>, wanted: Tensor<D>) -> f64 {
    assert_eq!(found.dims(), wanted.dims());
    let (found, wanted) = (found.inner().into_data(), wanted.inner().into_data());
    let pairs = found.try_into_vec::<f32>().unwrap().into_iter();
    let pairs = pairs.zip(wanted.try_into_vec::<f32>().unwrap());
    let (mut difference, mut norm) = (0.0, 1e-30);
    for (found, wanted) in pairs.map(|(f, w)| (f64::from(f), f64::from(w))) {
        difference += (found - wanted).powi(2);
        norm += wanted.powi(2);
    }
    (difference / norm).sqrt()
}

pub(super) fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.3, 1.0), device)
}

/// Asserts that two convolutions have the same output and the same gradients of input, weight and bias, for
/// a wave as the output's gradient.
pub(super) fn assert_equal(
    inputs: [&Tensor<5>; 2],
    bias: &Tensor<1>,
    found: Tensor<5>,
    wanted: Tensor<5>,
    case: &dyn std::fmt::Debug,
) {
    let count = wanted.shape().num_elements() as i64;
    let ramp = Tensor::<1, Int>::arange(0..count, &wanted.device()).float();
    // Around 0.3, to keep the bias's gradient, its sum, from canceling.
    let pull = ((ramp * 0.7).sin() + 0.3).reshape(wanted.dims());
    let pulled = |output: &Tensor<5>| (output.clone() * pull.clone()).sum().backward();
    let (grads, expected) = (pulled(&found), pulled(&wanted));
    let gradient = |t: &Tensor<5>| error(t.grad(&grads).unwrap(), t.grad(&expected).unwrap());
    let errors = [
        error(found, wanted),
        gradient(inputs[0]),
        gradient(inputs[1]),
        error(bias.grad(&grads).unwrap(), bias.grad(&expected).unwrap()),
    ];
    assert!(errors.iter().all(|&e| e < 1e-5), "{case:?} {errors:?}");
}
