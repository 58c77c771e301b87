//! Settings of the supervised baseline.

use serde::{Deserialize, Serialize};

use super::Supervised;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{MethodSettings, ablations, expect_some};
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;

/// Settings of [`Supervised`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisedConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled patches per batch.
    pub batch: usize,
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// Augmentation of the patches in addition to the weak view.
    #[serde(default)]
    pub augmentation: Augmentation,
}

/// Augmentation of labeled patches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augmentation {
    /// The weak view alone.
    #[default]
    Weak,
    /// The weak view with a box of the next patch, 2/3 of each side, as in stage i of BCP.
    CopyPaste,
    /// The strong view with a box of the next patch, as ACTION mixes unlabeled patches
    /// ([`Mixing::Cutmix`](crate::mixing::Mixing::Cutmix)).
    StrongCutmix,
    /// The same with the box of FixMatch and UniMatch ([`Mixing::CopyPaste`](crate::mixing::Mixing::CopyPaste)).
    StrongCopyPaste,
}

impl SupervisedConfig {
    /// Returns the field's usual settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: 2,
            optimizer: OptimizerConfig {
                schedule: LearningRate::Step {
                    milestones: vec![5.0 / 12.0, 10.0 / 12.0],
                    factor: 0.1,
                },
                ..OptimizerConfig::default()
            },
            augmentation: Augmentation::Weak,
        }
    }

    /// Returns the settings with an augmentation, called by its name.
    fn ablation(mut self, name: &str) -> Result<Self, MethodError> {
        self.augmentation = match name {
            "copy_paste" => Augmentation::CopyPaste,
            "strong_cutmix" => Augmentation::StrongCutmix,
            "strong_copy_paste" => Augmentation::StrongCopyPaste,
            _ => {
                let known = "copy_paste, strong_cutmix or strong_copy_paste";
                return Err(MethodError::unknown("ablation", name, known));
            }
        };
        Ok(self)
    }
}

impl MethodSettings for SupervisedConfig {
    ablations!();

    fn iterations(&self) -> u64 {
        self.iterations
    }

    fn set_iterations(&mut self, iterations: u64) {
        self.iterations = iterations;
    }

    fn batch(&self) -> [usize; 2] {
        [self.batch, 0]
    }

    fn optimizer(&self) -> &OptimizerConfig {
        &self.optimizer
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.optimizer = optimizer;
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.batch = batch[0];
    }

    fn needs_unlabeled(&self) -> bool {
        false
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_some("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(Supervised::new("supervised", self.clone())))
    }
}
