//! Choices that ACTION's settings offer where paper and code differ or say nothing.

use serde::{Deserialize, Serialize};

/// Treatment of a local patch that ends exactly where its axis ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastPatch {
    /// The patch is used.
    #[default]
    Kept,
    /// The patch is left out, as in the official 2D code: 36 patches of 256×256 instead of 49.
    Dropped,
}

/// Voxels whose pseudo-label the unsupervised cross-entropy takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PseudoLabels {
    /// All voxels; each patch is weighted by the share of its voxels with a confidence of `θ_s`, as in the official code.
    #[default]
    All,
    /// Those with a confidence of `θ_s`; the others are ignored, and every patch that has any has the weight 1.
    Confident,
}

/// View of the labeled patches in stage iii.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabeledView {
    /// Crop, rotation and flip only.
    Weak,
    /// Brightness, contrast and blur as well, as in ReCo, on which the official code is based.
    Strong,
}

/// Forward passes of the student on labeled and unlabeled patches in stage iii.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudentPasses {
    /// One pass for each kind, with separate batch statistics, as in the official code.
    Separate,
    /// One pass for all patches, with shared batch statistics.
    Joint,
}
