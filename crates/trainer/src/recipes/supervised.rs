//! The supervised floor: cross-entropy and Dice on labeled patches only.
//!
//! ```text
//! L = ½ (L_ce + L_dice)
//! ```
//!
//! Every semi-supervised method is compared with this one on the same labels,
//! and with this one on all labels as its ceiling.
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
use crate::error::TrainError;
use crate::method_settings::{MethodSettings, expect_some};
use crate::one_stage::{OneStage, OneStageRecipe};
use crate::optimizer::OptimizerConfig;
use crate::recipe::{Recipe, Setting, Stage, StepContext};
use crate::schedule::LearningRate;
use crate::terms::LossTerms;

/// Settings of [`Supervised`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisedConfig {
    /// Iterations in all.
    pub iterations: u64,
    /// Labeled patches per batch.
    pub batch: usize,
    /// Optimizer and schedule.
    pub optimizer: OptimizerConfig,
}

impl SupervisedConfig {
    /// The field's settings for a run of `iterations`.
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

    fn check(&self, _patch: [usize; 3]) -> Result<(), TrainError> {
        self.optimizer.check()?;
        expect_some("batch", self.batch)
    }

    fn recipe(&self, setting: Setting) -> Result<Box<dyn Recipe>, TrainError> {
        Ok(Box::new(Supervised::new(self.clone(), &setting)))
    }
}

/// Training on labeled patches only.
pub struct Supervised {
    config: SupervisedConfig,
    supervised: DiceCrossEntropyLoss,
}

impl Supervised {
    /// A run of the method from a new network.
    pub fn new(config: SupervisedConfig, setting: &Setting) -> OneStageRecipe<Self> {
        let optimizer = config.optimizer.clone();
        let method = Self {
            config,
            supervised: supervised_loss(),
        };
        OneStageRecipe::new(setting.student(), optimizer, method)
    }
}

impl OneStage for Supervised {
    type Networks = Network;

    fn stage(&self) -> Stage {
        Stage::only("supervised", self.config.iterations, [self.config.batch, 0])
    }

    fn terms(&self, network: &Network, batch: Batch, _at: &StepContext) -> LossTerms {
        let logits = network.forward(batch.labeled.weak).logits;
        let loss = self.supervised.forward(logits, batch.labeled.labels);
        LossTerms::new().with("supervised", 1.0, loss)
    }
}

/// `½ (L_ce + L_dice)`, the supervised loss of every method here.
pub(super) fn supervised_loss() -> DiceCrossEntropyLoss {
    DiceCrossEntropyLossConfig::new().init()
}
