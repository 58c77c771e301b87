//! Times the 3×3×3 convolution against Burn's own on the CPU.
//!
//! `cargo run --release -p semivox-kernels --example conv_timing` prints, for the layers of a small
//! V-Net, milliseconds and GFLOP/s of the forward pass and of the backward pass (input and weight).
//! A number times that layer alone. `SEMIVOX_SIMD=portable|avx2|avx512` selects the instructions, `RAYON_NUM_THREADS` the threads.

use burn::prelude::*;
use burn::tensor::Distribution;
use burn::tensor::module::conv3d as burn_conv3d;
use burn::tensor::ops::ConvOptions;
use semivox_kernels::conv3d;
use std::time::Instant;

/// `[batch, in, out]` and size.
const LAYERS: [([usize; 3], [usize; 3]); 12] = [
    ([4, 1, 8], [64, 64, 32]),
    ([4, 8, 8], [64, 64, 32]),
    ([4, 16, 16], [32, 32, 16]),
    ([4, 32, 32], [16, 16, 8]),
    ([4, 64, 64], [8, 8, 4]),
    ([4, 128, 128], [4, 4, 2]),
    ([4, 128, 128], [32, 32, 16]),
    ([1, 16, 16], [112, 112, 80]),
    ([1, 32, 32], [56, 56, 40]),
    ([1, 64, 64], [28, 28, 20]),
    ([1, 128, 128], [14, 14, 10]),
    ([1, 256, 256], [7, 7, 5]),
];

fn main() {
    let plain = std::env::args().any(|argument| argument == "--plain");
    let only: Option<usize> = std::env::args().find_map(|argument| argument.parse().ok());
    println!("batch in out, size: forward ms (GFLOP/s), backward ms (GFLOP/s)");
    for (i, (channels, size)) in LAYERS.into_iter().enumerate() {
        if only.is_some_and(|only| only != i) {
            continue;
        }
        time("ours", channels, size, |x, w| conv3d(x, w, None));
        if plain {
            let options = || ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
            time("Burn", channels, size, |x, w| {
                burn_conv3d(x, w, None, options())
            });
        }
    }
}

/// Prints the best of several runs.
fn time(
    name: &str,
    channels: [usize; 3],
    [d, h, w]: [usize; 3],
    conv: impl Fn(Tensor<5>, Tensor<5>) -> Tensor<5>,
) {
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 5]| {
        Tensor::<5>::random(shape, Distribution::Default, &device).require_grad()
    };
    let [batch, inputs, outputs] = channels;
    let (x, weight) = (
        random([batch, inputs, d, h, w]),
        random([outputs, inputs, 3, 3, 3]),
    );
    let flop = 54.0 * (batch * inputs * outputs * d * h * w) as f64;
    let repeat = (1e11 / flop).clamp(5.0, 50.0) as usize;
    let (mut forward, mut backward) = (f64::MAX, f64::MAX);
    for _ in 0..repeat {
        let start = Instant::now();
        let output = conv(x.clone(), weight.clone());
        forward = forward.min(start.elapsed().as_secs_f64());
        // The clock includes making the incoming gradient, a volume of ones.
        let start = Instant::now();
        let gradients = output.backward();
        backward = backward.min(start.elapsed().as_secs_f64());
        assert!(weight.grad(&gradients).is_some());
    }
    let rate = |flop: f64, seconds: f64| flop / seconds / 1e9;
    println!(
        "{name} {channels:?} {:?}: {:.2} ms ({:.0}), {:.2} ms ({:.0})",
        [d, h, w],
        1e3 * forward,
        rate(flop, forward),
        1e3 * backward,
        rate(2.0 * flop, backward)
    );
}
