//! Benchmarks of single V-Net and U-Net operators, forward and backward, on the CPU.
//!
//! ```sh
//! cargo bench -p semivox-kernels --bench operators -- "conv/16"
//! SEMIVOX_SIMD=composition cargo bench -p semivox-kernels --bench operators
//! ```
//!
//! Throughput counts floating-point operations of the direct form as elements: Gelem/s is GFLOP/s.
//! `SEMIVOX_SIMD` selects `avx512`, `avx2`, `portable` or `composition` (Burn's own operators),
//! `RAYON_NUM_THREADS` the number of threads.

use std::time::{Duration, Instant};

use burn::prelude::*;
use burn::tensor::Distribution;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
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

fn operators(criterion: &mut Criterion) {
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
        time(criterion, &name, flop, &x, || {
            conv3d(x.clone(), weight.clone(), None)
        });
    }
    let x = random([1, 16, 112, 112, 80]);
    let (down, head) = (random([32, 16, 2, 2, 2]), random([2, 16, 1, 1, 1]));
    let voxels = 112 * 112 * 80;
    time(criterion, "down/16 to 32", 2 * 16 * 32 * voxels, &x, || {
        down_conv3d(x.clone(), down.clone(), None)
    });
    time(
        criterion,
        "pointwise/16 to 2",
        2 * 16 * 2 * voxels,
        &x,
        || pointwise_conv3d(x.clone(), head.clone(), None),
    );
    let (x, up) = (random([1, 32, 56, 56, 40]), random([32, 16, 2, 2, 2]));
    time(criterion, "up/32 to 16", 2 * 32 * 16 * voxels, &x, || {
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

fn images(criterion: &mut Criterion) {
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
        time(criterion, &name, flop, &x, || {
            conv2d(x.clone(), weight.clone(), None)
        });
    }
}

/// Times an operator, and the gradients of its input and weight.
fn time<const D: usize>(
    criterion: &mut Criterion,
    name: &str,
    flop: usize,
    input: &Tensor<D>,
    operator: impl Fn() -> Tensor<D>,
) {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(flop as u64));
    group.bench_function("forward", |bencher| bencher.iter(&operator));
    group.throughput(Throughput::Elements(2 * flop as u64));
    group.bench_function("backward", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut total = Duration::ZERO;
            for _ in 0..iterations {
                let output = operator();
                // The measured time includes the incoming gradient, a volume of ones.
                let start = Instant::now();
                let gradients = output.backward();
                total += start.elapsed();
                assert!(input.grad(&gradients).is_some());
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, operators, images);
criterion_main!(benches);
