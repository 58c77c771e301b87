//! The position of a step in its run.

use burn::prelude::*;

use crate::schedule::sigmoid_ramp_up;

/// The position of a step in its run, with the seed and the device.
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
