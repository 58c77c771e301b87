//! V-Net against PyTorch: the same parameters give the same logits and the same gradients.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::{DType, Gradients, TensorData};
use semivox_models::{VNet, VNetConfig, trainable_parameters};
use serde::Deserialize;

const FILTERS: usize = 2;
/// How far the clear run's channels are moved from their ReLUs' kinks.
const SHIFT: f64 = 3.0;

#[derive(Deserialize)]
struct Golden {
    input_seed: usize,
    train: Run,
    train_clear: Run,
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
fn wave<const D: usize>(
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

/// Sets the parameters in the order of the fields; running statistics keep their 0 and 1.
struct Fill {
    seed: usize,
    shift: f64,
    device: Device,
    dtype: DType,
}

/// What a parameter is at first, which tells what it is for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Weight,
    Bias,
    /// A norm's scale, 1.
    Gamma,
    /// A norm's shift, 0.
    Beta,
}

impl Kind {
    fn of<const D: usize>(parameter: &Tensor<D>) -> Self {
        let all = |value: f64| {
            parameter
                .clone()
                .equal_elem(value)
                .all()
                .into_scalar::<bool>()
        };
        match D {
            1 if all(1.0) => Self::Gamma,
            1 if all(0.0) => Self::Beta,
            1 => Self::Bias,
            _ => Self::Weight,
        }
    }
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dtype = self.dtype;
        if !param.is_require_grad() {
            return param.map(|statistics| statistics.cast(dtype));
        }
        let seed = self.seed;
        self.seed += 1;
        let device = self.device.clone();
        let shift = self.shift;
        param.map(move |old| {
            let (shape, kind) = (old.dims(), Kind::of(&old));
            let fan_in: usize = shape[1..].iter().product();
            let scale = match kind {
                Kind::Weight => (3.0 / fan_in as f64).sqrt(),
                _ => 0.1,
            };
            let values = wave(shape, seed, scale, (&device, dtype));
            let values = match kind {
                Kind::Gamma => values + 1.0,
                Kind::Beta => values + shifts(shape, shift, (&device, dtype)),
                Kind::Weight | Kind::Bias => values,
            };
            values.require_grad()
        })
    }
}

/// Three of four channels up, the fourth down.
fn shifts<const D: usize>(
    shape: [usize; D],
    shift: f64,
    (device, dtype): (&Device, DType),
) -> Tensor<D> {
    let value = |channel: usize| if channel % 4 == 3 { -shift } else { shift };
    let values: Vec<f64> = (0..shape[0]).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
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
    tensor.cast(DType::F64).into_data().try_to_vec().unwrap()
}

fn model(device: &Device, dtype: DType, shift: f64) -> VNet {
    let config = VNetConfig::new(1, 2)
        .with_filters(FILTERS)
        .with_dropout(0.0);
    let model = config.with_signed_distance(Some(1)).init(device);
    model.map(&mut Fill {
        seed: 0,
        shift,
        device: device.clone(),
        dtype,
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

/// Compares outputs and gradients; the tolerances are those of logits, loss and gradients.
fn compare(
    model: &VNet,
    (device, dtype): (&Device, DType),
    seed: usize,
    expected: &Run,
    [outputs, losses, gradients]: [f64; 3],
) {
    let wave5 = |shape, seed| wave::<5>(shape, seed, 1.0, (device, dtype));
    let output = model.forward(wave5([2, 1, 32, 32, 32], seed));
    let distance = output.signed_distance.unwrap();
    let weigh = |t: Tensor<5>, seed| (t.clone() * wave5(t.dims(), seed)).mean();
    let loss = weigh(output.logits.clone(), 500) + weigh(distance.clone(), 501);
    let logits = every_173rd(output.logits);
    assert_near("logits", &logits, &expected.logits, outputs);
    let distance = every_173rd(distance);
    assert_near("signed distance", &distance, &expected.distance, outputs);
    for (map, norm) in output.features.into_iter().zip(&expected.feature_norms) {
        let found = floats(map).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert_near("feature norm", &[found / norm], &[1.0], losses);
    }
    let value = floats(loss.clone());
    assert_near("loss", &value, &[expected.loss], losses);
    compare_gradients(model, &loss.backward(), &expected.gradients, gradients);
}

/// Norm and entries agree relative to the norm. A bias before a batch norm has a gradient of zero, of
/// which rounding leaves some noise.
fn compare_gradients(model: &VNet, gradients: &Gradients, expected: &[Gradient], tolerance: f64) {
    let mut collect = Collect {
        gradients,
        found: Vec::new(),
    };
    model.visit(&mut collect);
    assert_eq!(collect.found.len(), expected.len());
    let mut worst = 0.0_f64;
    for (found, wanted) in collect.found.iter().zip(expected) {
        let scale = if wanted.norm < 1e-12 {
            1e-3
        } else {
            wanted.norm
        };
        worst = worst.max((found.norm - wanted.norm).abs() / scale);
        for (a, b) in found.first.iter().zip(&wanted.first) {
            worst = worst.max((a - b).abs() / scale);
        }
    }
    println!("gradients: largest error {worst:.2e} of a parameter's norm");
    assert!(
        worst <= tolerance,
        "gradients: error {worst:.2e} above {tolerance:.0e}"
    );
}

/// In double precision, where rounding crosses no kink, the networks are one.
#[test]
fn training_equals_pytorch_in_double_precision() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let model = model(&device, DType::F64, 0.0);
    let kind = (&device, DType::F64);
    compare(
        &model,
        kind,
        golden.input_seed,
        &golden.train,
        [1e-7, 1e-9, 1e-7],
    );
}

/// In single precision, where every value is clear of its ReLU's kink.
#[test]
fn training_clear_of_kinks_equals_pytorch() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let model = model(&device, DType::F32, SHIFT);
    let kind = (&device, DType::F32);
    let tolerances = [1e-4, 1e-5, 1e-3];
    compare(
        &model,
        kind,
        golden.input_seed,
        &golden.train_clear,
        tolerances,
    );
}

/// In single precision the gradient jumps where rounding moves a value across a ReLU's kink, and in so
/// small a network one value counts: moving everything that enters by 5e-7 of itself moves PyTorch's own
/// gradients by 1e-3 to 2e-1 of a norm, depending on the input. The exact comparisons are those above.
#[test]
fn training_at_kinks_is_near_pytorch() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let model = model(&device, DType::F32, 0.0);
    let kind = (&device, DType::F32);
    let tolerances = [1e-4, 1e-5, 5e-2];
    compare(&model, kind, golden.input_seed, &golden.train, tolerances);
}

#[test]
fn evaluation_equals_pytorch() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    // A frozen layer normalizes with running statistics; gradients are turned on again for the test.
    let frozen = model(&device, DType::F32, 0.0)
        .freeze()
        .set_require_grad(true);
    let kind = (&device, DType::F32);
    compare(
        &frozen,
        kind,
        golden.input_seed,
        &golden.eval,
        [1e-4, 1e-5, 1e-3],
    );
}

#[test]
fn sixteen_filters_have_the_parameters_of_the_papers() {
    let model = VNetConfig::new(1, 2).init(&Device::flex().autodiff());
    assert_eq!(golden().parameters_16_filters, 9_448_866);
    assert_eq!(trainable_parameters(&model), 9_448_866);
}
