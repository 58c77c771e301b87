//! Sums over all voxels of a softmax and its labels, in one pass each for forward and backward.
//!
//! Voxels are processed in blocks whose probabilities fit in the L1 cache; the backward pass recomputes
//! them. With `w` 1 for counted voxels and `y` the label:
//!
//! ```text
//! sums = [Σ w (log Σ e^x − x_y)], [Σ w p_c [y = c]], [Σ w p_c²]
//! dx_k = w ( p_k (h_k − Σ_c p_c h_c) + u (p_k − [y = k]) ),   h_c = a_c [y = c] + 2 b_c p_c
//! ```
//!
//! where `u`, `a` and `b` are the gradients of the three sums, and `u` is 0 where `y` is not a class.

use super::memory::{Buffer, Target, filled};
use super::tensor::{contiguous, from_buffer, from_vec, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use burn::tensor::DType;
use rayon::prelude::*;
use std::ops::Range;

/// Voxels per block.
const BLOCK: usize = 512;
/// Blocks per task.
const TASK: usize = 16;
/// Label of voxels that are not counted.
const IGNORED: i32 = i32::MIN;

/// The sums `[cross-entropy, intersections, squares]` and the counts `[counted, labeled]`; `None` if the
/// tensors are not single precision on the Flex backend.
pub(crate) fn voxel_statistics(
    logits: &Tensor<3>,
    labels: &Tensor<3, Int>,
    ignored: Option<i64>,
) -> Option<[Tensor<1>; 2]> {
    let shape = logits.dims();
    if shape.contains(&0) {
        return None;
    }
    let labels = read(labels, shape[1], ignored)?;
    let voxels = |logits| Voxels {
        shape,
        logits,
        labels,
    };
    if !logits.is_autodiff() {
        let voxels = voxels(contiguous(plain(logits)?));
        return Some(voxels.sums().map(Tensor::from_primitive::<Flex>));
    }
    let (logits, node) = recorded(logits)?.into_parts();
    let voxels = voxels(contiguous(logits));
    let [sums, counts] = voxels.sums();
    let step = Step.prepare::<NoCheckpointing>([node]);
    let sums = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(voxels, sums),
        OpsKind::UnTracked(step) => step.finish(sums),
    };
    let counts = Tensor::<1>::from_primitive::<Flex>(counts).autodiff();
    Some([Tensor::from_primitive::<Autodiff<Flex>>(sums), counts])
}

/// The labels, with [`IGNORED`] for voxels that are not counted and −1 for those of no class.
fn read(labels: &Tensor<3, Int>, classes: usize, ignored: Option<i64>) -> Option<Vec<i32>> {
    let labels = labels.clone().without_autodiff();
    let labels = labels.try_into_primitive::<Flex>().ok()?.to_contiguous();
    let encode = |label: i64| match label {
        label if Some(label) == ignored => IGNORED,
        label if (0..classes as i64).contains(&label) => label as i32,
        _ => -1,
    };
    match labels.dtype() {
        DType::I64 => Some(
            labels
                .as_slice::<i64>()?
                .par_iter()
                .map(|&l| encode(l))
                .collect(),
        ),
        DType::I32 => {
            let labels = labels.as_slice::<i32>()?.par_iter();
            Some(labels.map(|&l| encode(i64::from(l))).collect())
        }
        _ => None,
    }
}

/// Logits and labels.
#[derive(Debug, Clone)]
struct Voxels {
    shape: [usize; 3],
    logits: FlexTensor,
    labels: Vec<i32>,
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
    fn sums(&self) -> [FlexTensor; 2] {
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
    fn gradient(&self, sums: &[f32]) -> Buffer {
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

/// Backward pass.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = Voxels;

    fn backward(self, ops: Ops<Voxels, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let voxels = &ops.state;
        give(grads, &ops, 0, || {
            from_buffer(voxels.gradient(values(&gradient)), &voxels.shape)
        });
    }
}
