//! Entropy minimization: lowers the entropy of predictions on unlabeled patches.
//!
//! T.-H. Vu, H. Jain, M. Bucher, M. Cord, P. Pérez, "ADVENT: Adversarial
//! Entropy Minimization for Domain Adaptation in Semantic Segmentation", CVPR
//! 2019, arXiv 1811.12833. This is its direct variant (MinEnt), which the
//! field's tables call EM; the adversarial variant is left out.
//!
//! ```text
//! L     = ½ (L_ce + L_dice)(labeled) + λ(t) · L_ent(unlabeled)                   Eq. 4
//! L_ent = − mean_v Σ_c p_c ln p_c / ln C                                         Eqs. 2, 3
//! λ(t)  = λ · exp(−5 (1 − t/T)²)
//! ```
//!
//! # Deviations
//!
//! | item | paper | the field's code (SSL4MIS) | here |
//! |---|---|---|---|
//! | entropy of | images without labels | all images of the batch | patches without labels |
//! | reduction | sum over pixels | mean over voxels | mean over voxels |
//! | logarithm of 0 | – | `ln(p + 1e-6)` | 0 · ln 0 = 0 |
//! | `λ` | 0.001, constant | 0.1, ramped over the run | as the code |
//! | supervised loss | cross-entropy | ½ (cross-entropy + Dice) | as the code |
//! | optimizer | SGD 2.5e-4, poly | SGD 0.01, poly | that of the other baselines: 0.01, divided by 10 at 5/12 and 10/12 |

use semivox_losses::{DiceCrossEntropyLoss, EntropyLoss, EntropyLossConfig};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_weight, one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Settings of [`EntropyMinimization`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntropyMinimizationConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `λ`, the weight of the entropy at the end of its ramp-up.
    pub entropy_weight: f64,
}

impl EntropyMinimizationConfig {
    /// Returns the field's usual settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            entropy_weight: 0.1,
        }
    }
}

impl MethodSettings for EntropyMinimizationConfig {
    one_stage_settings!();

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("entropy_weight", self.entropy_weight)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(EntropyMinimization::new(self.clone())))
    }
}

/// The only stage of entropy minimization.
pub struct EntropyMinimization {
    config: EntropyMinimizationConfig,
    supervised: DiceCrossEntropyLoss,
    entropy: EntropyLoss,
}

impl EntropyMinimization {
    /// Creates the stage with these settings.
    pub fn new(config: EntropyMinimizationConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
            entropy: EntropyLossConfig::new().init(),
        }
    }
}

impl Stage for EntropyMinimization {
    type State = Network;

    fn plan(&self) -> StagePlan {
        let EntropyMinimizationConfig {
            iterations, batch, ..
        } = self.config;
        StagePlan::weak("entropy minimization", iterations, batch)
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
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let logits = network.forward(images).logits;
        let [labeled, unlabeled] = split(logits, self.config.batch);

        let supervised = self.supervised.forward(labeled, labels);
        let entropy = self.entropy.forward(unlabeled);
        let weight = self.config.entropy_weight * at.ramp();
        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("entropy", weight, entropy))
    }
}
