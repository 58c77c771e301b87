//! Benchmarks of single V-Net and U-Net operators, forward and backward, on the CPU.
//!
//! ```sh
//! cargo bench -p semivox-kernels --bench operators -- "conv/16"
//! SEMIVOX_SIMD=composition cargo bench -p semivox-kernels --bench operators
//! ```
//!
//! Prints the median of eleven repetitions and the rate in floating-point operations of the direct form. An argument
//! selects the operators whose names contain it.
//! `SEMIVOX_SIMD` selects `avx512`, `avx2`, `portable` or `composition` (Burn's own operators),
//! `RAYON_NUM_THREADS` the number of threads.

use std::time::Instant;

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_kernels::{conv2d, conv3d, down_conv3d, pointwise_conv3d, up_conv3d};

/// `[batch, in, out]` and size.
const CONVOLUTIONS: [([usize; 3], [usize; 3]); 10] = [
    ([1, 1, 16], [112, 112, 80]),
    ([1, 16, 16], [112, 112, 80]),
    ([1, 32, 32], [56, 56, 40]),
    ([1, 64, 64], [28, 28, 20]),
    ([1, 128, 128], [14, 14, 10]),
    ([1, 256, 256], [7, 7, 5]),
    ([4, 8, 8], [64, 64, 32]),
    ([4, 16, 16], [32, 32, 16]),
    ([4, 32, 32], [16, 16, 8]),
    ([4, 128, 16], [32, 32, 16]),
];

/// Timed repetitions, odd for a median.
const REPETITIONS: usize = 11;

fn main() {
    let argument = std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench");
    let filter = argument.unwrap_or_default();
    volumes(&filter);
    images(&filter);
}

fn volumes(filter: &str) {
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 5]| {
        Tensor::<5>::random(shape, Distribution::Default, &device).require_grad()
    };
    for ([batch, inputs, outputs], [d, h, w]) in CONVOLUTIONS {
        let (x, weight) = (
            random([batch, inputs, d, h, w]),
            random([outputs, inputs, 3, 3, 3]),
        );
        let name = format!("conv/{inputs} to {outputs}, {batch}×{d}×{h}×{w}");
        let flop = 54 * batch * inputs * outputs * d * h * w;
        time(filter, &name, flop, &x, || {
            conv3d(x.clone(), weight.clone(), None)
        });
    }
    let x = random([1, 16, 112, 112, 80]);
    let (down, head) = (random([32, 16, 2, 2, 2]), random([2, 16, 1, 1, 1]));
    let voxels = 112 * 112 * 80;
    time(filter, "down/16 to 32", 2 * 16 * 32 * voxels, &x, || {
        down_conv3d(x.clone(), down.clone(), None)
    });
    time(filter, "pointwise/16 to 2", 2 * 16 * 2 * voxels, &x, || {
        pointwise_conv3d(x.clone(), head.clone(), None)
    });
    let (x, up) = (random([1, 32, 56, 56, 40]), random([32, 16, 2, 2, 2]));
    time(filter, "up/32 to 16", 2 * 32 * 16 * voxels, &x, || {
        up_conv3d(x.clone(), up.clone(), None)
    });
}

/// `[batch, in, out]` and size of the 3×3 convolutions of a 2D U-Net.
const IMAGES: [([usize; 3], [usize; 2]); 4] = [
    ([8, 16, 16], [256, 256]),
    ([8, 32, 32], [128, 128]),
    ([8, 64, 64], [64, 64]),
    ([8, 256, 256], [16, 16]),
];

fn images(filter: &str) {
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 4]| {
        Tensor::<4>::random(shape, Distribution::Default, &device).require_grad()
    };
    for ([batch, inputs, outputs], [h, w]) in IMAGES {
        let (x, weight) = (
            random([batch, inputs, h, w]),
            random([outputs, inputs, 3, 3]),
        );
        let name = format!("conv2d/{inputs} to {outputs}, {batch}×{h}×{w}");
        let flop = 18 * batch * inputs * outputs * h * w;
        time(filter, &name, flop, &x, || {
            conv2d(x.clone(), weight.clone(), None)
        });
    }
}

/// Prints the median time of an operator and of the gradients of its input and weight.
fn time<const D: usize>(
    filter: &str,
    name: &str,
    flop: usize,
    input: &Tensor<D>,
    operator: impl Fn() -> Tensor<D>,
) {
    if !name.contains(filter) {
        return;
    }
    // The gradients' time includes the incoming gradient, a volume of ones.
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..=REPETITIONS {
        let start = Instant::now();
        let output = operator();
        seconds[0].push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let gradients = output.backward();
        seconds[1].push(start.elapsed().as_secs_f64());
        assert!(input.grad(&gradients).is_some());
    }
    for ((pass, flop), mut seconds) in [("forward", flop), ("backward", 2 * flop)]
        .into_iter()
        .zip(seconds)
    {
        seconds.remove(0); // warms caches and the memory pool
        seconds.sort_by(f64::total_cmp);
        let median = seconds[REPETITIONS / 2];
        let rate = flop as f64 / median / 1e9;
        println!(
            "{name:40} {pass:8} {:9.3} ms {rate:8.1} GFLOP/s",
            1e3 * median
        );
    }
}
