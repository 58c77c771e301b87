//! One register tile of the direct convolution.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

use super::Job;
use crate::flex::grid::Span;
use crate::flex::packed::Block;
use crate::flex::simd::Simd;
use std::mem::MaybeUninit;

/// Accumulates `C` channels by `N` registers over all inputs and taps, then writes them.
///
/// # Safety
///
/// As for [`task`](super::task).
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const C: usize, const N: usize>(
    job: &Job,
    block: Block,
    spans: &[Span; N],
    mut from: [*const f32; N],
) {
    let channel = job.grid.channel();
    let mut weight = job.weights.data[block.at..].as_ptr();
    // SAFETY: a register at a span's position plus a tap's offset ends within the reach of its channel, which the
    // buffer holds even for the last one, and the packed weights hold `inputs * taps * C` values from the block's
    // start.
    unsafe {
        let mut sums = [[S::splat(0.0); N]; C];
        for _ in 0..job.weights.inputs {
            for &offset in &job.offsets {
                let mut x = [S::splat(0.0); N];
                for v in 0..N {
                    x[v] = S::load(from[v].wrapping_add(offset));
                }
                for c in 0..C {
                    let w = S::splat(*weight.wrapping_add(c));
                    for v in 0..N {
                        sums[c][v] = S::fma(w, x[v], sums[c][v]);
                    }
                }
                weight = weight.wrapping_add(C);
            }
            for pointer in &mut from {
                *pointer = pointer.wrapping_add(channel);
            }
        }
        // Written through memory: indexing the sums at run time would keep them out of registers.
        let mut lanes = [[[MaybeUninit::<f32>::uninit(); 16]; N]; C];
        for c in 0..C {
            let epilogue = job.epilogue.channel(block.first + c);
            for v in 0..N {
                let value = epilogue.of_register::<S>(sums[c][v]);
                S::store(lanes[c][v].as_mut_ptr().cast(), value);
            }
        }
        write::<S, C, N>(job, block, spans, &lanes);
    }
}

/// Writes the voxels of a tile without the padding.
///
/// # Safety
///
/// As for [`task`](super::task); the first lanes of each register's sixteen must be initialized.
#[inline(always)]
unsafe fn write<S: Simd, const C: usize, const N: usize>(
    job: &Job,
    block: Block,
    spans: &[Span; N],
    lanes: &[[[MaybeUninit<f32>; 16]; N]; C],
) {
    let voxels = job.grid.voxels();
    for (v, span) in spans.iter().enumerate() {
        let first = (span.sample * job.weights.outputs() + block.first) * voxels;
        job.runs.parts(*span, |lane, voxel, count| {
            for (c, lanes) in lanes.iter().enumerate() {
                let to = job.out.at(first + c * voxels + voxel);
                // SAFETY: `Runs::parts` gives `count` voxels from `voxel` on inside the output channel, and lanes
                // inside the register; the channels and positions are the task's, and the lanes are initialized by
                // this function's contract.
                unsafe {
                    let value = S::load(lanes[v].as_ptr().cast());
                    if count == S::LANES {
                        S::store(to, value);
                    } else {
                        S::store_lanes(to, value, lane, count);
                    }
                }
            }
        });
    }
}
