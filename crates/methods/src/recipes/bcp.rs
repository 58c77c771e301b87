//! BCP: bidirectional copy-paste. Boxes are exchanged between labeled and unlabeled patches, so that every patch that
//! the student sees holds true labels beside pseudo-labels.
//!
//! Y. Bai, D. Chen, Q. Li, W. Shen, Y. Wang, "Bidirectional Copy-Paste for Semi-Supervised Medical Image
//! Segmentation", CVPR 2023, arXiv 2305.00673. Section 3.
//!
//! ```text
//! stage i    X = M·x_i + (1 − M)·x_j,   Y alike,   L = L_seg(X, Y)                      labeled
//! stage ii   X_in  = M·x_i + (1 − M)·u_p         X_out = M·u_q + (1 − M)·x_j
//!            L_in  = L_seg(X_in, y_i; M) + α·L_seg(X_in, ŷ_p; 1 − M)
//!            L_out = L_seg(X_out, y_j; 1 − M) + α·L_seg(X_out, ŷ_q; M)
//!            L     = L_in + L_out,   θ_t ← m·θ_t + (1 − m)·θ_s
//! ```
//!
//! `x`, `y`: a labeled patch and its labels; `u`: an unlabeled one; `ŷ`: the teacher's label map of it, of each class
//! the largest component; `M` is 0 in a box with `β` of each side and 1 around it; `L_seg(·; M)` counts the voxels where `M`
//! is 1. In the log, `supervised` is the mean of both first terms (weight 2) and `pseudo` that of both second ones (2α).
//!
//! # Deviations
//!
//! | item | paper | public code | here |
//! |---|---|---|---|
//! | `β`, `α`, `m` | 2/3, 0.5, 0.99 | same | same; `box_share` (of stage ii), `pseudo_weight`, `teacher_momentum` |
//! | `L_seg` | Dice and cross-entropy | their mean; left atrium: Dice of each patch, plain denominator | ½ (L_ce + L_dice) of all methods here: Dice of the batch, squared denominator |
//! | weight of the labels | 2 in `L`, 1 in `L_seg` of stage i | same | same; supervised training and the control have 1, so that stage ii has twice their step on labels at one learning rate; with `loss_weight` 0.5 it has theirs |
//! | pairs | two labeled, two unlabeled patches | halves of the batch, each in one mixed patch | each in two: around a box and as the box of the next pair |
//! | unequal numbers | – | – | the fewer patches are used in turn |
//! | student's passes | – | one for `X_in`, one for `X_out` | one for both, so that they share batch statistics |
//! | box of slices | – | – | an axis of one voxel is covered whole |
//! | where less than half of the labeled foreground is right | – | – | pseudo-labels have no weight in such a step; `pseudo_guard` |
//! | largest component | yes | in 3D and 2D | same; `largest_component` |
//! | stage i | – | left atrium: one loss over the mixed patch; ACDC: one of the box and one around it | one loss over the mixed patch; a single labeled patch is not mixed |
//! | lengths | 2,000 + 15,000 (left atrium) | 10,000 + 30,000 on ACDC | 1 : 3, in the preset `paper` of volumes 2 : 15; `iterations` |
//! | stage ii begins with | – | the checkpoint of stage i that is best on the test (left atrium) or validation cases (ACDC) | the last |
//! | optimizer | SGD | 0.01, momentum 0.9, decay 1e-4 (left atrium, ACDC); its momentum goes on in stage ii on ACDC | same; begins again in stage ii |
//! | rate | – | left atrium: ÷10 every 2,500 iterations of stage ii; ACDC: constant | polynomial decay over both stages |
//! | teacher's mode | – | training | training |
//! | teacher's passes | – | one for each half of the unlabeled patches | one for all |
//! | teacher's batch norm | – | left atrium: own statistics; ACDC: average of the student's | own statistics |
//! | U-Net's upsampling | – | bilinear with aligned corners | transposed convolution; `network.upsampling` |
//! | pancreas | – | Adam 0.001; voxels connected by faces and edges | as for the left atrium |
//! | result | – | the checkpoint of stage ii that is best on the test (left atrium) or validation cases (ACDC) | the last |

mod config;
#[cfg(test)]
mod tests;

use burn::prelude::*;
use semivox_losses::DiceCrossEntropyLoss;
use semivox_models::Network;
use semivox_sdf::keep_largest_components;

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::confident::PseudoStart;
use crate::context::MethodContext;
use crate::copy_paste::{PastedBox, in_turn};
use crate::error::MethodError;
use crate::method_settings::MethodSettings;
use crate::mixing::{host_labels, next};
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;

pub use config::BcpConfig;

/// Stage ii: boxes of unlabeled patches in labeled ones and of labeled patches in unlabeled ones.
pub struct BidirectionalCopyPaste {
    config: BcpConfig,
    segmentation: DiceCrossEntropyLoss,
}

impl BidirectionalCopyPaste {
    /// Creates stage ii of the method.
    pub fn new(config: BcpConfig) -> Self {
        Self {
            config,
            segmentation: supervised_loss(),
        }
    }

    /// Returns `ŷ`, the teacher's most probable classes, of each the largest component.
    fn pseudo_labels(&self, teacher: &Network, images: Tensor<5>) -> Tensor<5, Int> {
        let labels = teacher.forward(images).logits.argmax(1);
        if !self.config.largest_component {
            return labels;
        }
        let (shape, device) = (labels.dims(), labels.device());
        let kept = host_labels(&labels).into_iter().flat_map(|mut labels| {
            keep_largest_components(&mut labels);
            labels.into_iter().map(i32::from)
        });
        Tensor::from_data(TensorData::new(kept.collect(), shape), &device)
    }
}

impl Stage for BidirectionalCopyPaste {
    type State = StudentTeacher<Network>;

    fn plan(&self) -> StagePlan {
        let BcpConfig {
            iterations, batch, ..
        } = self.config;
        StagePlan::weak("ii bidirectional copy-paste", iterations[1], batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Self::State, MethodError> {
        Ok(networks.into())
    }

    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let pairs = self.config.batch[0].max(self.config.batch[1]);
        let other = batch
            .unlabeled
            .expect("the stage plans unlabeled patches")
            .weak;
        let pseudo = self.pseudo_labels(&networks.teacher, other.clone());
        let [x, u] = [batch.labeled.weak, other].map(|images| in_turn(images, pairs));
        let [y, pseudo] = [batch.labeled.labels, pseudo].map(|labels| in_turn(labels, pairs));
        let (x_next, y_next) = (next(x.clone()), next(y.clone()));

        let pasted = PastedBox::draw(self.config.box_share, patch_of(&x), at);
        let mixed = vec![pasted.paste(x, u.clone()), pasted.paste(u, x_next)];
        let logits = networks.student.forward(Tensor::cat(mixed, 0)).logits;
        let [inward, outward] = split(logits, [pairs; 2]);

        let y = [pasted.around(y), pasted.inside(y_next)];
        let start = PseudoStart {
            from: 0.0,
            guard: self.config.pseudo_guard,
        };
        let (factor, active) = start.factor([(&inward, &y[0]), (&outward, &y[1])], at);
        let loss = |labels: [Tensor<5, Int>; 2]| {
            let [around, inside] = labels;
            let inward = self.segmentation.forward(inward.clone(), around);
            (inward + self.segmentation.forward(outward.clone(), inside)) / 2.0
        };
        let supervised = loss(y);
        let pseudo = loss([pasted.inside(pseudo.clone()), pasted.around(pseudo)]);
        let labeled = self.config.label_weight();
        let weight = labeled * self.config.pseudo_weight * factor;
        Ok(LossTerms::new()
            .with("supervised", labeled, supervised)
            .with("pseudo", weight, pseudo)
            .with("pseudo_active", 0.0, active))
    }

    fn after_step(&self, networks: &mut Self::State, _: &StepContext) -> Result<(), MethodError> {
        networks.update_teacher(self.config.teacher_momentum);
        Ok(())
    }
}

/// Returns the size of the patches of a batch.
fn patch_of(images: &Tensor<5>) -> [usize; 3] {
    let [_, _, patch @ ..] = images.dims();
    patch
}
