//! Direct convolution with register tiles of output channels by output positions.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

mod tile;

use super::epilogue::Epilogue;
use super::grid::{Grid, Runs, Span};
use super::memory::{Buffer, Target, filled};
use super::packed::{Block, Packed};
use super::simd::{Kernel, Level, Simd};
use crate::profile::Pass;
use rayon::prelude::*;
use std::ops::Range;
use tile::tile;

/// Registers of positions per tile.
const WIDE: usize = 3;

/// A convolution, shared by its tasks.
struct Job<'a> {
    grid: Grid,
    runs: Runs,
    input: &'a [f32],
    weights: &'a Packed,
    offsets: Vec<usize>,
    epilogue: Epilogue<'a>,
    out: Target,
}

/// Convolves a padded volume; returns `[batch, out, depth, height, width]`.
pub(crate) fn convolve(
    level: Level,
    grid: Grid,
    input: &Buffer,
    weights: &Packed,
    epilogue: Epilogue,
) -> Buffer {
    let outputs = weights.outputs();
    assert!(
        epilogue.fits(outputs),
        "the bias must have one value per output channel"
    );
    assert_eq!(
        weights.taps,
        grid.taps(),
        "the weights must have the taps of the kernel"
    );
    let runs = Runs::new(grid, level.lanes(), 1.0);
    let last = (grid.batch * weights.inputs - 1) * grid.channel();
    assert!(
        input.len() >= last + runs.reach(),
        "the padded input must have slack after its last channel"
    );
    let compute = |out: Target| {
        let job = Job {
            grid,
            runs,
            input,
            weights,
            offsets: grid.offsets(),
            epilogue,
            out,
        };
        let groups = weights.groups();
        let chunk = chunk_of(runs.count(), groups.len());
        let chunks = runs.count().div_ceil(chunk);
        (0..groups.len() * chunks).into_par_iter().for_each(|task| {
            let (group, part) = (groups[task / chunks], task % chunks);
            let range = part * chunk..runs.count().min((part + 1) * chunk);
            let job = &job;
            // SAFETY: the assertions above cover every read of the input and of the weights. `out` has the grid's
            // voxels of all output channels, as `filled` makes it below, and tasks differ in their group of channels
            // or in their range of registers, which do not overlap.
            unsafe { level.run(Task { job, group, range }) }
        });
    };
    filled(grid.batch * outputs * grid.voxels(), compute)
}

/// Registers per task: enough tasks to balance the threads, but not too many to schedule.
fn chunk_of(count: usize, groups: usize) -> usize {
    let tasks = (8 * rayon::current_num_threads()).div_ceil(groups);
    count.div_ceil(tasks).next_multiple_of(WIDE)
}

/// [`task`] for any instruction set.
struct Task<'a> {
    job: &'a Job<'a>,
    group: &'a [Block],
    range: Range<usize>,
}

impl Kernel for Task<'_> {
    type Output = ();
    const PASS: Pass = Pass::Direct;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: `convolve`, which makes all tasks, asserts the length of the input and the taps of the weights and
        // gives each task channels and positions of its own; the caller of `run` enables the instructions.
        unsafe { task::<S>(self.job, self.group, self.range) }
    }
}

/// Computes a group of output channels over a range of registers.
///
/// # Safety
///
/// The instructions of `S` must be enabled, `job.input` must hold the padded volume and [`Runs::reach`] elements from
/// the start of its last channel, `job.weights` must have the taps of `job.grid`, `job.out` must have its voxels of
/// all output channels, and no one else may write the same channels and positions of it.
#[inline(always)]
unsafe fn task<S: Simd>(job: &Job, group: &[Block], range: Range<usize>) {
    let mut index = range.start;
    while index < range.end {
        let left = range.end - index;
        // SAFETY: the registers `index..index + N` lie in this task's range, as `N` is at most `left`.
        unsafe {
            match left {
                1 => strip::<S, 1>(job, group, index),
                2 | 4 => strip::<S, 2>(job, group, index),
                _ => strip::<S, WIDE>(job, group, index),
            }
        }
        index += if left == 4 { 2 } else { left.min(WIDE) };
    }
}

/// Computes all blocks of a group over `N` registers of positions.
///
/// # Safety
///
/// As for [`task`].
#[inline(always)]
unsafe fn strip<S: Simd, const N: usize>(job: &Job, group: &[Block], index: usize) {
    let mut spans = [Span::default(); N];
    let mut from = [job.input.as_ptr(); N];
    for v in 0..N {
        let span = job.runs.span(index + v);
        let sample = span.sample * job.weights.inputs * job.grid.channel();
        from[v] = from[v].wrapping_add(sample + span.depth * job.grid.plane() + span.start);
        spans[v] = span;
    }
    for &block in group {
        // SAFETY: the block belongs to this task's group and is `C` channels wide; `from` are its registers'
        // positions in the first input channel.
        unsafe {
            match block.width {
                8 => tile::<S, 8, N>(job, block, &spans, from),
                4 => tile::<S, 4, N>(job, block, &spans, from),
                2 => tile::<S, 2, N>(job, block, &spans, from),
                _ => tile::<S, 1, N>(job, block, &spans, from),
            }
        }
    }
}
