//! Convolutions whose stride is their kernel, downward and upward.

use super::{assert_equal, random};
use crate::flex::operator::{Layer, apply};
use crate::flex::simd::Level;
use crate::flex::windows::Windows;
use burn::prelude::*;
use burn::tensor::module::{conv_transpose3d, conv3d as burn_conv3d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

/// `[batch, in, out]`, size, kernel.
const WINDOWS: [([usize; 3], [usize; 3], [usize; 3]); 8] = [
    ([1, 1, 1], [1, 1, 1], [1, 1, 1]),
    ([2, 3, 9], [4, 5, 33], [1, 1, 1]),
    ([1, 16, 2], [6, 7, 20], [1, 1, 1]),
    ([2, 3, 5], [4, 6, 34], [2, 2, 2]),
    ([3, 8, 17], [6, 4, 2], [2, 2, 2]),
    ([1, 33, 4], [2, 2, 10], [2, 2, 2]),
    ([2, 2, 3], [6, 4, 9], [3, 1, 3]),
    // The last voxels are in no window.
    ([2, 2, 3], [5, 7, 9], [2, 2, 2]),
];

#[test]
fn window_convolutions_and_their_gradients_equal_the_composition() {
    let device = Device::flex().autodiff();
    device.seed(8);
    for level in Level::available() {
        for ([batch, inputs, outputs], size, kernel) in WINDOWS {
            let [kd, kh, kw] = kernel;
            let small: [usize; 3] = std::array::from_fn(|i| size[i] / kernel[i]);
            for upward in [false, true] {
                let [d, h, w] = if upward { small } else { size };
                let channels = if upward {
                    [inputs, outputs]
                } else {
                    [outputs, inputs]
                };
                let x = random([batch, inputs, d, h, w], &device).require_grad();
                let weight = random([channels[0], channels[1], kd, kh, kw], &device).require_grad();
                let bias = random([outputs], &device).require_grad();
                let layer = Layer {
                    input: &x,
                    weight: &weight,
                    bias: Some(&bias),
                };
                let windows = if upward { Windows::up } else { Windows::down };
                let windows = windows(level, layer).unwrap();
                let found = apply(windows, layer).unwrap();
                let (input, matrix, b) = (x.clone(), weight.clone(), Some(bias.clone()));
                let wanted = if upward {
                    let options = ConvTransposeOptions::new(kernel, [0; 3], [0; 3], [1; 3], 1);
                    conv_transpose3d(input, matrix, b, options)
                } else {
                    let options = ConvOptions::new(kernel, [0; 3], [1; 3], 1);
                    burn_conv3d(input, matrix, b, options)
                };
                let case = (level, [batch, inputs, outputs], size, kernel, upward);
                assert_equal([&x, &weight], &bias, found, wanted, &case);
            }
        }
    }
}

/// Otherwise voxels of one image would be read as channels of another.
#[test]
fn windows_of_other_channels_are_left_to_the_composition() {
    let device = Device::flex();
    let level = Level::current();
    let (input, weight) = (
        random([2, 3, 4, 4, 4], &device),
        random([5, 2, 2, 2, 2], &device),
    );
    let [fitting, long] = [3, 6].map(|length| random([length], &device));
    let layer = |input, weight, bias| Layer {
        input,
        weight,
        bias,
    };
    assert!(Windows::down(level, layer(&input, &weight, None)).is_none());
    assert!(Windows::up(level, layer(&input, &weight, None)).is_none());
    let square = random([3, 3, 2, 2, 2], &device);
    for windows in [Windows::down, Windows::up] {
        assert!(windows(level, layer(&input, &square, Some(&fitting))).is_some());
        assert!(windows(level, layer(&input, &square, Some(&long))).is_none());
    }
}
