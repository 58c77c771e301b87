//! Batches for the recipes' unit tests.
#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use rand::{Rng, RngExt};
use semivox_data::rng::keyed;
use semivox_models::NetworkConfig;

use crate::batch::{Batch, LabeledBatch, UnlabeledBatch};
use crate::recipe::{Recipe, Setting, StepContext};
use crate::terms::StepValues;

/// A run of a small network on `patch` with `classes` classes.
pub(crate) fn setting(network: NetworkConfig, patch: [usize; 3]) -> Setting {
    Setting {
        network,
        patch,
        seed: 3,
        device: Device::flex().autodiff(),
    }
}

/// Patches of a background of class 0 and one box for each other class, as bright as its class.
fn patches(count: usize, setting: &Setting, rng: &mut impl Rng) -> (Tensor<5>, Tensor<5, Int>) {
    let [depth, height, width] = setting.patch;
    let mut labels = Vec::with_capacity(count * depth * height * width);
    for _ in 0..count {
        let mut patch = ndarray::Array3::<i32>::zeros((depth, height, width));
        for class in 1..setting.network.classes {
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
        Tensor::from_data(TensorData::new(images, shape), &setting.device),
        Tensor::from_data(TensorData::new(labels, shape), &setting.device),
    )
}

/// The batch of a step; the strong view is a brighter copy.
pub(crate) fn batch(counts: [usize; 2], setting: &Setting, step: u64) -> Batch {
    let mut rng = keyed(setting.seed, step, "test batch");
    let (weak, labels) = patches(counts[0], setting, &mut rng);
    let (other, _) = patches(counts[1], setting, &mut rng);
    Batch {
        labeled: LabeledBatch {
            strong: weak.clone() * 1.1,
            weak,
            labels,
        },
        unlabeled: (counts[1] > 0).then(|| UnlabeledBatch {
            strong: other.clone() * 1.1,
            weak: other,
        }),
    }
}

/// The terms of all steps of a stage that is begun; asserts that they are finite.
pub(crate) fn run_stage(
    recipe: &mut dyn Recipe,
    index: usize,
    setting: &Setting,
) -> Vec<StepValues> {
    let stages = recipe.stages();
    let first: u64 = stages[..index].iter().map(|stage| stage.steps).sum();
    let stage = &stages[index];
    let counts = [stage.plan.labeled, stage.plan.unlabeled];
    let at = |stage_step: u64| StepContext {
        step: first + stage_step,
        stage_step,
        stage_steps: stage.steps,
        seed: setting.seed,
        device: setting.device.clone(),
    };
    recipe.begin_stage(index).unwrap();
    let mut step = |n| {
        let values = recipe
            .step(batch(counts, setting, first + n), &at(n))
            .unwrap();
        assert!(values.iter().all(|(_, value)| value.is_finite()));
        values
    };
    (0..stage.steps).map(&mut step).collect()
}

/// A term's value at each step.
pub(crate) fn term(steps: &[StepValues], name: &str) -> Vec<f64> {
    let of = |values: &StepValues| values.iter().find(|(n, _)| *n == name).unwrap().1;
    steps.iter().map(of).collect()
}
