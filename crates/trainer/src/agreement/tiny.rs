//! Training runs small enough for a software device, without random numbers drawn on the device.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use semivox_data::phantom::PhantomConfig;

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::presets::preset;
use crate::run::metrics_log;
use crate::session::Session;
use crate::training::Outcome;
use semivox_inference::device::computing;
use semivox_methods::method_config::MethodConfig;
use semivox_methods::recipes::ActionConfig;

/// Returns the setting of the learning rate, a hundredth of the usual one: of a patch of 16³ one voxel per sample is
/// left at the lowest level, where batch normalization magnifies rounding errors of the gradients from step to step.
/// Gradients are compared separately, by `agreement::gradients`.
fn learning_rate(method: &str) -> (&'static str, &'static str) {
    let key = match method {
        "action_pp" => "method.action.optimizer.learning_rate",
        _ => "method.optimizer.learning_rate",
    };
    (key, "0.0001")
}

/// Returns the smallest patch that uses every level of the network. CVRL contrasts features of the lowest level: with
/// only two voxels per batch there, as in patches of 16³, its channels are multiples of one another, and even two CPU
/// implementations differ by the third step.
fn patch(method: &str) -> [usize; 3] {
    match method {
        "cvrl" => [32, 16, 16],
        _ => [16; 3],
    }
}

fn config(device: &str, method: &str) -> Result<RunConfig, TrainError> {
    let mut config = preset("smoke", method)?;
    config.device = device.into();
    config.method = without_draws(config.method.with_iterations(3));
    config.patch = patch(method);
    config.inference.window = config.patch;
    config.inference.stride = config.patch;
    // Slow devices take part: a software GPU, and burn-ndarray compiled without optimization.
    config.network.filters = 1;
    config.network.dropout = 0.0;
    config.data.phantoms = [4, 0];
    config.data.labeled = 2.into();
    config.data.phantom = PhantomConfig {
        shape: config.patch.map(|side| side + 8),
        shape_jitter: [0; 3],
        ..config.data.phantom
    };
    config.with_values([learning_rate(method)])
}

/// Returns the method without noise, with a step of each stage and with sizes that fit patches of 16³.
fn without_draws(mut method: MethodConfig) -> MethodConfig {
    match &mut method {
        // No pseudo-label would count in three steps of an untrained network.
        MethodConfig::Bcp(config) => config.pseudo_guard = false,
        MethodConfig::FixMatch(config) => config.pseudo_guard = false,
        MethodConfig::UniMatch(config) => config.pseudo_guard = false,
        MethodConfig::MeanTeacher(config) => config.noise = 0.0,
        MethodConfig::UaMt(config) => (config.noise, config.passes) = (0.0, 2),
        MethodConfig::Cvrl(config) => config.noise = 0.0,
        MethodConfig::SimCvd(config) => {
            (config.noise, config.head_dropout, config.pooled) = (0.0, 0.0, 16);
        }
        MethodConfig::GlobalLocal(config) => {
            (config.iterations, config.decoder_blocks) = ([1; 3], 3);
        }
        MethodConfig::Ideal(config) => config.iterations = [1, 2],
        MethodConfig::Action(config) => *config = small_action(config),
        MethodConfig::ActionPp(config) => config.action = small_action(&config.action),
        _ => (),
    }
    method
}

fn small_action(config: &ActionConfig) -> ActionConfig {
    ActionConfig {
        iterations: [1; 3],
        local_patch: 8,
        local_step: 4,
        weak_threshold: 1.0,
        ..config.clone()
    }
}

/// Computes the losses of three training steps, from weights that follow from the seed on every device.
pub(super) fn losses(device: &str, method: &str) -> Result<Vec<BTreeMap<String, f64>>, TrainError> {
    let folder = Scratch::new();
    let config = config(device, method)?;
    let path = folder.0.join("run");
    computing(device, || train(config, &path))??;
    let rows = metrics_log::read(path.join("metrics.jsonl"))?;
    Ok(rows.into_iter().map(|row| row.losses).collect())
}

/// Runs the training alone: a session would also predict cases for its report, which takes as long again.
fn train(config: RunConfig, path: &Path) -> Result<Outcome, TrainError> {
    let session = Session::start(config, path, &())?;
    let (context, stop) = (session.context()?, AtomicBool::new(false));
    let training = session.training(context.device.clone(), &stop);
    let mut method = session.config().method.settings().method(context)?;
    training.run(&mut method, &mut ())
}

/// A temporary folder, removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("semivox-agreement-{}-{count}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that cannot be removed stays in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
