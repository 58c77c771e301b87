//! V-Net against PyTorch: the same parameters give the same logits and the same gradients.

#![allow(clippy::unwrap_used)]

mod golden;

use burn::prelude::*;
use burn::tensor::DType;
use golden::{Fill, Gradient, assert_near, compare_gradients, floats, wave};
use semivox_models::{Upsampling, VNet, VNetConfig, trainable_parameters};
use serde::Deserialize;

const FILTERS: usize = 2;
/// Shift of the channels in the run without kinks, away from the kinks of ReLU.
const SHIFT: f64 = 3.0;

#[derive(Deserialize)]
struct Golden {
    input_seed: usize,
    train: Run,
    train_clear: Run,
    eval: Run,
    /// With linear upsampling; the gradients' norms alone.
    linear: Run,
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

fn golden() -> Golden {
    serde_json::from_str(include_str!("goldens/vnet.json")).unwrap()
}

fn config() -> VNetConfig {
    VNetConfig::new(1, 2)
        .with_filters(FILTERS)
        .with_dropout(0.0)
        .with_signed_distance(Some(1))
}

fn model(device: &Device, dtype: DType, shift: f64) -> VNet {
    filled(&config(), (device, dtype), shift)
}

fn filled(config: &VNetConfig, (device, dtype): (&Device, DType), shift: f64) -> VNet {
    config.init(device).map(&mut Fill {
        seed: 0,
        shift,
        device: device.clone(),
        dtype,
    })
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

/// In double precision no rounding crosses a kink, and the networks agree closely.
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

#[test]
fn linear_upsampling_equals_pytorch_in_double_precision() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let kind = (&device, DType::F64);
    let model = filled(&config().with_upsampling(Upsampling::Linear), kind, 0.0);
    let tolerances = [1e-7, 1e-9, 1e-7];
    compare(&model, kind, golden.input_seed, &golden.linear, tolerances);
}

/// In single precision, with every value away from the kink of its ReLU.
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

/// In single precision the gradient jumps where rounding moves a value across a ReLU's kink, and in such a
/// small network a single value matters: a relative change of 5e-7 in all inputs changes PyTorch's own
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
    // A frozen layer normalizes with running statistics; gradients are enabled again for the test.
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
