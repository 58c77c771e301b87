//! Convolutions of stride 1.

use super::{assert_equal, error, random};
use crate::flex::conv::Conv;
use crate::flex::memory::Buffer;
use crate::flex::operator::{Layer, apply};
use crate::flex::simd::Level;
use burn::nn::BatchNormConfig;
use burn::prelude::*;
use burn::tensor::module::{conv2d as burn_conv2d, conv3d as burn_conv3d};
use burn::tensor::ops::ConvOptions;

fn conv3d(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let layer = Layer {
        input,
        weight,
        bias,
    };
    apply(Conv::new(level, layer)?, layer)
}

fn plain_conv(x: Tensor<5>, w: Tensor<5>, b: Option<Tensor<1>>) -> Tensor<5> {
    let [_, _, kd, kh, kw] = w.dims();
    let options = ConvOptions::new([1; 3], [kd / 2, kh / 2, kw / 2], [1; 3], 1);
    burn_conv3d(x, w, b, options)
}

/// `[batch, in, out]`, size, kernel.
const CONVOLUTIONS: [([usize; 3], [usize; 3], [usize; 3]); 28] = [
    ([1, 1, 1], [1, 1, 1], [3, 3, 3]),
    // Whole tiles, tiles cut at every end, blocks of tiles over two samples.
    ([1, 8, 8], [4, 4, 14], [3, 3, 3]),
    ([2, 9, 15], [7, 6, 35], [3, 3, 3]),
    ([2, 17, 4], [12, 11, 16], [3, 3, 3]),
    ([3, 4, 23], [8, 5, 31], [3, 3, 3]),
    ([2, 1, 8], [5, 4, 33], [3, 3, 3]),
    ([2, 3, 5], [4, 7, 16], [3, 3, 3]),
    ([1, 8, 8], [6, 5, 32], [3, 3, 3]),
    ([2, 9, 15], [3, 6, 4], [3, 3, 3]),
    ([4, 16, 17], [4, 4, 2], [3, 3, 3]),
    ([1, 33, 4], [2, 9, 7], [3, 3, 3]),
    ([2, 2, 3], [1, 1, 40], [3, 3, 3]),
    ([2, 2, 3], [9, 1, 1], [3, 3, 3]),
    // Slices in tiles of four rows.
    ([1, 4, 4], [1, 8, 16], [1, 3, 3]),
    ([2, 9, 15], [3, 6, 35], [1, 3, 3]),
    ([3, 4, 23], [1, 5, 31], [1, 3, 3]),
    ([2, 17, 4], [2, 13, 70], [1, 3, 3]),
    // Small maps with many channels, in whole rows of the weight and not.
    ([2, 64, 69], [2, 3, 4], [3, 3, 3]),
    ([3, 48, 96], [1, 4, 5], [1, 3, 3]),
    ([1, 16, 260], [4, 1, 1], [3, 3, 3]),
    ([2, 63, 66], [2, 3, 4], [3, 3, 3]),
    ([2, 5, 6], [3, 4, 5], [1, 1, 1]),
    // Windows around voxels; panels that begin with old contents, kernels larger than the map.
    ([1, 3, 40], [4, 7, 20], [3, 3, 3]),
    ([2, 2, 3], [2, 1, 1], [5, 3, 5]),
    ([1, 2, 3], [6, 7, 8], [5, 5, 5]),
    ([1, 2, 2], [5, 6, 21], [1, 3, 5]),
    ([2, 2, 2], [5, 6, 3], [3, 1, 1]),
    ([1, 2, 2], [5, 6, 3], [1, 3, 1]),
];

/// Leaves buffers of NaN in the pool, so that what is read before it is written shows.
fn poison_the_pool() {
    let buffers: Vec<Buffer> = (0..6).map(|_| Buffer::scratch(512 * 1024)).collect();
    for mut buffer in buffers {
        buffer.as_mut().fill(f32::NAN);
    }
}

#[test]
fn convolution_and_its_gradients_equal_the_composition() {
    let device = Device::flex().autodiff();
    device.seed(7);
    for level in Level::available() {
        for ([batch, inputs, outputs], [d, h, w], [kd, kh, kw]) in CONVOLUTIONS {
            let x = random([batch, inputs, d, h, w], &device).require_grad();
            let weight = random([outputs, inputs, kd, kh, kw], &device).require_grad();
            let bias = random([outputs], &device).require_grad();
            poison_the_pool();
            let found = conv3d(level, &x, &weight, Some(&bias)).unwrap();
            let wanted = plain_conv(x.clone(), weight.clone(), Some(bias.clone()));
            let case = (level, [batch, inputs, outputs], [d, h, w], [kd, kh, kw]);
            assert_equal([&x, &weight], &bias, found, wanted, &case);
        }
    }
}

#[test]
fn convolution_without_autodiff_equals_the_composition() {
    let device = Device::flex();
    for level in Level::available() {
        let x = random([2, 3, 5, 6, 7], &device);
        // A permuted input is converted to row-major order first.
        for x in [x.clone(), x.permute([0, 1, 4, 3, 2])] {
            let weight = random([4, 3, 3, 3, 3], &device);
            let found = conv3d(level, &x, &weight, None).unwrap();
            assert!(error(found, plain_conv(x, weight, None)) < 1e-5);
        }
    }
}

#[test]
fn inputs_without_gradient_are_constants() {
    let device = Device::flex().autodiff();
    let level = Level::current();
    let x = random([1, 2, 3, 4, 5], &device);
    let weight = random([3, 2, 3, 3, 3], &device).require_grad();
    // On the autodiff device but untracked, or not on the autodiff device at all.
    for x in [x.clone(), x.inner()] {
        let grads = conv3d(level, &x, &weight, None).unwrap().sum().backward();
        let found = weight.grad(&grads).unwrap();
        let wanted = plain_conv(x, weight.clone(), None).sum().backward();
        assert!(error(found, weight.grad(&wanted).unwrap()) < 1e-5);
    }
}

/// Volumes and images in tiles, small maps, windows: each with a norm and a window convolution behind it.
#[test]
fn operators_are_the_same_bit_for_bit_from_run_to_run_and_with_any_number_of_threads() {
    let device = Device::flex().autodiff();
    let norm = BatchNormConfig::new(9).init(&device);
    for ([batch, inputs, d, h, w], kernel) in [
        ([2, 9, 8, 9, 10], [3, 3, 3]),
        ([3, 8, 1, 26, 40], [1, 3, 3]),
        ([2, 512, 2, 4, 4], [3, 3, 3]),
        ([2, 3, 6, 6, 6], [3, 3, 3]),
        ([2, 3, 6, 6, 6], [5, 3, 1]),
    ] {
        let [kd, kh, kw] = kernel;
        let x = random([batch, inputs, d, h, w], &device).require_grad();
        let weight = random([9, inputs, kd, kh, kw], &device).require_grad();
        let (head, bias) = (random([4, 9, 1, 2, 2], &device), random([4], &device));
        let (head, bias) = (head.require_grad(), bias.require_grad());
        let run = || {
            let output = crate::conv3d(x.clone(), weight.clone(), None);
            let output = crate::batch_norm_relu(output, &norm);
            let output = crate::down_conv3d(output, head.clone(), Some(bias.clone()));
            let grads = output.clone().powi_scalar(2).sum().backward();
            let of = |t: &Tensor<5>| t.grad(&grads).unwrap().into_data();
            let bias = bias.grad(&grads).unwrap().into_data();
            [
                output.inner().into_data(),
                of(&x),
                of(&weight),
                of(&head),
                bias,
            ]
        };
        let first = run();
        assert_eq!(first, run(), "{kernel:?}");
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let found = pool.build().unwrap().install(run);
            assert_eq!(first, found, "{kernel:?} with {threads} threads");
        }
    }
}

#[test]
fn what_does_not_fit_is_left_to_the_composition() {
    let device = Device::flex();
    let level = Level::current();
    let (x, weight) = (
        random([1, 2, 3, 3, 3], &device),
        random([1, 2, 3, 3, 3], &device),
    );
    let double = |t: &Tensor<5>| t.clone().cast(burn::tensor::FloatDType::F64);
    assert!(conv3d(level, &double(&x), &double(&weight), None).is_none());
    let checkpointed = Device::flex().autodiff().gradient_checkpointing();
    let (x, weight) = (
        random([1, 2, 3, 3, 3], &checkpointed),
        random([1, 2, 3, 3, 3], &checkpointed),
    );
    assert!(conv3d(level, &x, &weight, None).is_none());
}

#[test]
fn an_image_is_a_volume_of_one_slice() {
    let device = Device::flex().autodiff();
    for ([batch, inputs, outputs], [h, w]) in [([2, 3, 5], [7, 33]), ([1, 16, 8], [20, 6])] {
        let x = random([batch, inputs, h, w], &device).require_grad();
        let weight = random([outputs, inputs, 3, 3], &device).require_grad();
        let bias = random([outputs], &device).require_grad();
        let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
        let (image, kernel, b) = (x.clone(), weight.clone(), Some(bias.clone()));
        let wanted = burn_conv2d(image.clone(), kernel.clone(), b.clone(), options);
        let found = crate::conv2d(image, kernel, b);
        let pull = random(found.dims(), &device);
        let pulled = |output: &Tensor<4>| (output.clone() * pull.clone()).sum().backward();
        let (grads, expected) = (pulled(&found), pulled(&wanted));
        assert!(error(found, wanted) < 1e-5);
        for t in [&x, &weight] {
            assert!(error(t.grad(&grads).unwrap(), t.grad(&expected).unwrap()) < 1e-5);
        }
        assert!(error(bias.grad(&grads).unwrap(), bias.grad(&expected).unwrap()) < 1e-5);
    }
}
