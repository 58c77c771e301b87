//! Every method with one patch of each kind, with unequal numbers of them, and with a class missing from the batch;
//! every ablation.
//!
//! One test only: the CPU backend's random generator is shared by the whole
//! process, and tests of one file run side by side.

#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_models::Architecture;
use semivox_trainer::batch::{Batch, LabeledBatch, UnlabeledBatch};
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::{Task, preset};
use semivox_trainer::recipe::{Setting, StepContext};

const CLASSES: usize = 4;
const STEPS: u64 = 2;

fn setting(architecture: Architecture, patch: [usize; 3], device: &Device) -> Setting {
    let mut setting = preset("smoke", "supervised")
        .unwrap()
        .setting(CLASSES, device);
    setting.network.architecture = architecture;
    setting.network.filters = 2;
    Setting { patch, ..setting }
}

/// Noise as images, and labels of which the last class is missing.
fn noise([labeled, unlabeled]: [usize; 2], [d, h, w]: [usize; 3], device: &Device) -> Batch {
    let images =
        |count| Tensor::<5>::random([count, 1, d, h, w], Distribution::Normal(0.0, 1.0), device);
    let (weak, other) = (images(labeled), images(unlabeled));
    Batch {
        labeled: LabeledBatch {
            labels: weak.clone().abs().int().clamp(0, CLASSES as i64 - 2),
            strong: weak.clone(),
            weak,
        },
        unlabeled: Some(UnlabeledBatch {
            strong: other.clone(),
            weak: other,
        }),
    }
}

/// Runs every stage of a method for a few steps; its terms are finite.
fn run(name: &str, batch: [usize; 2], setting: &Setting) {
    let task = match setting.network.architecture.is_2d() {
        true => Task::Acdc,
        false => Task::LeftAtrium,
    };
    let mut method = task.preset("smoke", name).unwrap().method;
    method.settings_mut().set_batch(batch);
    let mut recipe = method.settings().recipe(setting.clone()).unwrap();
    for (index, stage) in recipe.stages().iter().enumerate() {
        recipe.begin_stage(index).unwrap();
        for step in 0..STEPS {
            let at = StepContext {
                step,
                stage_step: step,
                stage_steps: STEPS,
                seed: 1,
                device: setting.device.clone(),
            };
            let batch = noise(batch, setting.patch, &setting.device);
            let values = recipe.step(batch, &at).unwrap();
            let finite = values.iter().all(|(_, value)| value.is_finite());
            assert!(
                finite && !values.is_empty(),
                "{name} {}: {values:?}",
                stage.name
            );
        }
    }
}

/// The rows of the papers' ablations, and what the reconstructions' texts claim.
const ABLATIONS: [(&str, &[&str]); 6] = [
    (
        "simcvd",
        &[
            "without_sdm",
            "without_sdm_loss",
            "without_contrast",
            "without_pairwise",
            "without_contrast_and_pairwise",
            "max_pooling",
            "dropout_0.2",
            "pooled_16",
        ],
    ),
    (
        "cvrl",
        &[
            "batch_only",
            "feature_only",
            "high_only",
            "low_only",
            "student_keys",
        ],
    ),
    (
        "ideal",
        &[
            "without_pretraining",
            "without_cross",
            "batch_negatives",
            "mirrored_keys",
            "two_networks",
            "dropout_only",
        ],
    ),
    (
        "action",
        &[
            "without_stage_ii",
            "without_stage_iii",
            "without_anco",
            "without_unsup",
        ],
    ),
    (
        "action_pp",
        &["without_saacl", "without_ats", "random_assignment"],
    ),
    (
        "global_local",
        &["global_only", "local_only", "from_scratch"],
    ),
];

#[test]
fn every_method_takes_batches_of_one_and_batches_without_a_class_and_every_ablation_runs() {
    let device = Device::flex().autodiff();
    let inputs = [
        (Architecture::UNet, [32, 32, 1]),
        (Architecture::VNet, [32, 32, 32]),
    ];
    for (architecture, patch) in inputs {
        let setting = setting(architecture, patch, &device);
        for &name in MethodConfig::NAMES {
            for batch in [[1, 1], [2, 3]] {
                run(name, batch, &setting);
            }
        }
        for (method, names) in ABLATIONS {
            for name in names {
                run(&format!("{method}:{name}"), [2, 2], &setting);
            }
        }
    }
}
