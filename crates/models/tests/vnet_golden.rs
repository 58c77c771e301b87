//! V-Net against PyTorch: the same parameters give the same logits and the same gradients.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::{Gradients, TensorData};
use semivox_models::{VNet, VNetConfig, trainable_parameters};
use serde::Deserialize;

const FILTERS: usize = 2;

#[derive(Deserialize)]
struct Golden {
    train: Run,
    eval: Run,
    parameters_16_filters: usize,
}

#[derive(Deserialize)]
struct Run {
    loss: f64,
    logits: Vec<f64>,
    distance: Vec<f64>,
    feature_norms: Vec<f64>,
    gradients: Vec<Gradient>,
}

#[derive(Deserialize)]
struct Gradient {
    norm: f64,
    first: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("goldens/vnet.json")).unwrap()
}

/// The sequence that the script uses for inputs, parameters and cotangents.
fn wave<const D: usize>(shape: [usize; D], seed: usize, scale: f64, device: &Device) -> Tensor<D> {
    let value = |i: usize| {
        let hashed = 43_758.545_3 * (12.9898 * i as f64 + 78.233 * seed as f64).sin();
        scale * (2.0 * (hashed - hashed.floor()) - 1.0)
    };
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|i| value(i) as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Sets the parameters in the order of the fields; running statistics keep their 0 and 1.
struct Fill {
    seed: usize,
    device: Device,
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let seed = self.seed;
        self.seed += 1;
        let device = self.device.clone();
        param.map(move |old| {
            let shape = old.dims();
            let fan_in: usize = shape[1..].iter().product();
            // gamma and the biases start as 1 and as small numbers: gamma is the one that is exactly 1
            let is_gamma = D == 1 && old.equal_elem(1.0).all().into_scalar::<bool>();
            let scale = if D == 5 {
                (3.0 / fan_in as f64).sqrt()
            } else {
                0.1
            };
            let values = wave(shape, seed, scale, &device);
            let values = if is_gamma { values + 1.0 } else { values };
            values.require_grad()
        })
    }
}

/// Collects norm and first entries of the gradients in the order of the fields.
struct Collect<'a> {
    gradients: &'a Gradients,
    found: Vec<Gradient>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let gradient = param.val().grad(self.gradients).unwrap();
            let values: Vec<f64> = floats(gradient);
            let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
            let first = values.into_iter().take(6).collect();
            self.found.push(Gradient { norm, first });
        }
    }
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let values = tensor.into_data().try_to_vec::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

fn model(device: &Device) -> VNet {
    let config = VNetConfig::new(1, 2)
        .with_filters(FILTERS)
        .with_dropout(0.0);
    let model = config.with_signed_distance(Some(1)).init(device);
    model.map(&mut Fill {
        seed: 0,
        device: device.clone(),
    })
}

fn assert_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!("{what}: largest error {worst:.2e}");
    assert!(
        worst <= tolerance,
        "{what}: error {worst:.2e} above {tolerance:.0e}"
    );
}

fn every_173rd(tensor: Tensor<5>) -> Vec<f64> {
    floats(tensor).into_iter().step_by(173).collect()
}

fn compare(model: &VNet, expected: &Run, device: &Device) {
    let output = model.forward(wave([2, 1, 32, 32, 32], 1003, 1.0, device));
    let distance = output.signed_distance.unwrap();
    let weigh = |t: Tensor<5>, seed| (t.clone() * wave(t.dims(), seed, 1.0, device)).mean();
    let loss = weigh(output.logits.clone(), 500) + weigh(distance.clone(), 501);
    assert_near(
        "logits",
        &every_173rd(output.logits),
        &expected.logits,
        1e-4,
    );
    assert_near(
        "signed distance",
        &every_173rd(distance),
        &expected.distance,
        1e-4,
    );
    for (map, norm) in output.features.into_iter().zip(&expected.feature_norms) {
        let found = floats(map).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert_near("feature norm", &[found / norm], &[1.0], 1e-5);
    }
    assert_near(
        "loss",
        &[loss.clone().into_scalar::<f32>().into()],
        &[expected.loss],
        1e-5,
    );
    compare_gradients(model, &loss.backward(), &expected.gradients);
}

/// Norm and entries agree to 1e-3 of the norm. A bias before a batch norm has a gradient of zero, of
/// which 32-bit numbers leave some rounding noise. The script says why this input was chosen.
fn compare_gradients(model: &VNet, gradients: &Gradients, expected: &[Gradient]) {
    let mut collect = Collect {
        gradients,
        found: Vec::new(),
    };
    model.visit(&mut collect);
    assert_eq!(collect.found.len(), expected.len());
    let mut worst = 0.0_f64;
    for (index, (found, wanted)) in collect.found.iter().zip(expected).enumerate() {
        let scale = wanted.norm.max(1e-3);
        let mut error = (found.norm - wanted.norm).abs();
        for (a, b) in found.first.iter().zip(&wanted.first) {
            error = error.max((a - b).abs());
        }
        worst = worst.max(error / scale);
        assert!(
            error / scale <= 1e-3,
            "parameter {index}: {error:.2e} of {scale:.2e}"
        );
    }
    println!("gradients: largest error {worst:.2e} of a parameter's norm");
}

#[test]
fn training_equals_pytorch() {
    let device = Device::flex().autodiff();
    compare(&model(&device), &golden().train, &device);
}

#[test]
fn evaluation_equals_pytorch() {
    let device = Device::flex().autodiff();
    // A frozen layer normalizes with running statistics; gradients are turned on again for the test.
    let frozen = model(&device).freeze().set_require_grad(true);
    compare(&frozen, &golden().eval, &device);
}

#[test]
fn sixteen_filters_have_the_parameters_of_the_papers() {
    let model = VNetConfig::new(1, 2).init(&Device::flex().autodiff());
    assert_eq!(golden().parameters_16_filters, 9_448_866);
    assert_eq!(trainable_parameters(&model), 9_448_866);
}
