//! The operators against the compositions they replace, at every level.
#![allow(clippy::unwrap_used)]

mod convolutions;
mod elementwise;
mod lengths;

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
