//! Time of the CPU operators by pass.
//!
//! While it is switched on, every pass of an operator adds its time, summed over threads, and its work to a table.
//! `cargo bench --bench profile` prints it for the training steps of a method.
//!
//! # Examples
//!
//! ```
//! use burn::prelude::*;
//! use semivox_kernels::{conv3d, profile};
//!
//! let device = Device::flex();
//! let (input, weight) = (Tensor::<5>::ones([1, 8, 8, 8, 8], &device), Tensor::ones([8, 8, 3, 3, 3], &device));
//! profile::start();
//! let output = conv3d(input, weight, None);
//! let passes = profile::stop();
//! assert!(passes.iter().any(|work| work.pass == profile::Pass::Multiply && work.flop > 0));
//! # drop(output);
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A pass of an operator over its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pass {
    /// Winograd transform of the input or of the output's gradient.
    Transform,
    /// Winograd transform of the weight.
    TransformWeight,
    /// Products of a weight matrix and a panel, for outputs and the input's gradient.
    Multiply,
    /// Inverse Winograd transform of outputs and of the input's gradient.
    Inverse,
    /// Dot products of two panels, for the weight's gradient.
    Correlate,
    /// Inverse Winograd transform of the weight's gradient.
    InverseWeight,
    /// Copies of the voxels of windows to panels.
    GatherWindows,
    /// Copies of panels to volumes.
    ScatterWindows,
    /// Gradient of a bias.
    Bias,
    /// Mean and variance of batch norm.
    NormStatistics,
    /// Output of batch norm and ReLU.
    Norm,
    /// Gradients of batch norm's parameters.
    NormSums,
    /// Input gradient of batch norm and ReLU.
    NormGradient,
    /// Max pooling.
    MaxPool,
    /// Input gradient of max pooling.
    MaxPoolGradient,
}

impl Pass {
    /// All passes.
    pub const ALL: &'static [Self] = &[
        Self::Transform,
        Self::TransformWeight,
        Self::Multiply,
        Self::Inverse,
        Self::Correlate,
        Self::InverseWeight,
        Self::GatherWindows,
        Self::ScatterWindows,
        Self::Bias,
        Self::NormStatistics,
        Self::Norm,
        Self::NormSums,
        Self::NormGradient,
        Self::MaxPool,
        Self::MaxPoolGradient,
    ];

    /// A few words for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transform => "Winograd: transform",
            Self::TransformWeight => "Winograd: transform of weights",
            Self::Multiply => "products of weights and panels",
            Self::Inverse => "Winograd: inverse transform",
            Self::Correlate => "weight gradient: dot products",
            Self::InverseWeight => "weight gradient: inverse transform",
            Self::GatherWindows => "windows to panels",
            Self::ScatterWindows => "panels to windows",
            Self::Bias => "bias gradient",
            Self::NormStatistics => "batch norm: statistics",
            Self::Norm => "batch norm and ReLU",
            Self::NormSums => "batch norm: parameter gradients",
            Self::NormGradient => "batch norm and ReLU: input gradient",
            Self::MaxPool => "max pooling",
            Self::MaxPoolGradient => "max pooling: input gradient",
        }
    }
}

/// The work of one pass between [`start`] and [`stop`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Work {
    /// The pass.
    pub pass: Pass,
    /// Number of tasks.
    pub tasks: u64,
    /// Time in seconds, summed over threads.
    pub seconds: f64,
    /// Floating-point operations, multiplications and additions apart; 0 if they are not counted.
    pub flop: u64,
    /// Bytes read and written; 0 if they are not counted.
    pub bytes: u64,
}

const _: () = {
    let mut index = 0;
    while index < Pass::ALL.len() {
        assert!(
            Pass::ALL[index] as usize == index,
            "the table is in the order of the passes"
        );
        index += 1;
    }
};

/// Sums over the tasks of a pass.
struct Sums {
    tasks: AtomicU64,
    nanoseconds: AtomicU64,
    flop: AtomicU64,
    bytes: AtomicU64,
}

static ON: AtomicBool = AtomicBool::new(false);
static TABLE: [Sums; Pass::ALL.len()] = [const {
    Sums {
        tasks: AtomicU64::new(0),
        nanoseconds: AtomicU64::new(0),
        flop: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    }
}; Pass::ALL.len()];

/// Clears the table and begins to add to it, for the whole process.
pub fn start() {
    clear();
    ON.store(true, Relaxed);
}

/// Ends the profile and returns the work of all passes that ran.
pub fn stop() -> Vec<Work> {
    ON.store(false, Relaxed);
    let work = |(&pass, sums): (&Pass, &Sums)| Work {
        pass,
        tasks: sums.tasks.load(Relaxed),
        seconds: sums.nanoseconds.load(Relaxed) as f64 * 1e-9,
        flop: sums.flop.load(Relaxed),
        bytes: sums.bytes.load(Relaxed),
    };
    let all = Pass::ALL.iter().zip(&TABLE).map(work);
    all.filter(|work| work.tasks > 0).collect()
}

fn clear() {
    for sums in &TABLE {
        for sum in [&sums.tasks, &sums.nanoseconds, &sums.flop, &sums.bytes] {
            sum.store(0, Relaxed);
        }
    }
}

/// Runs a task of a pass and adds it to the table if the profile is on; `work` gives operations and bytes.
#[cfg(feature = "flex")]
#[inline(always)]
pub(crate) fn task<T>(pass: Pass, [flop, bytes]: [usize; 2], run: impl FnOnce() -> T) -> T {
    if !ON.load(Relaxed) {
        return run();
    }
    let start = std::time::Instant::now();
    let result = run();
    let sums = &TABLE[pass as usize];
    sums.tasks.fetch_add(1, Relaxed);
    sums.nanoseconds
        .fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
    sums.flop.fetch_add(flop as u64, Relaxed);
    sums.bytes.fetch_add(bytes as u64, Relaxed);
    result
}

/// The speed limits of this machine, with all threads of the pool at work.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Peak {
    /// Threads of the pool.
    pub threads: usize,
    /// Floating-point operations per second of fused multiply-adds on registers.
    pub flop_per_second: f64,
    /// Bytes per second of a copy of 128 MB, read and written bytes together; data in cache is faster.
    pub bytes_per_second: f64,
}

/// Measures [`Peak`] in about a second: the best of several repetitions.
#[cfg(feature = "flex")]
pub fn peak() -> Peak {
    crate::flex::peak()
}
