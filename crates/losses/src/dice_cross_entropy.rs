//! Dice and cross-entropy, the usual supervised segmentation loss.

use burn::prelude::*;

use crate::format::Format;
use crate::targets::statistics;
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

/// Dice and cross-entropy loss: the weighted sum of [`CrossEntropyLoss`] and [`DiceLoss`].
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
/// Both terms come from the same sums over the voxels ([`voxel_statistics`](semivox_kernels::voxel_statistics)).
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
    /// The weighted sum of both terms. The ignored label is that of the cross-entropy term.
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        let format = Format::of(&logits);
        let sums = statistics(
            format.widen(logits),
            labels,
            self.cross_entropy.ignore_label,
        );
        let cross_entropy = self.cross_entropy.of_statistics(&sums);
        let dice = self.dice.of_statistics(&sums);
        let sum =
            cross_entropy.mul_scalar(self.cross_entropy_weight) + dice.mul_scalar(self.dice_weight);
        format.narrow(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn equals_the_weighted_sum_of_its_terms() {
        let (x, y) = (
            random([2, 3, 2, 2, 2], 1),
            ints([2, 1, 2, 2, 2], &labels([16], -1, 3, 2)),
        );
        let config = DiceCrossEntropyLossConfig::new()
            .with_ignore_label(Some(-1))
            .with_include_background(false);
        let loss = config
            .with_cross_entropy_weight(0.3)
            .with_dice_weight(2.0)
            .init();
        let cross_entropy = scalar(loss.cross_entropy.forward(x.clone(), y.clone()));
        let dice = scalar(loss.dice.forward(x.clone(), y.clone()));
        assert_near(
            scalar(loss.forward(x, y)),
            0.3 * cross_entropy + 2.0 * dice,
            1e-12,
        );
    }

    #[test]
    fn perfect_match_is_zero() {
        let loss = DiceCrossEntropyLossConfig::new().init();
        let logits = tensor([1, 2, 2], &[50.0, -50.0, -50.0, 50.0]);
        assert_near(
            scalar(loss.forward(logits, ints([1, 1, 2], &[0, 1]))),
            0.0,
            1e-9,
        );
    }

    #[test]
    fn gradient_is_that_of_finite_differences() {
        let truth = ints([2, 1, 2, 2], &labels([8], 0, 3, 4));
        let loss = DiceCrossEntropyLossConfig::new().init();
        assert_gradient(random([2, 3, 2, 2], 3), |x| loss.forward(x, truth.clone()));
    }

    #[test]
    fn order_of_the_batch_is_immaterial() {
        let (x, y) = (
            random([2, 3, 5], 5),
            ints([2, 1, 5], &labels([10], 0, 3, 6)),
        );
        let loss = DiceCrossEntropyLossConfig::new().init();
        let swapped = loss.forward(x.clone().flip([0]), y.clone().flip([0]));
        assert_near(scalar(loss.forward(x, y)), scalar(swapped), 1e-12);
    }

    #[test]
    fn single_precision_and_a_single_image_of_background() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<4>::zeros([1, 2, 2, 2], &device).require_grad();
        let labels = Tensor::<4, Int>::zeros([1, 1, 2, 2], &device);
        let loss = DiceCrossEntropyLossConfig::new()
            .init()
            .forward(logits.clone(), labels);
        // Dice: background 1 - 4/5, the absent class 1 - 1e-5 / (1 + 1e-5).
        assert_near(scalar(loss.clone()), 0.5 * (2f64.ln() + 0.6), 1e-4);
        let gradient = values(logits.grad(&loss.backward()).expect("a gradient"));
        assert!(gradient.iter().all(|g| g.is_finite()));
    }
}
