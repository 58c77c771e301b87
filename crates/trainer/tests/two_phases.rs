//! Methods that pre-train and then fine-tune: every switch works on volumes and on slices of three classes,
//! and a checkpoint of any stage holds all that the next step needs.
//!
//! One test only: the CPU backend's random generator is shared by the whole
//! process, and tests of one file run side by side.

#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_models::{Architecture, NetworkConfig};
use semivox_trainer::batch::{Batch, LabeledBatch, UnlabeledBatch};
use semivox_trainer::checkpoint::{CheckpointReader, Position, write};
use semivox_trainer::method::MethodConfig;
use semivox_trainer::recipe::{Recipe, Setting, StepContext};
use semivox_trainer::recipes::{GlobalLocalConfig, IdealConfig};

const CLASSES: usize = 3;

fn setting(architecture: Architecture, patch: [usize; 3], device: &Device) -> Setting {
    let network = NetworkConfig::new(1, CLASSES).with_filters(2);
    Setting {
        network: network.with_architecture(architecture),
        patch,
        seed: 11,
        device: device.clone(),
    }
}

/// Bright blocks of the classes 1 and 2 in noise.
fn batch([d, h, w]: [usize; 3], device: &Device) -> Batch {
    let noise = |deviation| {
        let normal = Distribution::Normal(0.0, deviation);
        Tensor::<5>::random([2, 1, d, h, w], normal, device)
    };
    let labels = Tensor::<5, Int>::zeros([2, 1, d, h, w], device);
    let labels = labels.slice_fill([0..2, 0..1, 0..d / 2, 0..h, 0..w], 1);
    let labels = labels.slice_fill([0..2, 0..1, 0..d / 4, 0..h / 2, 0..w], 2);
    let weak = labels.clone().float() + noise(0.3);
    let strong = weak.clone() * 1.2 + noise(0.1);
    Batch {
        labeled: LabeledBatch {
            weak: weak.clone(),
            strong: strong.clone(),
            labels,
        },
        unlabeled: Some(UnlabeledBatch { weak, strong }),
    }
}

/// The values of a step whose random numbers are its own.
fn step(recipe: &mut dyn Recipe, number: u64, setting: &Setting) -> Vec<(&'static str, f64)> {
    let Setting { device, patch, .. } = setting;
    device.seed(number);
    let at = StepContext {
        step: number,
        stage_step: number % 4,
        stage_steps: 4,
        seed: setting.seed,
        device: device.clone(),
    };
    recipe.step(batch(*patch, device), &at).unwrap()
}

/// Three steps in each stage; the third also by a recipe that was read from a checkpoint.
fn check(method: &MethodConfig, setting: &Setting) -> Vec<&'static str> {
    let what = format!("{method:?} on {:?}", setting.patch);
    let folder = tempfile::tempdir().unwrap();
    let settings = method.settings();
    let mut recipe = settings.recipe(setting.clone()).unwrap();
    let mut names = Vec::new();
    for stage in 0..recipe.stages().len() {
        setting.device.seed(100 + stage as u64);
        recipe.begin_stage(stage).unwrap();
        let first = 4 * stage as u64;
        step(recipe.as_mut(), first, setting);
        step(recipe.as_mut(), first + 1, setting);
        let position = Position::new(first + 2, stage);
        let path = write(folder.path(), position, |writer| recipe.save(writer)).unwrap();
        let mut read = settings.recipe(setting.clone()).unwrap();
        read.begin_stage(stage).unwrap();
        read.load(&CheckpointReader::new(path)).unwrap();
        let (here, there) = (
            [2, 3].map(|s| step(recipe.as_mut(), first + s, setting)),
            [2, 3].map(|s| step(read.as_mut(), first + s, setting)),
        );
        assert_eq!(here, there, "{what}, stage {stage}");
        let finite = here[1].iter().all(|(_, value)| value.is_finite());
        assert!(finite, "{what}: {here:?}");
        names.extend(here[1].iter().map(|(name, _)| *name));
    }
    names
}

#[test]
fn switches_work_and_checkpoints_are_complete() {
    let device = Device::flex().autodiff();
    let ideal = |name: &str| {
        let config = match name {
            "" => Ok(IdealConfig::new(8)),
            _ => IdealConfig::new(8).ablation(name),
        };
        MethodConfig::Ideal(config.unwrap())
    };
    let volume = setting(Architecture::VNet, [32, 32, 16], &device);
    let slice = setting(Architecture::UNet, [32, 48, 1], &device);
    let terms = [
        "dense_contrast",
        "supervised",
        "supervised_second",
        "cross_pseudo",
    ];
    for (name, setting) in [
        ("", &slice),
        ("two_networks", &volume),
        ("two_networks", &slice),
        ("batch_negatives", &volume),
        ("mirrored_keys", &slice),
        ("dropout_only", &volume),
    ] {
        assert_eq!(check(&ideal(name), setting), terms);
    }
    let method = MethodConfig::GlobalLocal(GlobalLocalConfig::new(12));
    let terms = ["global_contrast", "local_contrast", "supervised"];
    for setting in [&volume, &slice] {
        assert_eq!(check(&method, setting), terms);
    }
}
