//! The supervised baseline: cross-entropy and Dice on labeled patches only.
//!
//! ```text
//! L = ½ (L_ce + L_dice)
//! ```
//!
//! On the same labels it is the lower bound for every semi-supervised method, and on all labels the upper
//! bound. Part of what some methods gain is augmentation, which labels alone can have: with `augmentation` set to a
//! method's own, this baseline is the control of that method.
//!
//! | choice | origin |
//! |---|---|
//! | ½ (CE + Dice), squared denominator | the field's code since UA-MT (Yu et al., MICCAI 2019) |
//! | SGD 0.01, momentum 0.9, weight decay 1e-4 | same |
//! | rate divided by 10 at 5/12 and 10/12 of the run | same (2,500 and 5,000 of 6,000 iterations) |
//! | copy-paste | stage i of BCP (Bai et al., CVPR 2023) |
//! | strong views with CutMix | those that ACTION gives unlabeled patches |
//! | strong views with copy-paste | those that FixMatch and UniMatch give unlabeled patches |

mod config;

use burn::prelude::*;
use semivox_losses::{DiceCrossEntropyLoss, DiceCrossEntropyLossConfig};
use semivox_models::Network;

use crate::batch::{Batch, LabeledBatch};
use crate::context::MethodContext;
use crate::copy_paste::{BOX_SHARE, PastedBox};
use crate::error::MethodError;
use crate::mixing::{Mixing, PseudoLabeled, next};
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

pub use config::{Augmentation, SupervisedConfig};

/// The only stage of the supervised baseline, and a stage of methods that begin with labels alone.
pub struct Supervised {
    name: &'static str,
    config: SupervisedConfig,
    supervised: DiceCrossEntropyLoss,
}

impl Supervised {
    /// Creates the stage with its name in the log and these settings.
    pub fn new(name: &'static str, config: SupervisedConfig) -> Self {
        Self {
            name,
            config,
            supervised: supervised_loss(),
        }
    }
}

impl Augmentation {
    /// Returns images and labels of the patches that the network is trained on.
    fn apply(self, patches: LabeledBatch, at: &StepContext) -> (Tensor<5>, Tensor<5, Int>) {
        let LabeledBatch {
            weak,
            strong,
            labels,
        } = patches;
        match self {
            Self::Weak => (weak, labels),
            Self::CopyPaste => {
                let [_, _, patch @ ..] = weak.dims();
                let pasted = PastedBox::draw(BOX_SHARE, patch, at);
                (
                    pasted.paste(weak.clone(), next(weak)),
                    pasted.paste(labels.clone(), next(labels)),
                )
            }
            Self::StrongCutmix | Self::StrongCopyPaste => {
                let labeled = PseudoLabeled {
                    confidence: labels.clone().float().ones_like(),
                    images: strong,
                    labels,
                };
                let mixing = match self {
                    Self::StrongCopyPaste => Mixing::CopyPaste,
                    _ => Mixing::Cutmix,
                };
                let mixed = mixing.apply(labeled, at);
                (mixed.images, mixed.labels)
            }
        }
    }

    fn views(self) -> StrongViews {
        match self {
            Self::StrongCutmix | Self::StrongCopyPaste => StrongViews::Labeled,
            _ => StrongViews::None,
        }
    }
}

impl Stage for Supervised {
    type State = Network;

    fn plan(&self) -> StagePlan {
        let counts = [self.config.batch, 0];
        StagePlan {
            name: self.name,
            steps: self.config.iterations,
            batch: BatchPlan::new(counts, self.config.augmentation.views()),
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
        network: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let (images, labels) = self.config.augmentation.apply(batch.labeled, at);
        let logits = network.forward(images).logits;
        let loss = self.supervised.forward(logits, labels);
        Ok(LossTerms::new().with("supervised", 1.0, loss))
    }
}

/// Creates the supervised loss of every method here, `½ (L_ce + L_dice)`.
pub(super) fn supervised_loss() -> DiceCrossEntropyLoss {
    DiceCrossEntropyLossConfig::new().init()
}
