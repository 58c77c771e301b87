//! Every operator against PyTorch, forward and backward; `scripts/goldens/kernels.py` writes the values.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use burn::nn::BatchNormConfig;
use burn::prelude::*;
use burn::tensor::TensorData;
use semivox_kernels::{
    adaptive_avg_pool3d, avg_pool3d, batch_norm_relu, conv3d, down_conv3d, max_pool3d,
    pointwise_conv3d, resize_trilinear, up_conv3d,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    shape: Vec<usize>,
    output: Vec<f32>,
    gradients: Vec<Vec<f32>>,
}

const VOLUME: [usize; 5] = [2, 2, 4, 5, 3];

fn device() -> Device {
    Device::flex().autodiff()
}

/// The sequence that the script uses for inputs and cotangents.
fn wave<const D: usize>(shape: [usize; D], seed: usize) -> Tensor<D> {
    let value = |i: usize| (12.9898 * i as f64 + 78.233 * seed as f64).sin();
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|i| value(i) as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

fn input<const D: usize>(shape: [usize; D], seed: usize) -> Tensor<D> {
    wave(shape, seed).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 2e-5 * (1.0 + b.abs()),
            "{what}[{index}]: {a}, PyTorch {b}"
        );
    }
}

fn golden(name: &str) -> Golden {
    let all: HashMap<String, Golden> =
        serde_json::from_str(include_str!("goldens/kernels.json")).unwrap();
    all.into_iter().find(|(key, _)| key == name).unwrap().1
}

/// Compares an output with the golden value and returns the gradients of its weighted sum.
fn check_output(name: &str, output: Tensor<5>) -> (burn::tensor::Gradients, Vec<Vec<f32>>) {
    let golden = golden(name);
    assert_eq!(output.dims().to_vec(), golden.shape, "{name}: shape");
    let gradients = (output.clone() * wave(output.dims(), 9)).sum().backward();
    assert_near(name, &values(output), &golden.output);
    (gradients, golden.gradients)
}

fn check_volume(name: &str, operator: impl Fn(Tensor<5>) -> Tensor<5>) {
    let x = input(VOLUME, 0);
    let (gradients, expected) = check_output(name, operator(x.clone()));
    assert_near(name, &values(x.grad(&gradients).unwrap()), &expected[0]);
}

type Convolution = fn(Tensor<5>, Tensor<5>, Option<Tensor<1>>) -> Tensor<5>;

fn check_convolution(
    name: &str,
    operator: Convolution,
    x: [usize; 5],
    w: [usize; 5],
    out: Option<usize>,
) {
    let (x, w, bias) = (input(x, 0), input(w, 1), out.map(|out| input([out], 2)));
    let output = operator(x.clone(), w.clone(), bias.clone());
    let (gradients, expected) = check_output(name, output);
    assert_near(name, &values(x.grad(&gradients).unwrap()), &expected[0]);
    assert_near(name, &values(w.grad(&gradients).unwrap()), &expected[1]);
    if let Some(bias) = bias {
        assert_near(name, &values(bias.grad(&gradients).unwrap()), &expected[2]);
    }
}

#[test]
fn same_convolution() {
    check_convolution("conv3d", conv3d, VOLUME, [3, 2, 3, 3, 3], Some(3));
    check_convolution("conv3d_uneven", conv3d, VOLUME, [2, 2, 1, 3, 5], None);
}

#[test]
fn down_convolution_cuts_the_remainder() {
    check_convolution("down_conv3d", down_conv3d, VOLUME, [3, 2, 2, 2, 2], Some(3));
    check_convolution(
        "down_conv3d_uneven",
        down_conv3d,
        VOLUME,
        [3, 2, 1, 2, 3],
        None,
    );
}

#[test]
fn up_convolution() {
    let x = [2, 3, 2, 3, 1];
    check_convolution("up_conv3d", up_conv3d, x, [3, 2, 2, 2, 2], Some(2));
    check_convolution("up_conv3d_uneven", up_conv3d, x, [3, 2, 1, 2, 3], None);
}

#[test]
fn pointwise_convolution() {
    check_convolution(
        "pointwise_conv3d",
        pointwise_conv3d,
        VOLUME,
        [3, 2, 1, 1, 1],
        Some(3),
    );
}

#[test]
fn normalization_and_relu() {
    let mut norm = BatchNormConfig::new(2).init(&device());
    norm.gamma = norm.gamma.map(|_| input([2], 1));
    norm.beta = norm.beta.map(|_| input([2], 2));
    let x = input(VOLUME, 0);
    let (gradients, expected) = check_output("batch_norm_relu", batch_norm_relu(x.clone(), &norm));
    assert_near("input", &values(x.grad(&gradients).unwrap()), &expected[0]);
    assert_near(
        "gamma",
        &values(norm.gamma.val().grad(&gradients).unwrap()),
        &expected[1],
    );
    assert_near(
        "beta",
        &values(norm.beta.val().grad(&gradients).unwrap()),
        &expected[2],
    );
}

#[test]
fn resizing() {
    for (size, up) in [([7, 5, 4], "up"), ([3, 2, 1], "down")] {
        check_volume(&format!("resize_{up}_aligned"), |x| {
            resize_trilinear(x, size, true)
        });
        check_volume(&format!("resize_{up}"), |x| {
            resize_trilinear(x, size, false)
        });
    }
}

#[test]
fn pooling_cuts_the_remainder() {
    check_volume("max_pool3d", |x| max_pool3d(x, [2; 3]));
    check_volume("avg_pool3d", |x| avg_pool3d(x, [2, 3, 1]));
    check_volume("adaptive_avg_pool3d", |x| adaptive_avg_pool3d(x, [3, 2, 3]));
}
