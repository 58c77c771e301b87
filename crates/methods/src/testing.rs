//! Batches and stages for the methods' unit tests.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::ops::Range;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use rand::{Rng, RngExt};
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

/// Returns the context of a run of `network` on patches of size `patch`.
pub(crate) fn context(network: NetworkConfig, patch: [usize; 3]) -> MethodContext {
    MethodContext {
        network,
        patch,
        mirrored: [true, true, false],
        seed: 3,
        device: Device::flex().autodiff(),
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

/// Returns the parts of a module that a loss term trains: those whose name is in the path of a parameter with a
/// gradient other than 0.
pub(crate) fn taught<'a, M: Module>(
    term: &Tensor<1>,
    module: &M,
    parts: &[&'a str],
) -> Vec<&'a str> {
    let mut paths = Paths {
        gradients: GradientsParams::from_grads(term.backward(), module),
        path: Vec::new(),
        taught: Vec::new(),
    };
    module.visit(&mut paths);
    let reached = |part: &&&str| {
        let mut paths = paths.taught.iter();
        paths.any(|path| path.iter().any(|name| name == **part))
    };
    parts.iter().filter(reached).copied().collect()
}

/// Collects the paths of the parameters whose gradient is not 0.
struct Paths {
    gradients: GradientsParams,
    path: Vec<String>,
    taught: Vec<Vec<String>>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id);
        if gradient.is_some_and(|g| g.abs().sum().into_scalar::<f32>() > 0.0) {
            self.taught.push(self.path.clone());
        }
    }
}

/// Returns the largest distance of the parameters of `found` from `m·average + (1 − m)·followed`; parameters of
/// `followed` that are not trained, such as running statistics, do not count.
pub(crate) fn off_average<M: Module>(
    found: &M,
    [average, followed]: [&M; 2],
    momentum: f64,
) -> f64 {
    let learning = Values::of(followed, true);
    let [found, average] = [found, average].map(|module| Values::of(module, false));
    assert!(!learning.is_empty());
    let distance = |(id, followed): (&ParamId, &Vec<f32>)| {
        let values = found[id].iter().zip(&average[id]).zip(followed);
        let off = values.map(|((&found, &average), &followed)| {
            let [found, average, followed] = [found, average, followed].map(f64::from);
            (found - momentum * average - (1.0 - momentum) * followed).abs()
        });
        off.fold(0.0, f64::max)
    };
    learning.iter().map(distance).fold(0.0, f64::max)
}

/// Returns the values of a module that are not trained, such as running statistics with all updates.
pub(crate) fn buffers<M: Module>(module: &M) -> Vec<f32> {
    let mut buffers = Buffers(Vec::new());
    module.valid().train().visit(&mut buffers); // `valid` applies updates that wait
    buffers.0
}

struct Buffers(Vec<f32>);

impl ModuleVisitor for Buffers {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }
}

/// Parameters by id.
struct Values {
    found: HashMap<ParamId, Vec<f32>>,
    learning: bool,
}

impl Values {
    fn of<M: Module>(module: &M, learning: bool) -> HashMap<ParamId, Vec<f32>> {
        let mut values = Self {
            found: HashMap::new(),
            learning,
        };
        module.visit(&mut values);
        values.found
    }
}

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() || !self.learning {
            let values = param.val().into_data().iter().collect();
            self.found.insert(param.id, values);
        }
    }
}

/// Returns the largest distance of the parameters of `after` from the result of a gradient step on `loss` with
/// learning rate 1.
pub(crate) fn off_descent<M: Module>(before: &M, after: &M, loss: Tensor<1>) -> f64 {
    let mut descent = Descent {
        gradients: GradientsParams::from_grads(loss.backward(), before),
        after: Values::of(after, true),
        off: 0.0,
    };
    before.visit(&mut descent);
    descent.off
}

/// Compares parameters with those after a gradient step.
struct Descent {
    gradients: GradientsParams,
    after: HashMap<ParamId, Vec<f32>>,
    off: f64,
}

impl ModuleVisitor for Descent {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else {
            return;
        };
        let expected = (param.val().inner() - gradient).into_data();
        let pairs = expected.iter::<f32>().zip(&self.after[&param.id]);
        let off = pairs.map(|(expected, found)| f64::from((expected - found).abs()));
        self.off = off.fold(self.off, f64::max);
    }
}

/// Returns the value of a loss term at each step.
pub(crate) fn term(steps: &[StepValues], name: &str) -> Vec<f64> {
    let of = |values: &StepValues| values.iter().find(|(n, _)| *n == name).unwrap().1;
    steps.iter().map(of).collect()
}
