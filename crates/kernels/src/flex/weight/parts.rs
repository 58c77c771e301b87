//! Division of the weight's gradient into fixed parts.

use crate::flex::grid::{Grid, Runs};
use std::ops::Range;

/// Input channels per task: with a block of output channels, their sums fit in the L2 cache.
const INPUTS: usize = 16;
/// Positions per batch: with eight channels of gradient they fit in the L1 cache.
const POSITIONS: usize = 512;
/// Number of tasks, if there are enough positions.
const PARTS: usize = 64;

/// Consecutive positions of the padded volumes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Index of the sample.
    pub(super) sample: usize,
    /// First position in a padded channel, counted from the first voxel.
    pub(super) at: usize,
    /// Number of positions.
    pub(super) len: usize,
}

/// A block of output channels, a range of input channels and a range of batches.
pub(super) struct Part {
    /// First output channel.
    pub(super) output: usize,
    /// Number of output channels: 1, 2, 4 or 8.
    pub(super) width: usize,
    /// Input channels.
    pub(super) inputs: Range<usize>,
    /// Batches of positions.
    pub(super) batches: Range<usize>,
}

/// All positions in batches of about [`POSITIONS`].
pub(super) fn batches(grid: Grid, lanes: usize) -> Vec<Vec<Piece>> {
    let runs = Runs::new(grid, lanes, 1.1);
    let per_batch = POSITIONS / lanes;
    let mut batches: Vec<Vec<Piece>> = Vec::new();
    for index in 0..runs.count() {
        if index % per_batch == 0 {
            batches.push(Vec::new());
        }
        let span = runs.span(index);
        let at = span.depth * grid.plane() + span.start;
        let pieces = batches.last_mut().expect("the first index opens a batch");
        match pieces.last_mut() {
            Some(last) if last.sample == span.sample && last.at + last.len == at => {
                last.len += span.len;
            }
            _ => pieces.push(Piece {
                sample: span.sample,
                at,
                len: span.len,
            }),
        }
    }
    batches
}

/// Divides the work on these channels and `count` batches of positions into fixed parts.
pub(super) fn parts([inputs, outputs]: [usize; 2], count: usize, widest: usize) -> Vec<Part> {
    let pairs = outputs.div_ceil(widest) * inputs.div_ceil(INPUTS);
    let cuts = PARTS.div_ceil(pairs).min(count);
    let mut parts = Vec::new();
    for cut in 0..cuts {
        let batches = cut * count / cuts..(cut + 1) * count / cuts;
        for first in (0..inputs).step_by(INPUTS) {
            let mut output = 0;
            while output < outputs {
                let width = 1 << widest.min(outputs - output).ilog2();
                parts.push(Part {
                    output,
                    width,
                    inputs: first..inputs.min(first + INPUTS),
                    batches: batches.clone(),
                });
                output += width;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The farthest element that any piece of any batch reads at any tap is the last of its channel.
    #[test]
    fn pieces_end_with_their_channel() {
        for size in [[1, 1, 1], [2, 3, 5], [3, 2, 16], [1, 4, 17]] {
            for kernel in [[1, 1, 1], [3, 1, 1], [1, 3, 3], [3, 3, 3]] {
                let grid = Grid::new(2, size, kernel);
                for lanes in [4, 8, 16] {
                    let pieces = batches(grid, lanes).into_iter().flatten();
                    let ends = pieces.map(|piece| piece.at + piece.len + 2 * grid.center());
                    assert_eq!(
                        ends.max(),
                        Some(grid.channel()),
                        "{size:?} {kernel:?} {lanes}"
                    );
                }
            }
        }
    }
}
