//! Norms, sums, updates and voxel statistics.

use super::{error, random};
use crate::flex::{
    add, batch_norm_leaky_relu, moving_average, scale, scale_channels, sgd_step, squared_norm,
    voxel_statistics,
};
use crate::update::SgdStep;
use burn::nn::BatchNormConfig;
use burn::prelude::*;
use burn::tensor::activation::leaky_relu;

#[test]
fn norm_its_gradients_and_its_running_statistics_equal_the_layer() {
    let device = Device::flex().autodiff();
    for shape in [[2, 3, 4, 5, 7], [1, 1, 1, 1, 2], [3, 2, 9, 16, 16]] {
        let layer = || {
            let mut norm = BatchNormConfig::new(shape[1]).init(&device);
            norm.gamma = norm.gamma.map(|g| g * 1.5 + 0.25);
            norm.beta = norm.beta.map(|b| b + 0.125);
            norm
        };
        let x = random(shape, &device).require_grad();
        let pull = random(shape, &device);
        for (train, leak) in [(true, 0.0), (true, 0.01), (false, 0.0), (false, 0.2)] {
            let run = |fast: bool| {
                let norm = if train { layer() } else { layer().freeze() };
                let mut output = x.clone();
                // Twice, since the second update starts from a changed state.
                for _ in 0..2 {
                    output = match fast {
                        true => batch_norm_leaky_relu(&x, &norm, leak as f32).unwrap(),
                        false => leaky_relu(norm.forward(x.clone()), leak),
                    };
                }
                let grads = (output.clone() * pull.clone()).sum().backward();
                let [gamma, beta] = [&norm.gamma, &norm.beta]
                    .map(|p| p.grad(&grads).unwrap_or_else(|| p.val().inner()));
                let mean = norm.running_mean.value_sync();
                let variance = norm.running_var.value_sync();
                (
                    output,
                    x.grad(&grads).unwrap(),
                    [gamma, beta, mean, variance],
                )
            };
            let (found, wanted) = (run(true), run(false));
            let mut errors = vec![error(found.0, wanted.0)];
            // Two values of one channel: the gradient nearly cancels.
            if shape != [1, 1, 1, 1, 2] {
                errors.push(error(found.1, wanted.1));
            }
            errors.extend(found.2.into_iter().zip(wanted.2).map(|(f, w)| error(f, w)));
            assert!(
                errors.iter().all(|&e| e < 1e-5),
                "{shape:?} {train} {leak} {errors:?}"
            );
        }
    }
}

/// A sum passes one gradient to both of its terms; the norm's must not overwrite that of the other.
#[test]
fn the_gradient_of_a_norm_leaves_a_shared_one_as_it_is() {
    let device = Device::flex().autodiff();
    let norm = BatchNormConfig::new(2).init(&device);
    let [x, z, pull] = [(); 3].map(|()| random([1, 2, 3, 4, 5], &device));
    let (x, z) = (x.require_grad(), z.require_grad());
    let grads = |shared: bool| {
        let output = batch_norm_leaky_relu(&x, &norm, 0.1).unwrap();
        let output = if shared {
            add(&output, &z).unwrap()
        } else {
            output
        };
        (output * pull.clone()).sum().backward()
    };
    let (shared, alone) = (grads(true), grads(false));
    assert_eq!(error(z.grad(&shared).unwrap(), pull.inner()), 0.0);
    assert_eq!(
        error(x.grad(&shared).unwrap(), x.grad(&alone).unwrap()),
        0.0
    );
}

#[test]
fn norm_without_autodiff_equals_the_layer() {
    let device = Device::flex();
    let norm = BatchNormConfig::new(3).init(&device);
    let x = random([2, 3, 4, 5, 6], &device);
    let found = batch_norm_leaky_relu(&x, &norm, 0.01).unwrap();
    assert!(error(found, leaky_relu(norm.forward(x), 0.01)) < 1e-5);
}

#[test]
fn sums_and_scaled_channels_equal_the_composition() {
    let device = Device::flex().autodiff();
    let shape = [2, 3, 5, 60, 120];
    let (a, b) = (
        random(shape, &device).require_grad(),
        random(shape, &device).require_grad(),
    );
    let factors = random([2, 3, 1, 1, 1], &device);
    let run = |fast: bool| {
        let output = match fast {
            true => scale_channels(&add(&a, &b).unwrap(), &factors).unwrap(),
            false => (a.clone() + b.clone()) * factors.clone(),
        };
        let grads = (output.clone() * output.clone() * a.clone())
            .sum()
            .backward();
        let [ga, gb] = [&a, &b].map(|t| t.grad(&grads).unwrap());
        (output, ga, gb)
    };
    let (found, wanted) = (run(true), run(false));
    assert!(error(found.0, wanted.0) < 1e-6);
    assert!(error(found.1, wanted.1) < 1e-6);
    assert!(error(found.2, wanted.2) < 1e-6);
    // Without autodiff.
    let sum = add(&a.clone().inner(), &b.clone().inner()).unwrap();
    assert!(error(sum, (a + b).inner()) < 1e-6);
}

#[test]
fn updates_equal_the_composition() {
    let device = Device::flex();
    let shape = [3, 5, 70, 90];
    let [theta, g, v] = [(); 3].map(|()| random(shape, &device));
    for (nesterov, velocity) in [(false, None), (false, Some(&v)), (true, Some(&v))] {
        let step = SgdStep {
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.01,
            nesterov,
        };
        let found = sgd_step(&theta, &g, velocity, step).unwrap();
        let g = g.clone() + theta.clone() * 0.01;
        let speed = velocity.map_or(g.clone(), |v| v.clone() * 0.9 + g.clone());
        let direction = if nesterov {
            g + speed.clone() * 0.9
        } else {
            speed.clone()
        };
        let [moved, faster] = found;
        assert!(error(moved, theta.clone() - direction * 0.1) < 1e-6);
        assert!(error(faster, speed) < 1e-6);
    }
    let norm = squared_norm(&theta).unwrap();
    assert!(error(norm, theta.clone().square().sum()) < 1e-6);
    let scaled = scale(&theta, 0.3).unwrap();
    assert!(error(scaled, theta.clone() * 0.3) < 1e-6);
    let average = moving_average(&theta, &g, 0.99).unwrap();
    assert!(error(average, theta * 0.99 + g * 0.01) < 1e-6);
}

#[test]
fn voxel_statistics_and_their_gradients_equal_the_composition() {
    let device = Device::flex().autodiff();
    // One voxel, blocks cut at the end, several tasks; labels of no class (4) and ignored labels (-1).
    for (batch, classes, voxels) in [(1, 1, 1), (2, 2, 513), (3, 5, 700), (2, 3, 20_000)] {
        let x = random([batch, classes, voxels], &device).require_grad();
        let labels: Vec<i32> = (0..batch * voxels)
            .map(|i| (i * 7 % 6) as i32 - 1)
            .collect();
        let labels = TensorData::new(labels, [batch, 1, voxels]);
        let labels = Tensor::<3, Int>::from_data(labels, &device);
        for ignored in [None, Some(-1), Some(0)] {
            let [sums, counts] = voxel_statistics(&x, &labels, ignored).unwrap();
            let all = crate::voxel_statistics::composition(x.clone(), labels.clone(), ignored);
            let wanted = Tensor::cat(vec![all.cross_entropy, all.intersection, all.squares], 0);
            let pull = random(sums.dims(), &device).inner().autodiff();
            let gradient = |sums: Tensor<1>| {
                let grads = (sums * pull.clone()).sum().backward();
                x.grad(&grads).unwrap()
            };
            let case = format!("{batch} {classes} {voxels} {ignored:?}");
            let slopes = [sums.clone(), wanted.clone()].map(gradient);
            let [found, expected] = slopes;
            assert!(error(found, expected) < 1e-5, "{case}: gradients");
            assert!(error(sums, wanted) < 1e-5, "{case}: sums");
            let expected = Tensor::cat(vec![all.counted, all.labeled], 0);
            assert!(error(counts, expected) == 0.0, "{case}: counts");
        }
    }
}
