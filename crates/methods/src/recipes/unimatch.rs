//! UniMatch: weak-to-strong consistency with two strong views and a perturbation of features.
//!
//! L. Yang, L. Qi, L. Feng, W. Zhang, Y. Shi, "Revisiting Weak-to-Strong Consistency in Semi-Supervised Semantic
//! Segmentation", CVPR 2023, arXiv 2208.09910. Sections 3.2 and 3.3.
//!
//! ```text
//! L    = L_seg(x, y) + ¼·L_dice(p(M_1(u_s1)), M_1(ŷ)) + ¼·L_dice(p(M_2(u_s2)), M_2(ŷ)) + ½·L_dice(p_fp(u_w), ŷ)
//! p_fp = h(drop(g(u_w))),   g encoder, h decoder
//! ŷ_v  = argmax_c p_c(u_w)_v where max_c p_c(u_w)_v ≥ τ; other voxels do not count
//! ```
//!
//! `u_s1`, `u_s2`: two strong views of an unlabeled patch, each with a box `M` of that of the next patch; `drop`:
//! half of the channels of every map of the encoder.
//!
//! # Deviations
//!
//! | item | paper | code for ACDC | here |
//! |---|---|---|---|
//! | weights | ¼, ¼, ½ | same | same; `strong_weights`, `feature_weight` |
//! | factor ½ of `L` | yes | yes | left out, so that labels weigh as in the other methods |
//! | loss of pseudo-labels | cross-entropy | Dice | Dice |
//! | `τ` | 0.95 | 0.95 | 0.95; `threshold` |
//! | from step | 0 | 0 | a quarter of the run; `pseudo_from`. Before, most pseudo-labels are background |
//! | where less than half of the labeled foreground is right | – | – | no weight in such a step; `pseudo_guard` |
//! | CutMix | 2 to 40 % of the image, with probability ½ | same | always, a box of 2/3 of each side as in BCP; `mixing = "cutmix"`: half of the plane, a quarter of the depth |
//! | partner of a mixture | another batch | another batch, predicted in evaluation mode | the next patch of the batch |
//! | feature perturbation | channel dropout of ½ | on all five maps, labeled patches too, their result unused | on all five maps of unlabeled patches, before the dropout that the V-Net's lowest map has anyway; `feature_dropout` |
//! | pseudo-labels | of the student in training mode | same; its U-Net drops values of the encoder | same on slices; on volumes, in the presets, in evaluation mode, as the V-Net drops whole channels before the output; `pseudo_mode` |
//! | strong view | color jitter, grayscale, blur | jitter, blur | intensities; `strong_view` |
//! | one unlabeled patch | – | – | not mixed |
//! | batch, length | – | 12 + 12, 300 epochs | `batch`, `iterations` |
//! | result | – | the checkpoint that is best on 20 validation and 40 test patients | the last |
//! | optimizer | – | SGD 0.01, momentum 0.9, decay 1e-4, polynomial decay | same |

mod config;
#[cfg(test)]
mod tests;

use burn::prelude::*;
use semivox_kernels::channel_dropout;
use semivox_losses::{DiceCrossEntropyLoss, DiceLoss, DiceLossConfig, IGNORED_LABEL};
use semivox_models::Network;

use super::supervised::supervised_loss;
use crate::batch::{Batch, LabeledBatch, split};
use crate::confident::{Predicted, PseudoStart};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::TeacherMode;
use crate::terms::LossTerms;

pub use config::UniMatchConfig;

/// The only stage of UniMatch.
pub struct UniMatch {
    config: UniMatchConfig,
    supervised: DiceCrossEntropyLoss,
    dice: DiceLoss,
}

impl UniMatch {
    /// Creates the stage with these settings.
    pub fn new(config: UniMatchConfig) -> Self {
        let dice = DiceLossConfig::new().with_ignore_label(Some(IGNORED_LABEL));
        Self {
            config,
            supervised: supervised_loss(),
            dice: dice.init(),
        }
    }

    /// Returns the logits of labeled patches, of the weak views of unlabeled ones, and of these with perturbed features.
    fn weak(&self, network: &Network, labeled: Tensor<5>, unlabeled: Tensor<5>) -> [Tensor<5>; 3] {
        let counts = self.config.batch;
        let maps = network.encode(Tensor::cat(vec![labeled, unlabeled], 0));
        let maps = maps.map(|map| {
            let [_, unlabeled] = split(map.clone(), counts);
            let dropped = channel_dropout(unlabeled, self.config.feature_dropout);
            Tensor::cat(vec![map, dropped], 0)
        });
        let logits = network.decode(maps).logits;
        let [labeled, others] = split(logits, [counts[0], 2 * counts[1]]);
        let [weak, perturbed] = split(others, [counts[1]; 2]);
        [labeled, weak, perturbed]
    }
}

impl Stage for UniMatch {
    type State = Network;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "weak to two strong views",
            steps: self.config.iterations,
            batch: BatchPlan::new(self.config.batch, StrongViews::UnlabeledTwice),
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
        let UniMatchConfig {
            threshold, mixing, ..
        } = self.config;
        let LabeledBatch { weak, labels, .. } = batch.labeled;
        let unlabeled = batch.unlabeled.expect("the stage plans unlabeled patches");
        let [labeled, weak, perturbed] = self.weak(network, weak, unlabeled.weak.clone());
        // In evaluation mode the weak stream is decoded too: without it, the statistics by which the decoder then predicts
        // would come from perturbed features to a half.
        let predicted = match self.config.pseudo_mode {
            TeacherMode::Train => Predicted::of(weak),
            TeacherMode::Eval => Predicted::evaluated(network, unlabeled.weak),
        };
        let mixed = |images, stream| predicted.clone().mixed(images, mixing, stream, at);
        let (first, labels_first) = mixed(unlabeled.strong, "first");
        let (second, labels_second) = mixed(unlabeled.second, "second");
        let strong = network.forward(Tensor::cat(vec![first, second], 0)).logits;
        let [first, second] = split(strong, [self.config.batch[1]; 2]);

        let dice =
            |logits, labels: Predicted| self.dice.forward(logits, labels.confident(threshold));
        let start = PseudoStart {
            from: self.config.pseudo_from,
            guard: self.config.pseudo_guard,
        };
        let (factor, active) = start.factor([(&labeled, &labels)], at);
        let supervised = self.supervised.forward(labeled, labels);
        let [first_weight, second_weight] = self.config.strong_weights.map(|w| w * factor);
        let confidence = predicted.foreground_confidence();
        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("strong", first_weight, dice(first, labels_first))
            .with("strong_second", second_weight, dice(second, labels_second))
            .with(
                "feature",
                self.config.feature_weight * factor,
                dice(perturbed, predicted),
            )
            .with("pseudo_active", 0.0, active)
            .with("foreground_confidence", 0.0, confidence))
    }
}
