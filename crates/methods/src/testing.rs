//! Batches and stages for the methods' unit tests.
#![allow(clippy::unwrap_used)]

mod guard;
mod parameters;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::prelude::*;
use rand::{Rng, RngExt};
use rayon::{ThreadPool, ThreadPoolBuilder};
use semivox_data::rng::keyed;
use semivox_losses::IGNORED_LABEL;
use semivox_models::NetworkConfig;

use crate::batch::{Batch, LabeledBatch, UnlabeledBatch};
use crate::context::MethodContext;
use crate::method::{AnyStage, Running};
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::StepValues;

pub(crate) use guard::assert_guard;
pub(crate) use parameters::{buffers, off_average, off_descent, taught};

/// Returns the CPU with gradients, for a test that draws weights or dropout masks.
///
/// All threads draw from one generator. The first call seeds it and keeps it for the thread of this test until that
/// ends, so that tests side by side cannot change each other's draws. This thread then does all the work of its steps,
/// as sharing maps of these sizes costs more than it saves.
pub(crate) fn device() -> Device {
    static GENERATOR: Mutex<()> = Mutex::new(());
    thread_local! {
        static KEPT: (MutexGuard<'static, ()>, ThreadPool) = {
            let kept = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
            Device::flex().seed(3);
            let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            (kept, pool.build().unwrap())
        };
    }
    KEPT.with(|_| Device::flex().autodiff())
}

/// Returns the context of a run of `network` on patches of size `patch`.
pub(crate) fn context(network: NetworkConfig, patch: [usize; 3]) -> MethodContext {
    MethodContext {
        network,
        patch,
        mirrored: [true, true, false],
        seed: 3,
        device: device(),
    }
}

/// Patches with background of class 0 and one box per other class, whose intensity is its class.
fn patches(
    count: usize,
    context: &MethodContext,
    rng: &mut impl Rng,
) -> (Tensor<5>, Tensor<5, Int>) {
    let [depth, height, width] = context.patch;
    let mut labels = Vec::with_capacity(count * depth * height * width);
    for _ in 0..count {
        let mut patch = ndarray::Array3::<i32>::zeros((depth, height, width));
        for class in 1..context.network.classes {
            let [x, y] = [depth, height].map(|side| rng.random_range(0..side as u32 * 2 / 3));
            let (x, y) = (x as usize, y as usize);
            let part = ndarray::s![x..x + depth / 3, y..y + height / 3, ..];
            patch.slice_mut(part).fill(class as i32);
        }
        labels.extend(patch);
    }
    let shape = [count, 1, depth, height, width];
    let noisy = |&label: &i32| label as f32 + rng.random_range(-0.3f32..0.3);
    let images: Vec<f32> = labels.iter().map(noisy).collect();
    (
        Tensor::from_data(TensorData::new(images, shape), &context.device),
        Tensor::from_data(TensorData::new(labels, shape), &context.device),
    )
}

/// Returns the first step of a stage of ten.
pub(crate) fn first_step(context: &MethodContext) -> StepContext {
    StepContext {
        step: 0,
        steps: 10,
        stage_step: 0,
        stage_steps: 10,
        seed: context.seed,
        device: context.device.clone(),
    }
}

/// Returns the batch of a step; the strong view is a brighter copy.
pub(crate) fn batch(counts: [usize; 2], context: &MethodContext, step: u64) -> Batch {
    let mut rng = keyed(context.seed, step, "test batch");
    let (weak, labels) = patches(counts[0], context, &mut rng);
    let (other, _) = patches(counts[1], context, &mut rng);
    Batch {
        labeled: LabeledBatch {
            strong: weak.clone() * 1.1,
            weak,
            labels,
        },
        unlabeled: (counts[1] > 0).then(|| UnlabeledBatch {
            strong: other.clone() * 1.1,
            second: other.clone() * 0.9,
            weak: other,
        }),
    }
}

/// Returns settings with which a step subtracts the gradient.
pub(crate) fn plain_descent() -> OptimizerConfig {
    OptimizerConfig {
        learning_rate: 1.0,
        momentum: 0.0,
        weight_decay: 0.0,
        schedule: LearningRate::Constant,
        ..OptimizerConfig::default()
    }
}

/// Returns the cross-entropy and the Dice loss over the voxels whose label is not ignored, from logits
/// `[batch, class, voxel]` and labels `[batch, voxel]`.
pub(crate) fn segmentation_losses(
    logits: &[f32],
    labels: &[i64],
    [batch, classes]: [usize; 2],
) -> [f64; 2] {
    let voxels = labels.len() / batch;
    let (mut entropy, mut count) = (0.0, 0.0);
    let mut sums = vec![[0.0; 2]; classes];
    for (v, &label) in labels.iter().enumerate() {
        if label == IGNORED_LABEL {
            continue;
        }
        let first = v / voxels * classes * voxels + v % voxels;
        let e: Vec<f64> = (0..classes)
            .map(|class| f64::from(logits[first + class * voxels]).exp())
            .collect();
        let total: f64 = e.iter().sum();
        for (class, [both, squares]) in sums.iter_mut().enumerate() {
            let (p, t) = (e[class] / total, f64::from(label == class as i64));
            *both += p * t;
            *squares += p * p + t * t;
            entropy -= t * p.ln();
        }
        count += 1.0;
    }
    let dice = |[both, squares]: &[f64; 2]| 1.0 - (2.0 * both + 1e-5) / (squares + 1e-5);
    let dice: f64 = sums.iter().map(dice).sum();
    [entropy / count, dice / classes as f64]
}

/// Begins a stage on a new student.
pub(crate) fn begun<S: Stage>(stage: S, context: &MethodContext) -> Running<S> {
    begun_on(Handover::new(context.student()), stage, context)
}

/// Begins a stage on the networks of the previous stage.
pub(crate) fn begun_on<S: Stage>(
    networks: Handover,
    stage: S,
    context: &MethodContext,
) -> Running<S> {
    let mut running = Running::new(stage);
    running.begin(networks, context).unwrap();
    running
}

/// Runs all steps of a stage and returns their loss terms; asserts that they are finite.
pub(crate) fn run_stage(stage: &mut dyn AnyStage, context: &MethodContext) -> Vec<StepValues> {
    let steps = stage.plan().steps;
    run_steps(stage, 0..steps, context)
}

/// Runs some steps of a stage and returns their loss terms.
pub(crate) fn run_steps(
    stage: &mut dyn AnyStage,
    steps: Range<u64>,
    context: &MethodContext,
) -> Vec<StepValues> {
    let plan = stage.plan();
    let at = |step: u64| StepContext {
        step,
        steps: plan.steps,
        stage_step: step,
        stage_steps: plan.steps,
        seed: context.seed,
        device: context.device.clone(),
    };
    let mut step = |n| {
        let batch = batch(plan.batch.counts(), context, n);
        let values = stage.step(batch, &at(n)).unwrap();
        assert!(values.iter().all(|(_, value)| value.is_finite()));
        values
    };
    steps.map(&mut step).collect()
}

/// Returns the value of a loss term at each step.
pub(crate) fn term(steps: &[StepValues], name: &str) -> Vec<f64> {
    let of = |values: &StepValues| values.iter().find(|(n, _)| *n == name).unwrap().1;
    steps.iter().map(of).collect()
}
