//! Passes over blocks of voxels: the sums, and the gradient of the logits.

use crate::flex::memory::{Buffer, Target, filled};
use crate::flex::tensor::{from_vec, values};
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;
use std::ops::Range;

/// Voxels per block.
const BLOCK: usize = 512;
/// Blocks per task.
const TASK: usize = 16;
/// Label of voxels that are not counted.
pub(super) const IGNORED: i32 = i32::MIN;

/// Logits and labels.
#[derive(Debug, Clone)]
pub(super) struct Voxels {
    pub(super) shape: [usize; 3],
    pub(super) logits: FlexTensor,
    pub(super) labels: Vec<i32>,
}

/// Probabilities of a block of voxels, `[class][voxel]`, and `log Σ e^x` of each voxel.
struct Block {
    len: usize,
    probabilities: Vec<f32>,
    log_norm: [f32; BLOCK],
}

impl Block {
    fn new(classes: usize) -> Self {
        Self {
            len: 0,
            probabilities: vec![0.0; classes * BLOCK],
            log_norm: [0.0; BLOCK],
        }
    }

    /// The probabilities of a class.
    fn class(&self, class: usize) -> &[f32] {
        &self.probabilities[class * BLOCK..][..self.len]
    }

    /// Fills the block from the logits of its voxels.
    fn fill<'a>(&mut self, classes: usize, logits: impl Fn(usize) -> &'a [f32]) {
        self.len = logits(0).len();
        let mut most = [f32::NEG_INFINITY; BLOCK];
        for class in 0..classes {
            for (most, &x) in most.iter_mut().zip(logits(class)) {
                *most = most.max(x);
            }
        }
        let mut total = [0.0; BLOCK];
        for class in 0..classes {
            let row = &mut self.probabilities[class * BLOCK..][..BLOCK];
            for (((p, &x), most), total) in
                row.iter_mut().zip(logits(class)).zip(&most).zip(&mut total)
            {
                *p = (x - most).exp();
                *total += *p;
            }
        }
        for row in self.probabilities.chunks_exact_mut(BLOCK) {
            for (p, total) in row[..self.len].iter_mut().zip(&total) {
                *p /= total;
            }
        }
        for ((norm, most), total) in self.log_norm.iter_mut().zip(&most).zip(&total) {
            *norm = most + total.ln();
        }
    }
}

impl Voxels {
    /// The logits of a class in a range of voxels of a sample.
    fn row(&self, sample: usize, class: usize, range: &Range<usize>) -> &[f32] {
        let [_, classes, voxels] = self.shape;
        let first = (sample * classes + class) * voxels;
        &values(&self.logits)[first + range.start..first + range.end]
    }

    /// Sample and voxel range of each task.
    fn tasks(&self) -> Vec<(usize, Range<usize>)> {
        let [batch, _, voxels] = self.shape;
        let starts = |sample| {
            (0..voxels)
                .step_by(TASK * BLOCK)
                .map(move |at| (sample, at))
        };
        let task = |(sample, at)| (sample, at..voxels.min(at + TASK * BLOCK));
        (0..batch).flat_map(starts).map(task).collect()
    }

    /// Calls `visit(voxels, labels, block)` for each block of a task.
    fn blocks(
        &self,
        sample: usize,
        range: Range<usize>,
        mut visit: impl FnMut(Range<usize>, &[i32], &Block),
    ) {
        let [_, classes, voxels] = self.shape;
        let mut block = Block::new(classes);
        for start in range.clone().step_by(BLOCK) {
            let at = start..range.end.min(start + BLOCK);
            block.fill(classes, |class| self.row(sample, class, &at));
            let labels = &self.labels[sample * voxels + at.start..sample * voxels + at.end];
            visit(at, labels, &block);
        }
    }

    /// Computes sums and counts.
    pub(super) fn sums(&self) -> [FlexTensor; 2] {
        let classes = self.shape[1];
        let tasks = self.tasks();
        let parts: Vec<_> = tasks
            .into_par_iter()
            .map(|(sample, range)| self.task_sums(sample, range))
            .collect();
        let (mut sums, mut counts) = (vec![0.0; 1 + 2 * classes], vec![0.0; 1 + classes]);
        for (part, counted) in parts {
            sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            counts
                .iter_mut()
                .zip(counted)
                .for_each(|(sum, x)| *sum += x);
        }
        [sums, counts].map(|numbers: Vec<f64>| {
            let numbers: Vec<f32> = numbers.into_iter().map(|x| x as f32).collect();
            let len = numbers.len();
            from_vec(numbers, &[len])
        })
    }

    /// Computes sums and counts of one task.
    fn task_sums(&self, sample: usize, range: Range<usize>) -> (Vec<f64>, Vec<f64>) {
        let classes = self.shape[1];
        let (mut sums, mut counts) = (vec![0.0; 1 + 2 * classes], vec![0.0; 1 + classes]);
        self.blocks(sample, range, |at, labels, block| {
            let rows: Vec<&[f32]> = (0..classes)
                .map(|class| self.row(sample, class, &at))
                .collect();
            let mut weights = [0.0; BLOCK];
            for (i, &label) in labels.iter().enumerate().filter(|(_, l)| **l != IGNORED) {
                weights[i] = 1.0;
                counts[0] += 1.0;
                if label >= 0 {
                    let class = label as usize;
                    sums[0] += f64::from(block.log_norm[i] - rows[class][i]);
                    sums[1 + class] += f64::from(block.class(class)[i]);
                    counts[1 + class] += 1.0;
                }
            }
            for class in 0..classes {
                let pairs = block.class(class).iter().zip(&weights);
                let squares: f32 = pairs.map(|(p, w)| w * p * p).sum();
                sums[1 + classes + class] += f64::from(squares);
            }
        });
        (sums, counts)
    }

    /// Computes the gradient of the logits from that of the sums.
    pub(super) fn gradient(&self, sums: &[f32]) -> Buffer {
        let [batch, classes, voxels] = self.shape;
        let (cross_entropy, rest) = (sums[0], &sums[1..]);
        let (overlaps, squares) = rest.split_at(classes);
        let fill = |out: Target| {
            self.tasks().into_par_iter().for_each(|(sample, range)| {
                self.blocks(sample, range, |at, labels, block| {
                    for (i, &label) in labels.iter().enumerate() {
                        let is = |class: usize| label == class as i32;
                        let slope = |class: usize| {
                            let p = block.class(class)[i];
                            let overlap = if is(class) { overlaps[class] } else { 0.0 };
                            (p, overlap + 2.0 * squares[class] * p)
                        };
                        let mean: f32 = (0..classes).map(slope).map(|(p, h)| p * h).sum();
                        let pull = if label >= 0 { cross_entropy } else { 0.0 };
                        for class in 0..classes {
                            let (p, h) = slope(class);
                            let y = if is(class) { 1.0 } else { 0.0 };
                            let gradient = match label {
                                IGNORED => 0.0,
                                _ => p * (h - mean) + pull * (p - y),
                            };
                            let to = (sample * classes + class) * voxels + at.start + i;
                            // SAFETY: `to` is the element of a sample, a class and a voxel of `out`, which `filled`
                            // makes with all of them below; the voxel is in the range of this task, and `tasks` gives
                            // each voxel of a sample to one task.
                            unsafe { out.at(to).write(gradient) };
                        }
                    }
                });
            });
        };
        filled(batch * classes * voxels, fill)
    }
}
