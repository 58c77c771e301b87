//! The compositions against plain loops and Burn's operators: values, gradients and memory.
#![allow(clippy::unwrap_used)]

use super::{Windows, bounded, windows};
use burn::prelude::*;
use burn::tensor::Distribution;
use burn::tensor::module::{conv_transpose3d, conv3d as burn_conv3d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.3, 1.0), device).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Asserts equal outputs and equal gradients of `inputs`, for a wave as the output's gradient.
fn assert_equal(inputs: [&Tensor<5>; 2], found: Tensor<5>, wanted: Tensor<5>, case: &str) {
    let count = wanted.shape().num_elements() as i64;
    let ramp = Tensor::<1, Int>::arange(0..count, &wanted.device()).float();
    let pull = (ramp * 0.7).sin().reshape(wanted.dims());
    let gradients = |output: &Tensor<5>| {
        let grads = (output.clone() * pull.clone()).sum().backward();
        inputs.map(|input| input.grad(&grads).unwrap())
    };
    let ([fx, fw], [wx, ww]) = (gradients(&found), gradients(&wanted));
    for (part, found, wanted) in [
        ("output", found, wanted),
        ("input", fx, wx),
        ("weight", fw, ww),
    ] {
        assert_eq!(found.dims(), wanted.dims(), "{case} {part}");
        let scale = wanted.clone().abs().max().into_scalar::<f32>();
        let worst = (found - wanted).abs().max().into_scalar::<f32>();
        assert!(
            worst <= 2e-5 * scale.max(1e-3),
            "{case} {part}: {worst} of {scale}"
        );
    }
}

/// `[batch, in, out]`, size, kernel: one chunk and many, cut in samples and in slices, images.
const CONVOLUTIONS: [([usize; 3], [usize; 3], [usize; 3]); 12] = [
    ([1, 1, 1], [1, 1, 1], [3, 3, 3]),
    ([1, 2, 3], [1, 5, 4], [3, 3, 3]),
    ([2, 3, 5], [4, 7, 6], [3, 3, 3]),
    ([1, 4, 4], [40, 5, 6], [3, 3, 3]),
    ([3, 8, 8], [30, 4, 5], [3, 3, 3]),
    ([24, 4, 4], [3, 5, 4], [3, 3, 3]),
    ([1, 1, 16], [12, 8, 8], [3, 3, 3]),
    ([1, 16, 1], [12, 8, 8], [3, 3, 3]),
    ([2, 3, 4], [1, 33, 9], [1, 3, 3]),
    ([2, 3, 4], [5, 6, 7], [1, 3, 3]),
    ([1, 2, 2], [6, 7, 8], [5, 1, 3]),
    ([1, 2, 3], [1, 6, 7], [3, 3, 1]),
];

#[test]
fn bounded_convolutions_equal_burns_with_their_gradients() {
    let device = Device::flex().autodiff();
    device.seed(3);
    for ([batch, inputs, outputs], [d, h, w], kernel) in CONVOLUTIONS {
        let [kd, kh, kw] = kernel;
        let x = random([batch, inputs, d, h, w], &device);
        let weight = random([outputs, inputs, kd, kh, kw], &device);
        let options = ConvOptions::new([1; 3], kernel.map(|k| k / 2), [1; 3], 1);
        let wanted = burn_conv3d(x.clone(), weight.clone(), None, options);
        let found = bounded(x.clone(), weight.clone());
        let case = format!("{batch} × {inputs} → {outputs}, {d}×{h}×{w}, {kernel:?}");
        assert_equal([&x, &weight], found, wanted, &case);
    }
}

#[test]
fn a_bounded_convolution_equals_plain_loops() {
    let device = Device::flex();
    let (side, [inputs, outputs]) = ([4, 3, 5], [2, 3]);
    let [d, h, w] = side;
    let x = Tensor::<5>::random([1, inputs, d, h, w], Distribution::Default, &device);
    let weight = Tensor::<5>::random([outputs, inputs, 3, 3, 3], Distribution::Default, &device);
    let found = values(bounded(x.clone(), weight.clone()));
    let (x, weight) = (values(x), values(weight));
    let mut at = 0;
    for o in 0..outputs {
        for p in 0..d * h * w {
            let position = [p / (h * w), p / w % h, p % w];
            let mut sum = 0.0;
            for i in 0..inputs {
                for q in 0..27 {
                    let tap = [q / 9, q / 3 % 3, q % 3];
                    let read: [usize; 3] = std::array::from_fn(|a| position[a] + tap[a]);
                    if (0..3).all(|a| (1..=side[a]).contains(&read[a])) {
                        let voxel = ((i * d + read[0] - 1) * h + read[1] - 1) * w + read[2] - 1;
                        sum += x[voxel] * weight[(o * inputs + i) * 27 + q];
                    }
                }
            }
            assert!((found[at] - sum).abs() < 1e-5, "{o} {position:?}");
            at += 1;
        }
    }
}

#[test]
fn window_convolutions_equal_burns_with_their_gradients() {
    let device = Device::flex().autodiff();
    device.seed(4);
    for ([batch, inputs, outputs], [d, h, w], kernel) in [
        ([1, 1, 1], [1, 1, 1], [1, 1, 1]),
        ([2, 3, 4], [4, 6, 8], [2, 2, 2]),
        ([2, 2, 3], [6, 4, 9], [3, 1, 3]),
        ([3, 4, 2], [1, 6, 10], [1, 2, 2]),
        // The last voxels are in no window.
        ([2, 2, 3], [5, 7, 9], [2, 2, 2]),
    ] {
        let [kd, kh, kw] = kernel;
        let x = random([batch, inputs, d, h, w], &device);
        let weight = random([outputs, inputs, kd, kh, kw], &device);
        let options = ConvOptions::new(kernel, [0; 3], [1; 3], 1);
        let wanted = burn_conv3d(x.clone(), weight.clone(), None, options);
        let down = Windows::down(x.dims(), weight.dims());
        let case = format!("down {batch} × {inputs} → {outputs}, {d}×{h}×{w}, {kernel:?}");
        assert_equal(
            [&x, &weight],
            windows(down, x.clone(), weight.clone()),
            wanted,
            &case,
        );

        let weight = random([inputs, outputs, kd, kh, kw], &device);
        let options = ConvTransposeOptions::new(kernel, [0; 3], [0; 3], [1; 3], 1);
        let wanted = conv_transpose3d(x.clone(), weight.clone(), None, options);
        let up = Windows::up(x.dims(), weight.dims());
        let case = case.replace("down", "up");
        assert_equal(
            [&x, &weight],
            windows(up, x.clone(), weight.clone()),
            wanted,
            &case,
        );
    }
}

/// With gradient checkpointing Burn differentiates the same operators.
#[test]
fn checkpointed_gradients_are_the_same() {
    let gradients = |device: Device| {
        let input = Tensor::<1, Int>::arange(0..2 * 4 * 4 * 6, &device).float();
        let input = (input * 0.37).sin().reshape([1, 2, 4, 4, 6]).require_grad();
        let weight = Tensor::<1, Int>::arange(0..3 * 2 * 27, &device).float();
        let weight = (weight * 0.53)
            .cos()
            .reshape([3, 2, 3, 3, 3])
            .require_grad();
        let down = weight
            .clone()
            .narrow(2, 0, 2)
            .narrow(3, 0, 2)
            .narrow(4, 0, 2);
        let same = bounded(input.clone(), weight.clone()).square().sum();
        let form = Windows::down(input.dims(), down.dims());
        let less = windows(form, input.clone(), down).square().sum();
        let grads = (same + less).backward();
        [input.grad(&grads), weight.grad(&grads)].map(|gradient| values(gradient.unwrap()))
    };
    let plain = gradients(Device::flex().autodiff());
    let checkpointed = gradients(Device::flex().autodiff().gradient_checkpointing());
    for (a, b) in plain.iter().flatten().zip(checkpointed.iter().flatten()) {
        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} {b}");
    }
}
