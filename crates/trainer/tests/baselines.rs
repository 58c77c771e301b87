//! The baselines with several classes, on slices and on volumes, and with one patch of each kind.
//!
//! One test only: the CPU backend's random generator is shared by the whole
//! process, and tests of one file run side by side.

#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_models::Architecture;
use semivox_trainer::batch::{Batch, LabeledBatch, UnlabeledBatch};
use semivox_trainer::method::MethodSettings;
use semivox_trainer::presets::preset;
use semivox_trainer::recipe::{Setting, StepContext};
use semivox_trainer::recipes::{
    CpsConfig, EntropyMinimizationConfig, IctConfig, MeanTeacherConfig, UaMtConfig,
};

const CLASSES: usize = 4;
const STEPS: u64 = 2;

fn methods(batch: [usize; 2]) -> Vec<Box<dyn MethodSettings>> {
    vec![
        Box::new(MeanTeacherConfig {
            batch,
            ..MeanTeacherConfig::new(STEPS)
        }),
        Box::new(UaMtConfig {
            batch,
            passes: 2,
            ..UaMtConfig::new(STEPS)
        }),
        Box::new(EntropyMinimizationConfig {
            batch,
            ..EntropyMinimizationConfig::new(STEPS)
        }),
        Box::new(IctConfig {
            batch,
            ..IctConfig::new(STEPS)
        }),
        Box::new(CpsConfig {
            batch,
            ..CpsConfig::new(STEPS)
        }),
    ]
}

fn setting(architecture: Architecture, patch: [usize; 3], device: &Device) -> Setting {
    let mut setting = preset("smoke", "supervised")
        .unwrap()
        .setting(CLASSES, device);
    setting.network.architecture = architecture;
    setting.network.filters = 2;
    setting.network.dropout = 0.0; // so that networks of equal weights answer alike
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

#[test]
fn every_baseline_takes_slices_and_volumes_of_several_classes() {
    let device = Device::flex().autodiff();
    let inputs = [
        (Architecture::UNet, [32, 16, 1]),
        (Architecture::VNet, [16, 16, 16]),
    ];
    for (architecture, patch) in inputs {
        let setting = setting(architecture, patch, &device);
        for batch in [[1, 1], [2, 3]] {
            for method in methods(batch) {
                method.check(patch).unwrap();
                let mut recipe = method.recipe(setting.clone()).unwrap();
                for step in 0..STEPS {
                    let at = StepContext {
                        step,
                        stage_step: step,
                        stage_steps: STEPS,
                        seed: 1,
                        device: device.clone(),
                    };
                    let values = recipe.step(noise(batch, patch, &device), &at).unwrap();
                    assert!(values.iter().all(|(_, value)| *value >= 0.0));
                    assert!(values.len() > 1, "{}: {values:?}", method.name());
                    let of = |term| values.iter().find(|(name, _)| *name == term);
                    if let Some((_, second)) = of("supervised_second") {
                        let first = of("supervised").unwrap().1;
                        assert_ne!(first, *second, "the seeds differ");
                    }
                }
            }
        }
    }
}
