//! Convolutions with a folded norm.

use super::{error, random};
use crate::flex::conv::Conv;
use crate::flex::fold;
use crate::flex::operator::{Layer, apply};
use crate::flex::simd::Level;
use crate::flex::windows::Windows;
use burn::module::RunningState;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use burn::tensor::activation::leaky_relu;

#[test]
fn folded_norms_equal_the_layers_one_after_the_other() {
    let device = Device::flex();
    let norm = || {
        let mut norm = BatchNormConfig::new(4).init(&device);
        norm.gamma = norm.gamma.map(|g| g * 1.5 - random([4], &device) * 0.1);
        norm.beta = norm.beta.map(|_| random([4], &device));
        norm.running_mean.update(random([4], &device));
        norm.running_var.update(random([4], &device).square() + 0.5);
        norm
    };
    let (norm, bias) = (norm(), random([4], &device));
    for level in Level::available() {
        // Winograd tiles, windows around voxels, downsampling, upsampling.
        for case in 0..4 {
            let x = random([2, if case == 0 { 5 } else { 3 }, 8, 6, 18], &device);
            let inputs = x.dims()[1];
            let weight = match case {
                0 | 1 => random([4, inputs, 3, 3, 3], &device),
                2 => random([4, inputs, 2, 2, 2], &device),
                _ => random([inputs, 4, 2, 2, 2], &device),
            };
            for (bias, leak) in [(Some(&bias), 0.0), (None, 0.1)] {
                let layer = Layer {
                    input: &x,
                    weight: &weight,
                    bias,
                };
                let (found, output) = match case {
                    0 | 1 => {
                        let conv = Conv::new(level, layer).unwrap();
                        (fold::apply(conv, 0, layer, &norm, leak), apply(conv, layer))
                    }
                    2 => {
                        let down = Windows::down(level, layer).unwrap();
                        (fold::apply(down, 0, layer, &norm, leak), apply(down, layer))
                    }
                    _ => {
                        let up = Windows::up(level, layer).unwrap();
                        (fold::apply(up, 1, layer, &norm, leak), apply(up, layer))
                    }
                };
                let wanted = leaky_relu(norm.forward(output.unwrap()), f64::from(leak));
                let off = error(found.unwrap(), wanted);
                assert!(off < 1e-5, "{level:?} {case} {off}");
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    let device = Device::flex();
    let norm = BatchNormConfig::new(4).init(&device);
    let x = random([1, 4, 4, 4, 17], &device) * f32::NAN;
    for level in Level::available() {
        let weight = random([4, 4, 3, 3, 3], &device);
        let layer = Layer {
            input: &x,
            weight: &weight,
            bias: None,
        };
        let conv = Conv::new(level, layer).unwrap();
        for output in [apply(conv, layer), fold::apply(conv, 0, layer, &norm, 0.01)] {
            assert!(output.unwrap().is_nan().all().into_scalar::<bool>());
        }
    }
}

/// A weight, a norm or a size that changes within the scope is not mistaken for the one that was kept.
#[test]
fn kept_weights_give_the_same_and_do_not_outlive_a_change() {
    let device = Device::flex();
    let mut norm = BatchNormConfig::new(4).init(&device);
    let (mut weight, mut bias) = (random([4, 5, 3, 3, 3], &device), random([4], &device));
    let mut width = 20;
    crate::keep_weights(|| {
        let run = |weight: &Tensor<5>, bias: &Tensor<1>, norm: &BatchNorm, width: usize| {
            let x = Tensor::<5>::ones([1, 5, 8, 8, width], &device) * 0.5;
            crate::conv3d_norm_relu(x, weight.clone(), Some(bias.clone()), norm)
        };
        let mut last = run(&weight, &bias, &norm, width);
        assert_eq!(error(run(&weight, &bias, &norm, width), last.clone()), 0.0);
        for change in 0..9 {
            match change {
                0 => weight = weight.clone().mul_scalar(1.5),
                // In place, if no one else held the tensor.
                1 => weight = weight.mul_scalar(1.5),
                2 => norm.running_mean = RunningState::new(random([4], &device) + 2.0),
                3 => norm.running_var = RunningState::new(random([4], &device).square() + 3.0),
                4 => norm.gamma = norm.gamma.map(|gamma| gamma * 3.0),
                5 => norm.beta = norm.beta.map(|beta| beta + 2.0),
                6 => norm.epsilon += 1.0,
                7 => bias = bias + 1.0,
                // Too narrow for tiles, which take the weight in another form.
                _ => width = 1,
            }
            let found = run(&weight, &bias, &norm, width);
            let fresh = std::thread::scope(|scope| {
                let thread = scope.spawn(|| run(&weight, &bias, &norm, width));
                thread.join().unwrap()
            });
            assert_eq!(error(found.clone(), fresh), 0.0, "change {change}");
            let old = last.narrow(4, 0, width);
            assert!(
                width == 1 || error(found.clone(), old) > 1e-3,
                "change {change}"
            );
            last = found;
        }
    });
}

/// Convolutions of another kind with the same tensors and outputs of the same shape.
#[test]
fn kept_weights_are_those_of_one_kind_of_convolution() {
    let device = Device::flex();
    let mut norm = BatchNormConfig::new(4).init(&device);
    norm.gamma = norm.gamma.map(|_| random([4], &device));
    let input = |side: usize| Tensor::<5>::ones([1, 4, side, side, side], &device);
    let (wide, small) = (
        random([4, 4, 3, 3, 3], &device),
        random([4, 4, 1, 1, 1], &device),
    );
    let runs: [&(dyn Fn() -> Tensor<5> + Sync); 4] = [
        &|| crate::conv3d_norm_relu(input(8), wide.clone(), None, &norm),
        &|| crate::down_conv3d_norm_relu(input(24), wide.clone(), None, &norm),
        &|| crate::down_conv3d_norm_relu(input(8), small.clone(), None, &norm),
        &|| crate::up_conv3d_norm_relu(input(8), small.clone(), None, &norm),
    ];
    let kept = crate::keep_weights(|| runs.map(|run| run()));
    for (kept, run) in kept.into_iter().zip(runs) {
        assert_eq!(error(kept, run()), 0.0);
    }
}
