//! Dice and cross-entropy, the usual supervised segmentation loss.

use burn::prelude::*;

use crate::format::Format;
use crate::targets::{IGNORED_LABEL, statistics};
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
    /// Voxels with this label are left out of both terms, and no gradient reaches them. `None` counts every voxel.
    #[config(default = "Some(IGNORED_LABEL)")]
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

    /// Patches whose second half is ignored: the losses are those of the first halves, and no gradient reaches the rest,
    /// with whatever label it is marked.
    #[test]
    fn ignored_voxels_are_as_if_they_were_not_there() {
        let (whole, truth) = (floats(2 * 3 * 8, 1), labels([16], 0, 3, 2));
        let first = |values: &[f64]| -> Vec<f64> {
            values
                .chunks_exact(8)
                .flat_map(|map| &map[..4])
                .copied()
                .collect()
        };
        let kept: Vec<i64> = truth
            .chunks_exact(8)
            .flat_map(|map| &map[..4])
            .copied()
            .collect();
        for ignored in [IGNORED_LABEL, 7] {
            let marked = |(i, &label): (usize, &i64)| if i % 8 < 4 { label } else { ignored };
            let marked: Vec<i64> = truth.iter().enumerate().map(marked).collect();
            let (marked, kept) = (ints([2, 1, 8], &marked), ints([2, 1, 4], &kept));
            let config = DiceCrossEntropyLossConfig::new().with_smoothing(0.1);
            let loss = config.with_ignore_label(Some(ignored)).init();
            let run = |logits| loss.forward(logits, marked.clone());
            let alone = loss.forward(tensor([2, 3, 4], &first(&whole)), kept);
            let logits = tensor([2, 3, 8], &whole);
            assert_near(scalar(run(logits.clone())), scalar(alone), 1e-12);
            let slopes = gradient(logits, run).expect("a gradient");
            for map in slopes.chunks_exact(8) {
                assert!(map[..4].iter().all(|&slope| slope != 0.0));
                assert_eq!(map[4..], [0.0; 4]);
            }
        }
        let nothing = ints([2, 1, 8], &[IGNORED_LABEL; 16]);
        let loss = DiceCrossEntropyLossConfig::new().init();
        let run = |logits| loss.forward(logits, nothing.clone());
        let logits = tensor([2, 3, 8], &whole);
        assert_near(scalar(run(logits.clone())), 0.0, 1e-12);
        assert_eq!(gradient(logits, run).expect("a gradient"), [0.0; 48]);
    }

    /// In single precision on the CPU, where one pass computes both terms, and for each term alone.
    #[test]
    fn terms_in_single_precision_leave_ignored_voxels_alone() {
        let device = burn::prelude::Device::flex().autodiff();
        let logits = || {
            let values: Vec<f32> = floats(2 * 3 * 8, 1).iter().map(|&x| x as f32).collect();
            Tensor::<3>::from_data(TensorData::new(values, [2, 3, 8]), &device).require_grad()
        };
        let marked: Vec<i64> = labels([16], -1, 3, 2);
        let marked =
            || Tensor::<3, Int>::from_data(TensorData::new(marked.clone(), [2, 1, 8]), &device);
        let both = DiceCrossEntropyLossConfig::new().init();
        type Term<'a> = &'a dyn Fn(Tensor<3>) -> Tensor<1>;
        let terms: [Term<'_>; 4] = [
            &|x| both.forward(x, marked()),
            &|x| both.dice.forward(x, marked()),
            &|x| both.cross_entropy.forward(x, marked()),
            &|x| both.cross_entropy.forward_no_reduction(x, marked()).sum(),
        ];
        for term in terms {
            let logits = logits();
            let slopes = logits
                .grad(&term(logits.clone()).backward())
                .expect("a gradient");
            let ignored = marked().inner().equal_elem(IGNORED_LABEL).expand([2, 3, 8]);
            let inside = slopes.clone().mask_fill(ignored.clone().bool_not(), 0.0);
            assert_eq!(inside.abs().sum().into_scalar::<f32>(), 0.0);
            assert!(
                slopes
                    .mask_fill(ignored, 0.0)
                    .abs()
                    .sum()
                    .into_scalar::<f32>()
                    > 0.0
            );
        }
    }
}
