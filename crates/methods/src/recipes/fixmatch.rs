//! FixMatch: the confident predictions for a weak view are the labels of a strong view of the same patch.
//!
//! K. Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", NeurIPS 2020, arXiv
//! 2001.07685, for voxels, with boxes exchanged between the strong views.
//!
//! ```text
//! L   = L_seg(x, y) + λ·L_seg(Mix(u_s, u_s'), Mix(ŷ, ŷ'))
//! ŷ_v = argmax_c p_c(u_w)_v where max_c p_c(u_w)_v ≥ τ; other voxels do not count
//! ```
//!
//! `u_w`, `u_s`: weak and strong view of an unlabeled patch; `Mix` puts a box of the next patch into each, into the
//! pseudo-labels alike.
//!
//! # Deviations
//!
//! | item | paper (images) | UniMatch's code for ACDC, of which this is the part | here |
//! |---|---|---|---|
//! | `L_seg` of pseudo-labels | cross-entropy, mean over all images | Dice over confident voxels | ½ (L_ce + L_dice) over confident voxels |
//! | `τ` | 0.95 | 0.95 | 0.95; `threshold` |
//! | `λ` | 1 | 1 for all unlabeled terms together, and ½ for the whole loss | 1; `pseudo_weight` |
//! | from step | 0 | 0 | a quarter of the run; `pseudo_from`. Before, most pseudo-labels are background |
//! | where less than half of the labeled foreground is right | – | – | no weight in such a step; `pseudo_guard` |
//! | strong view | RandAugment, CTAugment | color jitter, blur, CutMix | intensities (`strong_view`), a box of another patch |
//! | CutMix | – | with probability ½, 2 to 40 % of the slice | always, a box of 2/3 of each side as in BCP; `mixing = "cutmix"`: half of the plane, a quarter of the depth; one unlabeled patch is not mixed |
//! | pseudo-labels | of the student, in training mode | same; in evaluation mode for the partner of a mixture | in evaluation mode, as dropout would lower every confidence |
//! | student's passes | one for all images | labeled and weak patches together, the strong view alone | labeled and strong patches together, so that batch statistics come from both; weak patches in evaluation mode |
//! | optimizer | SGD, Nesterov, cosine | SGD 0.01, momentum 0.9, decay 1e-4, polynomial decay | that of the code |
//! | result | – | the checkpoint that is best on 20 validation and 40 test patients | the last |
//!
//! SSL4MIS has another FixMatch for slices: `λ` ramped up to 0.1, `τ` 0.8 of probabilities scaled to 0 to 1 in each image, and a loss
//! that pushes away the least probable classes.

use burn::prelude::*;
use semivox_losses::DiceCrossEntropyLoss;
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::confident::{Predicted, PseudoStart, expect_before_end};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_share, expect_weight, one_stage_settings,
};
use crate::mixing::Mixing;
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Settings of [`FixMatch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixMatchConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `τ`, the confidence from which a prediction is a pseudo-label.
    pub threshold: f64,
    /// `λ`, the weight of the pseudo-labels.
    pub pseudo_weight: f64,
    /// Share of the run before which pseudo-labels have no weight.
    pub pseudo_from: f64,
    /// Whether pseudo-labels have no weight in steps in which less than half of the labeled foreground voxels are given
    /// their class. Off where a configuration lacks the key: it is older than the guard.
    #[serde(default)]
    pub pseudo_guard: bool,
    /// Mixing of the strong views and of their pseudo-labels.
    pub mixing: Mixing,
}

impl FixMatchConfig {
    /// Returns the settings for a run of `iterations`: the published ones, but for those that the table of deviations
    /// calls ours.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            threshold: 0.95,
            pseudo_weight: 1.0,
            pseudo_from: 0.25,
            pseudo_guard: true,
            mixing: Mixing::CopyPaste,
        }
    }
}

impl MethodSettings for FixMatchConfig {
    one_stage_settings!();

    fn control(&self) -> &'static str {
        self.mixing.control()
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_share("threshold", self.threshold)?;
        expect_weight("pseudo_weight", self.pseudo_weight)?;
        expect_before_end(self.pseudo_from)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(FixMatch::new(self.clone())))
    }
}

/// The only stage of FixMatch.
pub struct FixMatch {
    config: FixMatchConfig,
    segmentation: DiceCrossEntropyLoss,
}

impl FixMatch {
    /// Creates the stage with these settings.
    pub fn new(config: FixMatchConfig) -> Self {
        Self {
            config,
            segmentation: supervised_loss(),
        }
    }
}

impl Stage for FixMatch {
    type State = Network;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "weak to strong",
            steps: self.config.iterations,
            batch: BatchPlan::new(self.config.batch, StrongViews::Unlabeled),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
        Ok(networks.student)
    }

    fn terms(
        &self,
        network: &mut Network,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let unlabeled = batch.unlabeled.expect("the stage plans unlabeled patches");
        let weak = Predicted::evaluated(network, unlabeled.weak);
        let confidence = weak.foreground_confidence();
        let (strong, mixed) = weak.mixed(unlabeled.strong, self.config.mixing, "mixing", at);

        let images = Tensor::cat(vec![batch.labeled.weak, strong], 0);
        let logits = network.forward(images).logits;
        let [labeled, strong] = split(logits, self.config.batch);
        let labels = batch.labeled.labels;
        let start = PseudoStart {
            from: self.config.pseudo_from,
            guard: self.config.pseudo_guard,
        };
        let (factor, active) = start.factor([(&labeled, &labels)], at);
        let supervised = self.segmentation.forward(labeled, labels);
        let pseudo = (self.segmentation).forward(strong, mixed.confident(self.config.threshold));
        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("pseudo", self.config.pseudo_weight * factor, pseudo)
            .with("pseudo_active", 0.0, active)
            .with("foreground_confidence", 0.0, confidence))
    }
}

#[cfg(test)]
mod tests;
