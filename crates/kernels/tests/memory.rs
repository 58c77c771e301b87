//! Memory of the bounded convolution: apart from its inputs and outputs, at most three times the larger of
//! input and output.
//!
//! The program counts its allocations and runs itself again with the environment variable that forces the
//! algorithm on the CPU. Alone in its file, since no other test may allocate at the same time.

#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_kernels::conv3d;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all work is the system allocator's; the counters hold no pointers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the layout has a size, which `GlobalAlloc::alloc` requires of its callers.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `pointer` is one that `alloc` above got from `System` for this layout, which `GlobalAlloc::dealloc`
        // requires of its callers.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The result of `run`, and the peak of allocated memory beyond what is held before and after, in multiples
/// of `unit` bytes.
fn extra<T>(unit: usize, run: impl FnOnce() -> T) -> (T, f64) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let value = run();
    let after = HELD.load(Ordering::Relaxed).max(before);
    let peak = PEAK.load(Ordering::Relaxed);
    (value, (peak - after) as f64 / unit as f64)
}

/// Extra memory of the forward pass and of both gradients, relative to the larger of input and output.
fn extras([batch, channels, d, h, w]: [usize; 5], outputs: usize, kernel: [usize; 3]) -> [f64; 3] {
    let device = Device::flex();
    let normal = Distribution::Normal(0.0, 1.0);
    let [kd, kh, kw] = kernel;
    let x = Tensor::<5>::random([batch, channels, d, h, w], normal, &device);
    let weight = Tensor::<5>::random([outputs, channels, kd, kh, kw], normal, &device);
    let (input, output) = (batch * channels * d * h * w, batch * outputs * d * h * w);
    let unit = input.max(output) * 4;
    let forward = extra(unit, || conv3d(x.clone(), weight.clone(), None)).1;
    let backward = |input: bool| {
        let [x, weight] = [(&x, input), (&weight, !input)].map(|(tensor, tracked)| match tracked {
            true => tensor.clone().autodiff().require_grad(),
            false => tensor.clone().autodiff(),
        });
        let sum = conv3d(x, weight, None).sum();
        // The incoming gradient is created meanwhile and is not part of the convolution's memory.
        extra(unit, || sum.backward()).1 - output as f64 * 4.0 / unit as f64
    };
    [forward, backward(true), backward(false)]
}

/// `[batch, in, depth, height, width]`, out, kernel.
const SHAPES: [([usize; 5], usize, [usize; 3]); 5] = [
    ([1, 8, 32, 32, 32], 8, [3, 3, 3]),
    ([4, 16, 16, 16, 16], 16, [3, 3, 3]),
    ([2, 8, 24, 24, 16], 16, [3, 3, 3]),
    ([1, 1, 32, 32, 32], 16, [3, 3, 3]),
    ([4, 8, 1, 96, 96], 8, [1, 3, 3]),
];

#[test]
fn a_bounded_convolution_takes_three_maps_at_most() {
    if std::env::var_os("SEMIVOX_CONVOLUTION").is_none() {
        let this = std::env::current_exe().unwrap();
        let mut again = Command::new(this);
        let forced = [
            ("SEMIVOX_CONVOLUTION", "bounded"),
            ("SEMIVOX_SIMD", "composition"),
        ];
        let status = again.envs(forced).arg("--nocapture").status().unwrap();
        assert!(status.success(), "with the algorithm forced");
        return;
    }
    for (shape, outputs, kernel) in SHAPES {
        let found = extras(shape, outputs, kernel);
        println!("{shape:?} to {outputs} channels, {kernel:?}: {found:.2?} maps");
        assert!(
            found.iter().all(|&extra| extra <= 3.0),
            "{shape:?} {found:?}"
        );
    }
}
