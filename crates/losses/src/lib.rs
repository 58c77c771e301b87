//! Segmentation, consistency, distillation and contrastive losses for any Burn model.
//!
//! A loss takes tensors and gives a scalar tensor of shape `[1]`. It knows no model and no data set, so it fits
//! any backbone. Each loss is made from a configuration, once: `XConfig::new().init()` gives an `X` with a `forward`.
//!
//! | loss | definition |
//! |---|---|
//! | [`CrossEntropyLoss`] | cross-entropy of voxels |
//! | [`DiceLoss`] | soft Dice with a squared denominator |
//! | [`DiceCrossEntropyLoss`] | weighted sum of the two, from one softmax |
//! | [`SignedDistanceLoss`] | mean squared error of signed distance maps |
//! | [`ConsistencyLoss`] | mean squared error of a student's and a teacher's class probabilities |
//! | [`UncertaintyConsistencyLoss`] | the same where the teacher is certain (UA-MT) |
//! | [`DiceConsistencyLoss`] | Dice distance between two predictions (SS-Net) |
//! | [`DualTaskConsistencyLoss`] | mean squared error of class probabilities and those of signed distances (DTC) |
//! | [`PyramidConsistencyLoss`] | uncertainty-rectified consistency of predictions at several scales (URPC) |
//! | [`MutualConsistencyLoss`] | mean squared error of each prediction and the sharpened other ones (MC-Net+) |
//! | [`EntropyLoss`] | entropy of class probabilities |
//! | [`CrossPseudoSupervisionLoss`] | cross-entropy of each of two predictions against the other's pseudo-labels (CPS) |
//! | [`UnsupervisedCrossEntropyLoss`] | cross-entropy against pseudo-labels, weighted by the confidence of the volume |
//! | [`InfoNceLoss`] | InfoNCE of any items, of one direction or symmetric, with excluded pairs |
//! | [`NtXentLoss`] | NT-Xent of two views (SimCLR) |
//! | [`DenseContrastiveLoss`] | InfoNCE of corresponding positions of two feature maps (DenseCL) |
//! | [`AnatomicalContrastiveLoss`] | InfoNCE of hard voxels, class means and voxels of other classes (ACTION) |
//! | [`PrototypeLoss`] | cosine distance of the features of a class from its prototypes, with learned weights (SS-Net) |
//! | [`AdaptiveContrastiveLoss`] | supervised contrast of labeled voxels with a memory bank and class centers (ACTION++) |
//! | [`GlobalDistillationLoss`] | KL divergence of images' similarities to a memory bank (ACTION) |
//! | [`LocalDistillationLoss`] | the same of patches, each with the same patch of banked images (ACTION) |
//!
//! # Conventions
//!
//! - Logits are `[batch, class, spatial…]` of any rank: 2D slices, 3D volumes, or no spatial axis at all. Labels are
//!   integers of shape `[batch, 1, spatial…]`. The spatial axes are flattened inside.
//! - Voxels of the label −1 ([`IGNORED_LABEL`]) take no part in a loss that reads labels: its value is that of the other
//!   voxels alone, 0 without any, and no gradient reaches them. Losses of maps made from labels take a mask
//!   ([`SignedDistanceLoss::forward_counted`]), those of drawn voxels should be given none of them.
//! - The result has the number format of the first input, and the other inputs follow it. `f16` and `bf16` are widened
//!   to `f32` inside, since sums over a volume lose counts in 16 bits; what remains is the rounding of inputs, result
//!   and gradients. The gradient of a mean over many voxels may be too small for `f16` (below 3e-8 it is 0): multiply
//!   the loss and divide the gradients, or use `bf16`.
//! - [`CrossEntropyLoss`], [`DiceLoss`], [`SignedDistanceLoss`], [`ConsistencyLoss`], [`DualTaskConsistencyLoss`],
//!   [`EntropyLoss`], [`InfoNceLoss`], [`NtXentLoss`], [`DenseContrastiveLoss`], [`AdaptiveContrastiveLoss`] and
//!   [`GlobalDistillationLoss`] are means over items, voxels or classes that can be sums instead ([`Reduction`]); their
//!   `forward_no_reduction` gives the terms. In the other losses the mean is part of the definition.
//! - Nothing here reads a value back from the device, so no loss stalls a GPU queue.
//! - What a paper treats as a constant (teacher, anchors, memory banks, class means, negatives) is taken out of the
//!   autodiff graph inside the loss.
//! - Cosine similarity treats a vector shorter than `1e-6` as having no direction: its cosine with everything is 0 and it
//!   receives no gradient. So a zero vector gives neither NaN nor a huge step. A correlation has `1e-5` added to both
//!   variances instead: that of a constant vector is 0, with a bounded gradient.
//!
//! # Examples
//!
//! ```
//! use burn::prelude::*;
//! use semivox_losses::DiceCrossEntropyLossConfig;
//!
//! let device = Device::flex();
//! // One image of 1 x 2 voxels with two classes, both voxels predicted right.
//! let logits = Tensor::<4>::from_floats([[[[9.0, -9.0]], [[-9.0, 9.0]]]], &device);
//! let labels = Tensor::<4, Int>::from_ints([[[[0, 1]]]], &device);
//! let loss = DiceCrossEntropyLossConfig::new().init().forward(logits, labels);
//! assert!(loss.into_scalar::<f32>() < 1e-3);
//! ```

mod adaptive_contrastive;
mod anatomical_contrastive;
mod consistency;
mod cross_entropy;
mod cross_pseudo_supervision;
mod dense_contrastive;
mod dense_correspondence;
mod dice;
mod dice_consistency;
mod dice_cross_entropy;
mod divergence;
mod dual_task_consistency;
mod entropy;
mod format;
mod global_distillation;
mod info_nce;
mod local_distillation;
mod mutual_consistency;
mod nt_xent;
mod predictive_entropy;
mod prototype;
mod pyramid_consistency;
mod reduction;
mod signed_distance;
mod similarity;
mod targets;
#[cfg(test)]
mod testing;
mod uncertainty_consistency;
mod unsupervised_cross_entropy;

pub use adaptive_contrastive::{
    AdaptiveContrastiveInput, AdaptiveContrastiveLoss, AdaptiveContrastiveLossConfig,
    PositiveNormalization,
};
pub use anatomical_contrastive::{
    AnatomicalContrastiveInput, AnatomicalContrastiveLoss, AnatomicalContrastiveLossConfig,
};
pub use consistency::{ConsistencyLoss, ConsistencyLossConfig};
pub use cross_entropy::{CrossEntropyLoss, CrossEntropyLossConfig};
pub use cross_pseudo_supervision::{CrossPseudoSupervisionLoss, CrossPseudoSupervisionLossConfig};
pub use dense_contrastive::{DenseContrastiveLoss, DenseContrastiveLossConfig};
pub use dense_correspondence::dense_correspondence;
pub use dice::{DiceLoss, DiceLossConfig};
pub use dice_consistency::{DiceConsistencyLoss, DiceConsistencyLossConfig, DiceForm};
pub use dice_cross_entropy::{DiceCrossEntropyLoss, DiceCrossEntropyLossConfig};
pub use dual_task_consistency::{DualTaskConsistencyLoss, DualTaskConsistencyLossConfig};
pub use entropy::{EntropyLoss, EntropyLossConfig};
pub use global_distillation::{GlobalDistillationLoss, GlobalDistillationLossConfig};
pub use info_nce::{InfoNceLoss, InfoNceLossConfig};
pub use local_distillation::{
    LocalDistillationForm, LocalDistillationLoss, LocalDistillationLossConfig,
};
pub use mutual_consistency::{MutualConsistencyLoss, MutualConsistencyLossConfig};
pub use nt_xent::{NtXentLoss, NtXentLossConfig};
pub use predictive_entropy::predictive_entropy;
pub use prototype::{PrototypeInput, PrototypeLoss, PrototypeLossConfig};
pub use pyramid_consistency::{PyramidConsistencyLoss, PyramidConsistencyLossConfig};
pub use reduction::Reduction;
pub use signed_distance::{SignedDistanceLoss, SignedDistanceLossConfig};
pub use similarity::Similarity;
pub use targets::IGNORED_LABEL;
pub use uncertainty_consistency::{UncertaintyConsistencyLoss, UncertaintyConsistencyLossConfig};
pub use unsupervised_cross_entropy::{
    UnsupervisedCrossEntropyLoss, UnsupervisedCrossEntropyLossConfig,
};
