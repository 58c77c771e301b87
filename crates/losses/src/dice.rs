//! Soft Dice loss with a squared denominator.

use burn::prelude::*;
use semivox_kernels::VoxelStatistics;

use crate::Reduction;
use crate::format::Format;
use crate::targets::{IGNORED_LABEL, statistics};

/// Configuration of [`DiceLoss`].
#[derive(Config, Debug)]
pub struct DiceLossConfig {
    /// Added to numerator and denominator, so that a class absent from both sides costs nothing.
    #[config(default = 1e-5)]
    pub smoothing: f64,
    /// Whether class 0 counts in the mean over classes.
    #[config(default = true)]
    pub include_background: bool,
    /// Voxels with this label are left out of all sums, and no gradient reaches them. `None` counts every voxel.
    #[config(default = "Some(IGNORED_LABEL)")]
    pub ignore_label: Option<i64>,
    /// Mean or sum over the classes.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl DiceLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `smoothing` is not positive and finite.
    pub fn init(&self) -> DiceLoss {
        let smoothing = self.smoothing;
        assert!(
            smoothing.is_finite() && smoothing > 0.0,
            "smoothing must be positive and finite, found {smoothing}"
        );
        DiceLoss {
            smoothing,
            include_background: self.include_background,
            ignore_label: self.ignore_label,
            reduction: self.reduction,
        }
    }
}

/// Soft Dice loss: one minus the Dice overlap of class probabilities and labels, averaged over the classes.
///
/// ```text
/// L = (1/C) sum_c [ 1 - (2 sum p_c g_c + s) / (sum p_c^2 + sum g_c^2 + s) ]
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | p | softmax of the logits |
/// | g | one-hot labels |
/// | s | `smoothing` |
/// | C | number of classes, without the background if `include_background` is off |
///
/// The inner sums run over batch and space together.
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - labels: `[batch, 1, spatial…]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[C]`
///
/// # References
///
/// - F. Milletari, N. Navab, S.-A. Ahmadi. V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
///   Segmentation. 3DV 2016. arXiv 1606.04797.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::DiceLossConfig;
///
/// let device = Device::flex();
/// // Two voxels, p = 1/2 everywhere, one voxel of each class: 1 - 2 * 0.5 / (0.5 + 1) = 1/3.
/// let logits = Tensor::<4>::zeros([1, 2, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[0, 1]]]], &device);
/// let value = DiceLossConfig::new().init().forward(logits, labels).into_scalar::<f32>();
/// assert!((value - 1.0 / 3.0).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct DiceLoss {
    /// Added to numerator and denominator.
    pub smoothing: f64,
    /// Whether class 0 counts in the mean over classes.
    pub include_background: bool,
    /// Voxels with this label are left out of all sums.
    #[module(skip)]
    pub ignore_label: Option<i64>,
    /// Mean or sum over the classes.
    #[module(skip)]
    pub reduction: Reduction,
}

impl DiceLoss {
    /// The loss, reduced over the classes.
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits, or if the background is left out and
    /// there is no other class.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        let format = Format::of(&logits);
        let sums = statistics(format.widen(logits), labels, self.ignore_label);
        format.narrow(self.of_statistics(&sums))
    }

    /// The loss of each class.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<D, Int>,
    ) -> Tensor<1> {
        let format = Format::of(&logits);
        let sums = statistics(format.widen(logits), labels, self.ignore_label);
        format.narrow(self.of_classes(&sums))
    }

    /// The loss from sums over all voxels.
    pub(crate) fn of_statistics(&self, sums: &VoxelStatistics) -> Tensor<1> {
        self.reduction.apply(self.of_classes(sums))
    }

    /// The loss of each class from sums over all voxels.
    fn of_classes(&self, sums: &VoxelStatistics) -> Tensor<1> {
        let smoothing = self.smoothing;
        let intersection = self.scored_classes(sums.intersection.clone());
        // 1² = 1, so the labels' squares are their sums.
        let cardinality = self.scored_classes(sums.squares.clone() + sums.labeled.clone());
        let overlap =
            intersection.mul_scalar(2.0).add_scalar(smoothing) / cardinality.add_scalar(smoothing);
        overlap.neg().add_scalar(1.0)
    }

    fn scored_classes(&self, classes: Tensor<1>) -> Tensor<1> {
        if self.include_background {
            return classes;
        }
        let foreground = classes.dims()[0] - 1;
        assert!(
            foreground > 0,
            "Dice without the background needs at least 2 classes, found 1"
        );
        classes.narrow(0, 1, foreground)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(logits: &[f64], labels: &[i64], [b, c, n]: [usize; 3], first: usize) -> f64 {
        let p = class_probabilities(logits, [b, c, n]);
        let mut total = 0.0;
        for class in first..c {
            let (mut product, mut squares) = (0.0, 0.0);
            for i in (0..b * n).filter(|&i| labels[i] >= 0) {
                let probability = p[(i / n * c + class) * n + i % n];
                let indicator = f64::from(u8::from(labels[i] == class as i64));
                product += probability * indicator;
                squares += probability * probability + indicator * indicator;
            }
            total += 1.0 - (2.0 * product + 1e-5) / (squares + 1e-5);
        }
        total / (c - first) as f64
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (x, y) = (floats(72, 1), labels([24], -1, 3, 2));
        for (background, first) in [(true, 0), (false, 1)] {
            let loss = DiceLossConfig::new()
                .with_include_background(background)
                .with_ignore_label(Some(-1))
                .init();
            let expected = oracle(&x, &y, [2, 3, 12], first);
            let flat = loss.forward(tensor([2, 3, 4, 3], &x), ints([2, 1, 4, 3], &y));
            let deep = loss.forward(tensor([2, 3, 2, 2, 3], &x), ints([2, 1, 2, 2, 3], &y));
            assert_near(scalar(flat), expected, 1e-12);
            assert_near(scalar(deep), expected, 1e-12);
        }
    }

    #[test]
    fn perfect_match_is_zero_and_disjoint_is_one() {
        let loss = DiceLossConfig::new().init();
        let logits = tensor([1, 2, 2], &[50.0, -50.0, -50.0, 50.0]);
        let right = loss.forward(logits.clone(), ints([1, 1, 2], &[0, 1]));
        let wrong = loss.forward(logits, ints([1, 1, 2], &[1, 0]));
        assert_near(scalar(right), 0.0, 1e-9);
        assert_near(scalar(wrong), 1.0, 1e-5); // smoothing: 1 - 1e-5 / 2
    }

    #[test]
    fn gradient_is_that_of_finite_differences() {
        let truth = ints([2, 1, 2, 2], &labels([8], -1, 3, 4));
        let loss = DiceLossConfig::new().with_ignore_label(Some(-1)).init();
        assert_gradient(random([2, 3, 2, 2], 3), |x| loss.forward(x, truth.clone()));
    }

    #[test]
    fn order_of_batch_and_voxels_is_immaterial() {
        let (x, y) = (
            random([2, 3, 5], 5),
            ints([2, 1, 5], &labels([10], 0, 3, 6)),
        );
        let loss = DiceLossConfig::new().init();
        let flipped = loss.forward(x.clone().flip([0, 2]), y.clone().flip([0, 2]));
        assert_near(scalar(loss.forward(x, y)), scalar(flipped), 1e-12);
    }

    #[test]
    fn class_absent_on_both_sides_costs_nothing() {
        // Background only, predicted as such; classes 1 and 2 have probability 0.
        let logits = tensor([1, 3, 1], &[400.0, -400.0, -400.0]);
        let value = DiceLossConfig::new()
            .init()
            .forward(logits, ints([1, 1, 1], &[0]));
        assert_near(scalar(value), 0.0, 1e-9);
    }

    #[test]
    fn everything_ignored_costs_nothing() {
        let loss = DiceLossConfig::new().with_ignore_label(Some(-1)).init();
        let run = |x| loss.forward(x, ints([1, 1, 3], &[-1; 3]));
        assert_near(scalar(run(random([1, 2, 3], 7))), 0.0, 1e-12);
        assert_stopped(random([1, 2, 3], 7), run);
    }

    #[test]
    #[should_panic(expected = "needs at least 2 classes")]
    fn foreground_needs_a_second_class() {
        let loss = DiceLossConfig::new().with_include_background(false).init();
        loss.forward(random([1, 1, 2], 1), ints([1, 1, 2], &[0, 0]));
    }

    #[test]
    #[should_panic(expected = "smoothing must be positive")]
    fn smoothing_must_be_positive() {
        DiceLossConfig::new().with_smoothing(0.0).init();
    }
}
