//! Position of a training step in its run.

use burn::prelude::*;

use crate::schedule::sigmoid_ramp_up;

/// Position of a training step in its run and stage, with the seed and the device.
#[derive(Debug, Clone)]
pub struct StepContext {
    /// Step of the whole run, from 0.
    pub step: u64,
    /// Number of steps of the run.
    pub steps: u64,
    /// Step within the stage, from 0.
    pub stage_step: u64,
    /// Number of steps of the stage.
    pub stage_steps: u64,
    /// The run's seed; random numbers are keyed by (seed, step, purpose).
    pub seed: u64,
    /// The training device (with autodiff).
    pub device: Device,
}

impl StepContext {
    /// Returns the ramp-up factor of consistency weights, `exp(−5 (1 − t/T)²)` at step `t` of a stage of `T` steps.
    pub fn ramp(&self) -> f64 {
        self.ramp_over(1.0)
    }

    /// Returns the ramp-up factor that reaches 1 after a share `s` of the stage, `exp(−5 (1 − t/(s·T))²)`, and stays there.
    ///
    /// A share of 0 is no ramp: the factor is 1 from the first step.
    pub fn ramp_over(&self, share: f64) -> f64 {
        let steps = (share * self.stage_steps as f64).round() as u64;
        sigmoid_ramp_up(self.stage_step, steps)
    }
}
