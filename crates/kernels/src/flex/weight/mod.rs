//! The weight's gradient: for each pair of channels and each tap, the dot product of the output's
//! gradient with the input shifted by the tap.
//!
//! Positions are in the lanes, and the sums of one tile (output channels by taps) in registers. A tile runs
//! over a batch of positions that fits in the L1 cache, then adds its registers to a buffer; this keeps
//! single-precision sums short. The work is divided into fixed parts whose results are added in order,
//! which makes the gradient independent of the number of threads.

mod bias;
mod parts;
mod tile;

use super::grid::Grid;
use super::memory::Buffer;
use super::simd::{Kernel, Level, Simd};
use crate::profile::Pass;
pub(crate) use bias::bias;
use parts::{Part, Piece, batches, parts};
use rayon::prelude::*;
use tile::add_tile;

/// Taps per register tile.
const TAPS: usize = 3;

/// A gradient computation, shared by its tasks.
struct Job<'a> {
    grid: Grid,
    channels: [usize; 2],
    input: &'a [f32],
    gradient: &'a [f32],
    offsets: Vec<usize>,
    batches: Vec<Vec<Piece>>,
}

/// Computes the gradient `[out, in, taps]` from the padded input and the padded gradient of the output.
pub(crate) fn gradient(
    level: Level,
    grid: Grid,
    [inputs, outputs]: [usize; 2],
    input: &Buffer,
    gradient: &Buffer,
) -> Buffer {
    // No slack is needed: a last partial register is loaded under a mask.
    let holds = |buffer: &Buffer, channels| buffer.len() >= grid.batch * channels * grid.channel();
    assert!(
        holds(input, inputs) && holds(gradient, outputs),
        "input and gradient must be padded volumes of the grid"
    );
    let job = Job {
        grid,
        channels: [inputs, outputs],
        input,
        gradient,
        offsets: grid.offsets(),
        batches: batches(grid, level.lanes()),
    };
    let parts = parts(job.channels, job.batches.len(), level.channels());
    let run_part = |part: &Part| {
        // SAFETY: the assertion above has checked the buffers for the job's grid and channels.
        unsafe { level.run(PartSums { job: &job, part }) }
    };
    let sums: Vec<Vec<f32>> = parts.par_iter().map(run_part).collect();
    let mut total = Buffer::take(outputs * inputs * grid.taps());
    let weight = total.as_mut();
    weight.fill(0.0);
    for (part, sums) in parts.iter().zip(&sums) {
        let row = part.inputs.len() * grid.taps();
        for (c, sums) in sums.chunks_exact(row).enumerate() {
            let at = ((part.output + c) * inputs + part.inputs.start) * grid.taps();
            for (total, sum) in weight[at..at + row].iter_mut().zip(sums) {
                *total += sum;
            }
        }
    }
    total
}

/// [`part_sums`] for any instruction set.
struct PartSums<'a> {
    job: &'a Job<'a>,
    part: &'a Part,
}

impl Kernel for PartSums<'_> {
    type Output = Vec<f32>;
    const PASS: Pass = Pass::DirectWeight;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Vec<f32> {
        // SAFETY: `gradient`, which makes all jobs, asserts the lengths of the buffers; the caller of `run` enables the
        // instructions.
        unsafe { part_sums::<S>(self.job, self.part) }
    }
}

/// The sums `[channel of the block, input, tap]` of one part.
///
/// # Safety
///
/// The instructions of `S` must be enabled, and the job's buffers must hold the grid's padded
/// channels.
#[inline(always)]
unsafe fn part_sums<S: Simd>(job: &Job, part: &Part) -> Vec<f32> {
    let sums = part.width * part.inputs.len() * job.grid.taps();
    let mut lanes = vec![0.0; sums * S::LANES];
    for batch in &job.batches[part.batches.clone()] {
        // SAFETY: `parts` makes widths of 1, 2, 4 and 8 only, and `lanes` has a register for each of the part's sums;
        // the rest is this function's own contract.
        unsafe {
            match part.width {
                8 => add_batch::<S, 8>(job, part, batch, &mut lanes),
                4 => add_batch::<S, 4>(job, part, batch, &mut lanes),
                2 => add_batch::<S, 2>(job, part, batch, &mut lanes),
                _ => add_batch::<S, 1>(job, part, batch, &mut lanes),
            }
        }
    }
    let total = |lanes: &[f32]| lanes.iter().sum();
    lanes.chunks_exact(S::LANES).map(total).collect()
}

/// Adds one batch of positions for `C` output channels, all inputs of the part and all taps.
///
/// # Safety
///
/// As for [`part_sums`]; the part must be `C` channels wide, and `lanes` must have a register for each of its sums.
#[inline(always)]
unsafe fn add_batch<S: Simd, const C: usize>(
    job: &Job,
    part: &Part,
    batch: &[Piece],
    lanes: &mut [f32],
) {
    let taps = job.grid.taps();
    for i in part.inputs.clone() {
        let mut tap = 0;
        while tap < taps {
            let at = ((i - part.inputs.start) * taps + tap) * S::LANES;
            let sums = lanes[at..].as_mut_ptr();
            // SAFETY: `sums` has `T` registers from this tap on, as `T` is at most `taps - tap`, and the other
            // channels' a row further each.
            unsafe {
                match taps - tap {
                    1 => add_tile::<S, C, 1>(job, part, batch, [i, tap], sums),
                    2 | 4 => add_tile::<S, C, 2>(job, part, batch, [i, tap], sums),
                    _ => add_tile::<S, C, TAPS>(job, part, batch, [i, tap], sums),
                }
            }
            tap += match taps - tap {
                4 => 2,
                left => left.min(TAPS),
            };
        }
    }
}
