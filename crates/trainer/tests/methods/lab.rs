//! Repeatable steps of a method from one state.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use rand::RngExt;
use semivox_data::rng::keyed;
use semivox_methods::batch::{Batch, LabeledBatch, UnlabeledBatch};
use semivox_methods::checkpoint::{CheckpointReader, Position, write};
use semivox_methods::context::MethodContext;
use semivox_methods::method::Method;
use semivox_methods::step_context::StepContext;
use semivox_methods::terms::StepValues;
use semivox_models::Architecture;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;
use tempfile::TempDir;
use toml::{Table, Value};

/// Number of classes: the background and three structures.
pub const CLASSES: usize = 4;
/// Number of steps of a stage, as schedules count them.
pub const STEPS: u64 = 10;

/// Changes of a run's settings: keys such as `method.action.distillation_weights.1`, with values in TOML.
pub type Changes = Vec<(String, String)>;

/// Returns a tiny run of a method, or of one of its ablations, on volumes or slices.
pub fn config(architecture: Architecture, method: &str) -> RunConfig {
    let (task, patch) = match architecture {
        Architecture::UNet => (Task::Acdc, [32, 32, 1]),
        _ => (Task::Hippocampus, [32, 32, 16]),
    };
    let mut config = task.preset("smoke", method).unwrap();
    config.patch = patch;
    config.network.filters = 2;
    config
}

/// Returns the configuration with some settings changed; unlike `RunConfig::with_values`, also elements of lists.
pub fn changed(config: &RunConfig, changes: &Changes) -> RunConfig {
    let mut document = Value::Table(toml::from_str(&config.to_toml().unwrap()).unwrap());
    for (key, value) in changes {
        let value: Table = toml::from_str(&format!("value = {value}")).unwrap();
        set(&mut document, key, value["value"].clone());
    }
    RunConfig::from_toml(&toml::to_string(&document).unwrap()).unwrap()
}

fn set(document: &mut Value, key: &str, value: Value) {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    let entry = match document {
        Value::Array(list) => &mut list[section.parse::<usize>().unwrap()],
        Value::Table(table) => table.entry(section).or_insert(Value::Boolean(false)),
        _ => panic!("{key} belongs to a value"),
    };
    match rest {
        "" => *entry = value,
        _ => set(entry, rest, value),
    }
}

/// Returns the number under a key such as `method.distillation_weights.1`.
pub fn number(config: &RunConfig, key: &str) -> f64 {
    let document = Value::Table(toml::from_str(&config.to_toml().unwrap()).unwrap());
    let part = |value: Value, name: &str| match name.parse::<usize>() {
        Ok(index) => value[index].clone(),
        Err(_) => value[name].clone(),
    };
    key.split('.').fold(document, part).as_float().unwrap()
}

/// Makes a batch of boxes of the given classes on a noisy background, whose brightness follows from their class; the
/// strong view is darker and noisy.
pub fn batch(counts: [usize; 2], classes: usize, context: &MethodContext, number: u64) -> Batch {
    let mut rng = keyed(1, number, "batch of a test");
    let [depth, height, width] = context.patch;
    let mut patches = |count: usize| {
        let mut labels = Vec::new();
        for _ in 0..count {
            let mut patch = ndarray::Array3::<i32>::zeros((depth, height, width));
            for class in 1..classes {
                let [x, y] = [depth, height].map(|side| rng.random_range(0..side as u32 * 2 / 3));
                let (x, y) = (x as usize, y as usize);
                let part = ndarray::s![x..x + depth / 3, y..y + height / 3, ..];
                patch.slice_mut(part).fill(class as i32);
            }
            labels.extend(patch);
        }
        let mut seen = |scale: f32, noise: f32| -> Vec<f32> {
            let of = |&label: &i32| scale * label as f32 + rng.random_range(-noise..noise);
            labels.iter().map(of).collect()
        };
        let (weak, strong) = (seen(1.0, 0.3), seen(0.7, 0.5));
        let shape = [count, 1, depth, height, width];
        let image = |values| Tensor::from_data(TensorData::new(values, shape), &context.device);
        let labels = Tensor::from_data(TensorData::new(labels, shape), &context.device);
        (image(weak), image(strong), labels)
    };
    let (weak, strong, labels) = patches(counts[0]);
    let (other, strong_other, _) = patches(counts[1].max(1));
    Batch {
        labeled: LabeledBatch {
            weak,
            strong,
            labels,
        },
        unlabeled: (counts[1] > 0).then_some(UnlabeledBatch {
            second: strong_other.clone() * 0.8 + other.clone() * 0.1,
            weak: other,
            strong: strong_other,
        }),
    }
}

/// A stage of a method, with the checkpoint at which experiments begin.
pub struct Lab {
    config: RunConfig,
    stage: usize,
    classes: usize,
    device: Device,
    folder: TempDir,
    method: Option<Method>,
}

impl Lab {
    /// Creates the stage after a few steps, so that averages differ from the networks they follow and memory banks are
    /// not empty.
    pub fn new(config: RunConfig, stage: usize) -> Self {
        Self::after(config, stage, 2, CLASSES)
    }

    /// Creates the stage after some steps on batches that have the first `classes` classes.
    pub fn after(config: RunConfig, stage: usize, steps: u64, classes: usize) -> Self {
        let mut lab = Self {
            config,
            stage,
            classes,
            device: Device::flex().autodiff(),
            folder: tempfile::tempdir().unwrap(),
            method: None,
        };
        lab.device.seed(7);
        let mut method = lab.method(&Vec::new());
        method.begin_stage(stage).unwrap();
        for number in 0..steps {
            lab.step(&mut method, number, 3);
        }
        lab.save(&method, "base");
        lab.method = Some(method);
        lab
    }

    /// Takes another step with the method that made the checkpoint; returns its values, and the checkpoint after it.
    pub fn go_on(&mut self, number: u64, stage_step: u64) -> (StepValues, PathBuf) {
        let mut method = self.method.take().unwrap();
        let values = self.step(&mut method, number, stage_step);
        (values, self.save(&method, "straight"))
    }

    /// Returns the folder of the checkpoint at which experiments begin.
    pub fn base(&self) -> PathBuf {
        self.folder.path().join("base/step-00000001")
    }

    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    pub fn context(&self) -> MethodContext {
        self.config.context(CLASSES, &self.device)
    }

    /// Returns a method of the stage in the state of a checkpoint.
    pub fn loaded(&self, changes: &Changes, checkpoint: &Path) -> Method {
        let mut method = self.method(changes);
        method.begin_stage(self.stage).unwrap();
        method
            .load(&CheckpointReader::open(checkpoint).unwrap())
            .unwrap();
        method
    }

    fn method(&self, changes: &Changes) -> Method {
        let config = changed(&self.config, changes);
        let context = config.context(CLASSES, &self.device);
        config.method.settings().method(context).unwrap()
    }

    /// Takes a step on batch `number`, at `stage_step` of [`STEPS`].
    pub fn step(&self, method: &mut Method, number: u64, stage_step: u64) -> StepValues {
        let plan = method.stages()[self.stage].batch;
        let counts = plan.counts();
        let batch = batch(counts, self.classes, &self.context(), number);
        self.step_on(method, batch, number, stage_step)
    }

    /// Takes a step on a given batch.
    pub fn step_on(
        &self,
        method: &mut Method,
        batch: Batch,
        number: u64,
        stage_step: u64,
    ) -> StepValues {
        let at = StepContext {
            step: number,
            steps: STEPS,
            stage_step,
            stage_steps: STEPS,
            seed: 1,
            device: self.device.clone(),
        };
        self.device.seed(100 + number);
        method.step(batch, &at).unwrap()
    }

    /// Writes a checkpoint; returns its folder.
    pub fn save(&self, method: &Method, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        write(&folder, Position::new(1, self.stage), |writer| {
            method.save(writer)
        })
        .unwrap()
    }

    /// Returns the path of a folder to be filled.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
