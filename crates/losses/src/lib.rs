//! Segmentation, distillation and contrast losses for any Burn model.
//!
//! A loss takes tensors and gives a scalar tensor of shape `[1]`. It knows no model and no data set, so it fits
//! any backbone. Each loss is made from a configuration: `XConfig::new().init()` gives an `X` with a `forward`.
//!
//! | loss | what it compares |
//! |---|---|
//! | [`CrossEntropyLoss`] | voxel logits and labels, with an optional ignored label |
//! | [`DiceLoss`] | soft Dice with a squared denominator |
//! | [`DiceCrossEntropyLoss`] | weighted sum of the two, from one softmax |
//! | [`GlobalDistillationLoss`] | similarity distributions of whole images over anchors |
//! | [`LocalDistillationLoss`] | the same at each location of a patch grid |
//! | [`PairwiseDistillationLoss`] | positions of a feature map, between student and teacher |
//! | [`SliceContrastLoss`] | slices of volumes, between student and teacher |
//! | [`PositionContrastLoss`] | positions of feature maps, between student and teacher |
//! | [`FeatureContrastLoss`] | channels of embeddings, between student and teacher |
//! | [`SignedDistanceLoss`] | predicted and true signed distance maps |
//! | [`ConsistencyLoss`] | class probabilities of student and teacher |
//! | [`UncertaintyConsistencyLoss`] | the same where the teacher is certain |
//! | [`EntropyLoss`] | class probabilities and certainty |
//! | [`DualTaskConsistencyLoss`] | class probabilities and the signed distances of the same network |
//! | [`PyramidConsistencyLoss`] | class probabilities at several scales of one network |
//! | [`UnsupervisedCrossEntropyLoss`] | voxel logits and pseudo-labels, weighted by the confidence of the volume |
//! | [`CrossPseudoLoss`] | two predictions, each against the other's most probable classes |
//! | [`DenseContrastLoss`] | positions that correspond by their features, between query and key |
//! | [`ViewContrastLoss`] | images, or regions of an image, between two views |
//! | [`AnatomicalContrastLoss`] | hard voxel queries, class means and voxels of other classes |
//! | [`AdaptiveContrastLoss`] | labeled voxels, banked features and the centers assigned to the classes |
//!
//! # Conventions
//!
//! - Logits are `[batch, class, spatial…]` of any rank: 2D slices, 3D volumes, or no spatial axis at all. Labels are
//!   integers of shape `[batch, 1, spatial…]`. The spatial axes are flattened inside.
//! - The result has the number format of the first input, and the other inputs follow it. `f16` and `bf16` are widened
//!   to `f32` inside, since sums over a volume lose counts in 16 bits; what remains is the rounding of inputs, result
//!   and gradients. The gradient of a mean over many voxels may be too small for `f16` (below 3e-8 it is 0): multiply
//!   the loss and divide the gradients, or use `bf16`.
//! - Nothing here reads a value back from the device, so no loss stalls a GPU queue.
//! - What a paper treats as a constant (teacher, anchors, memory banks, class means, negatives) is taken out of the
//!   autodiff graph inside the loss.
//! - Cosine similarity treats a vector shorter than `1e-6` as having no direction: its cosine with everything is 0 and it
//!   receives no gradient. So a zero vector gives neither NaN nor a huge step.
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

mod adaptive_contrast;
mod anatomical_contrast;
mod consistency;
mod cross_entropy;
mod cross_pseudo;
mod dense_contrast;
mod dice;
mod dice_cross_entropy;
mod divergence;
mod dual_task_consistency;
mod entropy;
mod feature_contrast;
mod format;
mod global_distillation;
mod local_distillation;
mod pairwise_distillation;
mod position_contrast;
mod predictive_entropy;
mod pyramid_consistency;
mod signed_distance;
mod similarity;
mod slice_contrast;
mod targets;
#[cfg(test)]
mod testing;
mod uncertainty_consistency;
mod unsupervised_cross_entropy;
mod view_contrast;

pub use adaptive_contrast::{
    AdaptiveContrastInput, AdaptiveContrastLoss, AdaptiveContrastLossConfig, PositiveNormalization,
};
pub use anatomical_contrast::{
    AnatomicalContrastInput, AnatomicalContrastLoss, AnatomicalContrastLossConfig,
};
pub use consistency::{ConsistencyLoss, ConsistencyLossConfig};
pub use cross_entropy::{CrossEntropyLoss, CrossEntropyLossConfig};
pub use cross_pseudo::{CrossPseudoLoss, CrossPseudoLossConfig};
pub use dense_contrast::{DenseContrastLoss, DenseContrastLossConfig, dense_correspondence};
pub use dice::{DiceLoss, DiceLossConfig};
pub use dice_cross_entropy::{DiceCrossEntropyLoss, DiceCrossEntropyLossConfig};
pub use dual_task_consistency::{DualTaskConsistencyLoss, DualTaskConsistencyLossConfig};
pub use entropy::{EntropyLoss, EntropyLossConfig};
pub use feature_contrast::{FeatureContrastLoss, FeatureContrastLossConfig};
pub use global_distillation::{GlobalDistillationLoss, GlobalDistillationLossConfig};
pub use local_distillation::{
    LocalDistillationForm, LocalDistillationLoss, LocalDistillationLossConfig,
};
pub use pairwise_distillation::{
    PairwiseDistillationLoss, PairwiseDistillationLossConfig, PositionReduction,
};
pub use position_contrast::{PositionContrastLoss, PositionContrastLossConfig};
pub use predictive_entropy::predictive_entropy;
pub use pyramid_consistency::{PyramidConsistencyLoss, PyramidConsistencyLossConfig};
pub use signed_distance::{SignedDistanceLoss, SignedDistanceLossConfig};
pub use slice_contrast::{SliceContrastLoss, SliceContrastLossConfig};
pub use uncertainty_consistency::{UncertaintyConsistencyLoss, UncertaintyConsistencyLossConfig};
pub use unsupervised_cross_entropy::{
    UnsupervisedCrossEntropyLoss, UnsupervisedCrossEntropyLossConfig,
};
pub use view_contrast::{ViewContrastLoss, ViewContrastLossConfig};
