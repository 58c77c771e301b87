//! What a training method is to the loop: stages, steps, state.

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkConfig};

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::host::host;
use crate::terms::StepValues;

pub use crate::stage::{BatchPlan, Stage, StrongViews};
pub use crate::step_context::StepContext;

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
