//! The usual supervised segmentation loss: cross-entropy plus Dice.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::targets::{Targets, check_map, flatten_voxels};
use crate::{CrossEntropyLoss, CrossEntropyLossConfig, DiceLoss, DiceLossConfig};

/// Configuration of [`DiceCrossEntropyLoss`].
#[derive(Config, Debug)]
pub struct DiceCrossEntropyLossConfig {
    /// Weight of the cross-entropy.
    #[config(default = 0.5)]
    pub cross_entropy_weight: f64,
    /// Weight of the Dice loss.
    #[config(default = 0.5)]
    pub dice_weight: f64,
    /// Smoothing of the Dice loss.
    #[config(default = 1e-5)]
    pub smoothing: f64,
    /// Whether class 0 counts in the Dice loss.
    #[config(default = true)]
    pub include_background: bool,
    /// Voxels with this label, usually -1, are left out of both terms. `None` counts every voxel.
    pub ignore_label: Option<i64>,
}

impl DiceCrossEntropyLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `smoothing` is not positive and finite.
    pub fn init(&self) -> DiceCrossEntropyLoss {
        DiceCrossEntropyLoss {
            cross_entropy: CrossEntropyLossConfig::new()
                .with_ignore_label(self.ignore_label)
                .init(),
            dice: DiceLossConfig::new()
                .with_smoothing(self.smoothing)
                .with_include_background(self.include_background)
                .with_ignore_label(self.ignore_label)
                .init(),
            cross_entropy_weight: self.cross_entropy_weight,
            dice_weight: self.dice_weight,
        }
    }
}

/// Weighted sum of [`CrossEntropyLoss`] and [`DiceLoss`].
///
/// ```text
/// L = w_ce L_ce + w_dice L_dice
/// ```
///
/// | symbol | field | default |
/// |---|---|---|
/// | w_ce | `cross_entropy_weight` | 0.5 |
/// | w_dice | `dice_weight` | 0.5 |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - labels: `[batch, 1, spatial…]`
/// - result: `[1]`
///
/// # Notes
///
/// The log-softmax is computed once; the probabilities of the Dice loss are its exponential.
///
/// # References
///
/// - C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan. Bootstrapping Semi-supervised Medical Image Segmentation with
///   Anatomical-aware Contrastive Distillation. IPMI 2023. arXiv 2206.02307. The weights of one half are those of its
///   official code.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::DiceCrossEntropyLossConfig;
///
/// let device = Device::flex();
/// let logits = Tensor::<4>::zeros([1, 2, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[0, 1]]]], &device);
/// let value = DiceCrossEntropyLossConfig::new().init().forward(logits, labels).into_scalar::<f32>();
/// assert!((value - 0.5 * (2f32.ln() + 1.0 / 3.0)).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct DiceCrossEntropyLoss {
    /// The cross-entropy term.
    pub cross_entropy: CrossEntropyLoss,
    /// The Dice term.
    pub dice: DiceLoss,
    /// Weight of the cross-entropy.
    pub cross_entropy_weight: f64,
    /// Weight of the Dice loss.
    pub dice_weight: f64,
}

impl DiceCrossEntropyLoss {
    /// Computes the loss. The ignored label is that of the cross-entropy term.
    ///
    /// # Shapes
    ///
    /// As in [`DiceCrossEntropyLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        check_map("labels", labels.dims(), logits.dims());
        let (classes, dtype) = (logits.dims()[1], logits.dtype());
        let ignored = self.cross_entropy.ignore_label;
        let targets = Targets::new(flatten_voxels(labels), classes, ignored, dtype);
        let log_probabilities = log_softmax(flatten_voxels(logits), 1); // [batch, class, voxels]
        let dice = self
            .dice
            .of_probabilities(log_probabilities.clone().exp(), &targets);
        let cross_entropy = self
            .cross_entropy
            .mean_of_log_probabilities(log_probabilities, &targets);
        cross_entropy.mul_scalar(self.cross_entropy_weight) + dice.mul_scalar(self.dice_weight)
    }
}
