//! U-Net against PyTorch: the same parameters give the same logits and the same gradients.

#![allow(clippy::unwrap_used)]

mod golden;

use burn::prelude::*;
use burn::tensor::DType;
use golden::{Fill, Gradient, assert_near, compare_gradients, floats, wave};
use semivox_models::{UNet, UNetConfig, Upsampling, trainable_parameters};
use serde::Deserialize;

const FILTERS: usize = 2;
const SIDE: usize = 32;

#[derive(Deserialize)]
struct Golden {
    parameters_16_filters: [usize; 2],
    transposed_train: Run,
    transposed_eval: Run,
    linear_train: Run,
    linear_eval: Run,
}

#[derive(Deserialize)]
struct Run {
    logits: Vec<f64>,
    feature_norms: Vec<f64>,
    gradients: Vec<Gradient>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("goldens/unet.json")).unwrap()
}

fn model(upsampling: Upsampling, (device, dtype): (&Device, DType)) -> UNet {
    let config = UNetConfig::new(1, 4)
        .with_filters(FILTERS)
        .with_dropout(0.0);
    let model = config.with_upsampling(upsampling).init(device);
    model.map(&mut Fill {
        seed: 0,
        shift: 0.0,
        device: device.clone(),
        dtype,
    })
}

/// Compares outputs and gradients; the tolerances are those of logits, norms and gradients.
fn compare(
    model: &UNet,
    kind: (&Device, DType),
    expected: &Run,
    [outputs, norms, gradients]: [f64; 3],
) {
    let wave4 = |shape, seed| wave::<4>(shape, seed, 1.0, kind);
    let output = model.forward(wave4([2, 1, SIDE, SIDE], 1000));
    let loss = (output.logits.clone() * wave4(output.logits.dims(), 500)).mean();
    let logits: Vec<f64> = floats(output.logits).into_iter().step_by(173).collect();
    assert_near("logits", &logits, &expected.logits, outputs);
    for (map, norm) in output.features.into_iter().zip(&expected.feature_norms) {
        let found = floats(map).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert_near("feature norm", &[found / norm], &[1.0], norms);
    }
    compare_gradients(model, &loss.backward(), &expected.gradients, gradients);
}

/// In double precision no rounding crosses a kink, and the networks agree closely.
#[test]
fn training_equals_pytorch_in_double_precision() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let kind = (&device, DType::F64);
    for (upsampling, run) in [
        (Upsampling::Transposed, golden.transposed_train),
        (Upsampling::Linear, golden.linear_train),
    ] {
        compare(&model(upsampling, kind), kind, &run, [1e-7, 1e-9, 1e-7]);
    }
}

#[test]
fn evaluation_equals_pytorch() {
    let (device, golden) = (Device::flex().autodiff(), golden());
    let kind = (&device, DType::F32);
    for (upsampling, run) in [
        (Upsampling::Transposed, golden.transposed_eval),
        (Upsampling::Linear, golden.linear_eval),
    ] {
        // A frozen layer normalizes with running statistics; gradients are enabled again for the test.
        let frozen = model(upsampling, kind).freeze().set_require_grad(true);
        compare(&frozen, kind, &run, [1e-4, 1e-5, 1e-3]);
    }
}

#[test]
fn sixteen_filters_have_the_parameters_of_pytorch() {
    let device = Device::flex().autodiff();
    let count = |upsampling| {
        let config = UNetConfig::new(1, 4).with_upsampling(upsampling);
        trainable_parameters(&config.init(&device))
    };
    let found = [Upsampling::Transposed, Upsampling::Linear].map(count);
    assert_eq!(found, golden().parameters_16_filters);
}
