//! What a training method is to the loop: stages, steps, state.

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkConfig};

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::schedule::sigmoid_ramp_up;
use crate::terms::StepValues;

/// A training method, as one file under [`recipes`](crate::recipes).
///
/// The loop owns steps, data, time and disk; a recipe owns its networks, its
/// optimizer and everything else that its paper defines. After `save` and
/// `load` into a fresh recipe of the same configuration, the next step is
/// bit-equal on the CPU.
pub trait Recipe {
    /// The stages in order.
    fn stages(&self) -> Vec<Stage>;

    /// Prepares stage `index`: new heads, queues and optimizer as the method
    /// defines; nothing for a method of one stage. Called once on entry, and on
    /// resume before [`load`](Self::load).
    ///
    /// # Errors
    /// If the stage's settings do not fit the data.
    fn begin_stage(&mut self, _index: usize) -> Result<(), TrainError> {
        Ok(())
    }

    /// One optimization step.
    ///
    /// # Errors
    /// [`TrainError::NonFinite`] if a loss term is not finite.
    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError>;

    /// The learning rate used at `at`.
    fn learning_rate(&self, at: &StepContext) -> f64;

    /// The network that is evaluated: the student.
    fn network(&self) -> &Network;

    /// Writes the complete state.
    ///
    /// # Errors
    /// If the disk does not take it.
    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError>;

    /// Restores the complete state into the stage begun last.
    ///
    /// # Errors
    /// If the checkpoint is incomplete or belongs to another network.
    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError>;
}

/// What every recipe is given beside its own settings.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The student's architecture.
    pub network: NetworkConfig,
    /// Patch size in voxels.
    pub patch: [usize; 3],
    /// The axes on which a mirror image of a patch is as plausible as the patch.
    pub mirrored: [bool; 3],
    /// The run's seed.
    pub seed: u64,
    /// The training device (with autodiff).
    pub device: Device,
}

impl Setting {
    /// A new student, drawn from the seed.
    pub fn student(&self) -> Network {
        self.drawn(|device| {
            device.seed(self.seed);
            self.network.init(device)
        })
    }

    /// A module with new weights, drawn on the CPU where there is one, so that a seed means the same
    /// weights on every device.
    pub fn drawn<M: Module>(&self, new: impl FnOnce(&Device) -> M) -> M {
        match host().map(Device::autodiff) {
            // Not `to_device`, whose parameters would remember the CPU as where their gradient goes.
            Some(host) if host != self.device => new(&host).fork(&self.device),
            _ => new(&self.device),
        }
    }
}

/// The CPU, if it is compiled in.
pub(crate) fn host() -> Option<Device> {
    #[cfg(feature = "flex")]
    return Some(Device::flex());
    #[cfg(not(feature = "flex"))]
    None
}

/// One stage of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Name shown to people.
    pub name: &'static str,
    /// How many steps it lasts.
    pub steps: u64,
    /// What each of its batches holds.
    pub plan: BatchPlan,
}

impl Stage {
    /// The only stage of a method that sees weak views, in shuffled epochs.
    pub fn only(name: &'static str, steps: u64, [labeled, unlabeled]: [usize; 2]) -> Self {
        let plan = BatchPlan {
            labeled,
            unlabeled,
            replacement: false,
            strong: StrongViews::None,
        };
        Self { name, steps, plan }
    }
}

/// The composition of a stage's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Labeled patches.
    pub labeled: usize,
    /// Unlabeled patches.
    pub unlabeled: usize,
    /// Draw cases uniformly with replacement instead of in shuffled epochs.
    pub replacement: bool,
    /// Which groups also get a strong view.
    pub strong: StrongViews,
}

/// Which patches of a batch come with a strongly augmented copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrongViews {
    /// None.
    None,
    /// The unlabeled ones.
    Unlabeled,
    /// All.
    All,
}

/// Where in the run a step stands.
#[derive(Debug, Clone)]
pub struct StepContext {
    /// Step of the whole run, from 0.
    pub step: u64,
    /// Step within the stage, from 0.
    pub stage_step: u64,
    /// Steps of the stage.
    pub stage_steps: u64,
    /// The run's seed; random numbers are keyed by (seed, step, purpose).
    pub seed: u64,
    /// The training device (with autodiff).
    pub device: Device,
}

impl StepContext {
    /// `exp(−5 (1 − t/T)²)` at the step `t` of a stage of `T`: what weights of consistency rise by.
    pub fn ramp(&self) -> f64 {
        sigmoid_ramp_up(self.stage_step, self.stage_steps)
    }
}
