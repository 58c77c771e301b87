//! The optimizer of a method of one stage.

use burn::module::Module;

use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::step_context::StepContext;
use crate::terms::{LossTerms, StepValues};

/// The optimizer's name in a checkpoint.
const NAME: &str = "optimizer";

/// An optimizer with its settings, kept from the first step to the last.
pub(crate) struct Descent {
    settings: OptimizerConfig,
    optimizer: Optimizer,
}

impl Descent {
    /// An optimizer without state.
    pub(crate) fn new(settings: OptimizerConfig) -> Self {
        Self {
            optimizer: settings.init(false),
            settings,
        }
    }

    /// The learning rate at a step.
    pub(crate) fn learning_rate(&self, at: &StepContext) -> f64 {
        self.settings.at(at)
    }

    /// Moves `module` one step down the total of the terms; returns their values.
    ///
    /// # Errors
    /// [`TrainError::NonFinite`]; the module is then not moved.
    pub(crate) fn step<M: Module>(
        &mut self,
        module: &mut M,
        terms: LossTerms,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let rate = self.learning_rate(at);
        let (moved, values) = terms.descend(module.clone(), &mut self.optimizer, rate, at.step)?;
        *module = moved;
        Ok(values)
    }

    /// Writes the optimizer's state.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub(crate) fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.optimizer(NAME, &self.optimizer)
    }

    /// Restores it.
    ///
    /// # Errors
    /// If the checkpoint is incomplete.
    pub(crate) fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.optimizer = checkpoint.optimizer(NAME, self.settings.init(false))?;
        Ok(())
    }
}
