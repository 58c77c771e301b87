//! The speed limits of this machine: fused multiply-adds and copies.

use super::memory::PART;
use super::simd::{Kernel, Level, Simd};
use crate::profile::{Pass, Peak};
use rayon::prelude::*;
use std::time::Instant;

/// Repetitions, of which the fastest counts.
const REPETITIONS: usize = 7;
/// Multiply-adds of a register per task.
const ROUNDS: usize = 4_000_000;
/// Registers in turn: enough to hide the latency, and fewer than any instruction set has.
const REGISTERS: usize = 12;
/// Floats of a copy.
const COPY: usize = 32 * 1024 * 1024;

/// Measures the limits.
pub(crate) fn peak() -> Peak {
    let (level, threads) = (Level::current(), rayon::current_num_threads());
    let compute = || {
        // SAFETY: `MultiplyAdd::run` requires nothing but enabled instructions.
        let sums = (0..threads)
            .into_par_iter()
            .map(|_| unsafe { level.run(MultiplyAdd) });
        std::hint::black_box(sums.sum::<f32>());
    };
    // Not from the pool, whose size they would change.
    let (from, mut to) = (vec![1.0f32; COPY], vec![0.0; COPY]);
    let mut copy = || {
        let parts = to.par_chunks_mut(PART).zip(from.par_chunks(PART));
        parts.for_each(|(to, from)| to.copy_from_slice(from));
    };
    let flop = threads * 2 * ROUNDS * REGISTERS * level.lanes();
    Peak {
        threads,
        flop_per_second: flop as f64 / fastest(compute),
        bytes_per_second: (2 * COPY * size_of::<f32>()) as f64 / fastest(&mut copy),
    }
}

/// The shortest time of [`REPETITIONS`] in seconds.
fn fastest(mut run: impl FnMut()) -> f64 {
    let times = (0..REPETITIONS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

/// Multiply-adds that depend on one another only within a register.
struct MultiplyAdd;

impl Kernel for MultiplyAdd {
    type Output = f32;
    const PASS: Pass = Pass::Multiply;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe {
            let (factor, term) = (S::splat(0.5), S::splat(std::hint::black_box(1.0)));
            let mut sums = [S::splat(0.0); REGISTERS];
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = S::splat(std::hint::black_box(i as f32));
            }
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = S::fma(factor, *sum, term);
                }
            }
            let mut total = 0.0;
            for sum in sums {
                total += S::sum(sum);
            }
            total
        }
    }
}
