//! The supervised baseline: cross-entropy and Dice on labeled patches only.
//!
//! ```text
//! L = ½ (L_ce + L_dice)
//! ```
//!
//! On the same labels it is the lower bound for every semi-supervised method, and on all labels the upper
//! bound.
//!
//! | choice | origin |
//! |---|---|
//! | ½ (CE + Dice), squared denominator | the field's code since UA-MT (Yu et al., MICCAI 2019) |
//! | SGD 0.01, momentum 0.9, weight decay 1e-4 | same |
//! | rate divided by 10 at 5/12 and 10/12 of the run | same (2,500 and 5,000 of 6,000 iterations) |

use semivox_losses::{DiceCrossEntropyLoss, DiceCrossEntropyLossConfig};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{MethodSettings, expect_some};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::schedule::LearningRate;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

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
        }
    }
}

impl MethodSettings for SupervisedConfig {
    fn iterations(&self) -> u64 {
        self.iterations
    }

    fn set_iterations(&mut self, iterations: u64) {
        self.iterations = iterations;
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
        Ok(Method::new(context).with_stage(Supervised::new(self.clone())))
    }
}

/// The only stage of the supervised baseline.
pub struct Supervised {
    config: SupervisedConfig,
    supervised: DiceCrossEntropyLoss,
}

impl Supervised {
    /// Creates the stage with these settings.
    pub fn new(config: SupervisedConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
        }
    }
}

impl Stage for Supervised {
    type State = Network;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("supervised", self.config.iterations, [self.config.batch, 0])
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
        Ok(networks.student)
    }

    fn terms(
        &self,
        network: &mut Self::State,
        batch: Batch,
        _at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let logits = network.forward(batch.labeled.weak).logits;
        let loss = self.supervised.forward(logits, batch.labeled.labels);
        Ok(LossTerms::new().with("supervised", 1.0, loss))
    }
}

/// Creates the supervised loss of every method here, `½ (L_ce + L_dice)`.
pub(super) fn supervised_loss() -> DiceCrossEntropyLoss {
    DiceCrossEntropyLossConfig::new().init()
}
