//! Values and gradients against PyTorch (scripts/goldens/losses.py).
#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::DType;
use semivox_losses::{
    CrossEntropyLossConfig, DiceCrossEntropyLossConfig, DiceLossConfig,
    GlobalDistillationLossConfig, LocalDistillationForm, LocalDistillationLossConfig,
};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("goldens/losses.json")).unwrap();
    all[name].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

fn tensor<const D: usize>(value: &Value) -> Tensor<D> {
    let shape: Vec<usize> = numbers(&value["shape"])
        .iter()
        .map(|&v| v as usize)
        .collect();
    let data = TensorData::new(numbers(&value["values"]), shape);
    Tensor::from_data(data, (&Device::flex().autodiff(), DType::F64))
}

/// Compares the loss and its gradient at `input`.
#[track_caller]
fn assert_golden<const D: usize>(
    input: Tensor<D>,
    expected: &Value,
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) {
    let input = input.require_grad();
    let value = loss(input.clone());
    let gradient = input.grad(&value.backward()).unwrap();
    let found: Vec<f64> = gradient.into_data().try_to_vec().unwrap();
    for (found, expected) in found.iter().zip(numbers(&expected["gradient"]["values"])) {
        assert!(
            (found - expected).abs() < 1e-7,
            "gradient {found}, expected {expected}"
        );
    }
    assert_value(value, &expected["loss"]);
}

#[track_caller]
fn assert_value(value: Tensor<1>, expected: &Value) {
    let (found, expected) = (value.into_scalar::<f64>(), expected.as_f64().unwrap());
    assert!(
        (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
        "found {found}, expected {expected}"
    );
}

#[test]
fn dice_and_cross_entropy() {
    let golden = golden("dice_cross_entropy");
    let logits = tensor::<5>(&golden["logits"]);
    let labels: Vec<i64> = numbers(&golden["labels"])
        .iter()
        .map(|&v| v as i64)
        .collect();
    let data = TensorData::new(labels, [2, 1, 2, 3, 2]);
    let labels = Tensor::<5, Int>::from_data(data, &Device::flex().autodiff());
    let cross_entropy = CrossEntropyLossConfig::new().init();
    assert_value(
        cross_entropy.forward(logits.clone(), labels.clone()),
        &golden["cross_entropy"],
    );
    let dice = DiceLossConfig::new().init();
    assert_value(
        dice.forward(logits.clone(), labels.clone()),
        &golden["dice"],
    );
    let both = DiceCrossEntropyLossConfig::new().init();
    assert_golden(logits, &golden, |logits| {
        both.forward(logits, labels.clone())
    });
}

#[test]
fn global_distillation() {
    let golden = golden("global");
    let (teacher, anchors) = (tensor(&golden["teacher"]), tensor(&golden["keys"]));
    let loss = GlobalDistillationLossConfig::new().init();
    assert_golden(tensor(&golden["student"]), &golden["global"], |student| {
        loss.forward(student, teacher.clone(), anchors.clone())
    });
}

#[test]
fn local_distillation_in_both_forms() {
    let golden = golden("local");
    let (teacher, bank) = (tensor(&golden["teacher"]), tensor(&golden["keys"]));
    let forms = [
        (LocalDistillationForm::PerLocation, "per_location"),
        (LocalDistillationForm::OfficialCode, "official_code"),
    ];
    for (form, name) in forms {
        let loss = LocalDistillationLossConfig::new().with_form(form).init();
        assert_golden(tensor(&golden["student"]), &golden[name], |student| {
            loss.forward(student, teacher.clone(), bank.clone())
        });
    }
}
