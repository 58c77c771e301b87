//! Methods that pre-train and then fine-tune: every switch works on volumes and on slices of three classes,
//! and a checkpoint of any stage holds all that the next step needs.
//!
//! One test only: the CPU backend's random generator is shared by the whole
//! process, and tests of one file run side by side.

#![allow(clippy::unwrap_used)]

use semivox_models::{Architecture, NetworkConfig};
use semivox_trainer::checkpoint::{CheckpointReader, Position, write};
use semivox_trainer::method::MethodConfig;
use semivox_trainer::recipe::{Recipe, Setting, StepContext};
use semivox_trainer::recipes::{GlobalLocalConfig, IdealConfig};
// What the unit tests' helpers look for in the crate they are part of.
use semivox_trainer::{batch, recipe, terms};

#[allow(dead_code)] // the unit tests use all of it
#[path = "../src/testing.rs"]
mod testing;

fn setting(architecture: Architecture, patch: [usize; 3]) -> Setting {
    let network = NetworkConfig::new(1, 3).with_filters(2);
    testing::setting(network.with_architecture(architecture), patch)
}

/// The values of a step whose random numbers are its own.
fn step(recipe: &mut dyn Recipe, number: u64, setting: &Setting) -> Vec<(&'static str, f64)> {
    setting.device.seed(number);
    let at = StepContext {
        step: number,
        stage_step: number % 4,
        stage_steps: 4,
        seed: setting.seed,
        device: setting.device.clone(),
    };
    let batch = testing::batch([2, 2], setting, number);
    recipe.step(batch, &at).unwrap()
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
        read.load(&CheckpointReader::open(path).unwrap()).unwrap();
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
    let ideal = |name: &str| {
        let config = match name {
            "" => Ok(IdealConfig::new(8)),
            _ => IdealConfig::new(8).ablation(name),
        };
        MethodConfig::Ideal(config.unwrap())
    };
    let volume = setting(Architecture::VNet, [32, 32, 16]);
    let slice = setting(Architecture::UNet, [32, 48, 1]);
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
