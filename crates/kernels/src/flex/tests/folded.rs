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
    let mut weight = random([4, 5, 3, 3, 3], &device);
    let run = |weight: &Tensor<5>, norm: &BatchNorm, width: usize| {
        let x = Tensor::<5>::ones([1, 5, 8, 8, width], &device) * 0.5;
        crate::conv3d_norm_relu(x, weight.clone(), None, norm)
    };
    crate::keep_weights(|| {
        let mut last = run(&weight, &norm, 20);
        assert_eq!(error(run(&weight, &norm, 20), last.clone()), 0.0);
        for change in 0..5 {
            match change {
                0 => weight = weight.clone().mul_scalar(1.5),
                // In place, if no one else held the tensor.
                1 => weight = weight.mul_scalar(1.5),
                2 => norm.running_mean = RunningState::new(random([4], &device) + 2.0),
                3 => norm.running_var = RunningState::new(random([4], &device).square() + 3.0),
                _ => norm.gamma = norm.gamma.map(|gamma| gamma * 3.0),
            }
            let found = run(&weight, &norm, 20);
            let fresh = std::thread::scope(|scope| {
                let thread = scope.spawn(|| run(&weight, &norm, 20));
                thread.join().unwrap()
            });
            assert_eq!(error(found.clone(), fresh), 0.0, "change {change}");
            assert!(error(found.clone(), last) > 1e-3, "change {change}");
            last = found;
        }
        let narrow = run(&weight, &norm, 3);
        assert_eq!(narrow.dims(), [1, 4, 8, 8, 3]);
    });
}
