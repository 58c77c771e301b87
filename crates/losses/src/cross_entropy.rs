//! Cross-entropy of voxels.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;
use semivox_kernels::VoxelStatistics;

use crate::Reduction;
use crate::format::Format;
use crate::targets::{IGNORED_LABEL, check_map, flatten_voxels, one_hot, statistics};

/// Configuration of [`CrossEntropyLoss`].
#[derive(Config, Debug)]
pub struct CrossEntropyLossConfig {
    /// Voxels with this label are left out of the mean, and no gradient reaches them. `None` counts every voxel.
    #[config(default = "Some(IGNORED_LABEL)")]
    pub ignore_label: Option<i64>,
    /// Mean or sum over the voxels that are not ignored.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl CrossEntropyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> CrossEntropyLoss {
        CrossEntropyLoss {
            ignore_label: self.ignore_label,
            reduction: self.reduction,
        }
    }
}

/// Mean cross-entropy between the logits and the labels of voxels.
///
/// ```text
/// l(b,v) = - log softmax(o)[b, y(b,v), v]
/// L      = sum l(b,v) / #{(b,v) counted}       (0 if none is counted)
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | o | logits |
/// | y | labels |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - labels: `[batch, 1, spatial…]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, 1, spatial…]`
///
/// # Notes
///
/// A label that is neither a class nor the ignored label adds 0 to the sum but counts in the mean; check labels where
/// they are read.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::CrossEntropyLossConfig;
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().init();
/// let logits = Tensor::<4>::zeros([1, 3, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[2, -1]]]], &device);
/// let value = loss.forward(logits, labels).into_scalar::<f32>();
/// assert!((value - 3f32.ln()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct CrossEntropyLoss {
    /// Voxels with this label are left out of the mean.
    #[module(skip)]
    pub ignore_label: Option<i64>,
    /// Mean or sum over the voxels that are not ignored.
    #[module(skip)]
    pub reduction: Reduction,
}

impl CrossEntropyLoss {
    /// The loss, reduced over the voxels that are not ignored; 0 if all are.
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        let format = Format::of(&logits);
        let sums = statistics(format.widen(logits), labels, self.ignore_label);
        format.narrow(self.of_statistics(&sums))
    }

    /// The loss from sums over all voxels.
    pub(crate) fn of_statistics(&self, sums: &VoxelStatistics) -> Tensor<1> {
        let sum = sums.cross_entropy.clone();
        match self.reduction {
            Reduction::Mean => sum / sums.counted.clone().clamp_min(1.0),
            Reduction::Sum => sum,
        }
    }

    /// The cross-entropy of each voxel, 0 where it is ignored.
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<D, Int>,
    ) -> Tensor<D> {
        let shape = labels.dims();
        check_map("labels", shape, logits.dims());
        let format = Format::of(&logits);
        let logits = flatten_voxels(format.widen(logits));
        let log_probabilities = log_softmax(logits, 1); // [batch, class, voxels]
        let one_hot = one_hot(
            flatten_voxels(labels),
            self.ignore_label,
            &log_probabilities,
        );
        let losses = (log_probabilities * one_hot).sum_dim(1).neg(); // [batch, 1, voxels]
        format.narrow(losses.reshape(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(logits: &[f64], labels: &[i64], [b, c, n]: [usize; 3]) -> Vec<f64> {
        let p = class_probabilities(logits, [b, c, n]);
        let loss = |(i, &label): (usize, &i64)| match label {
            0.. => -p[(i / n * c + label as usize) * n + i % n].ln(),
            _ => 0.0,
        };
        labels.iter().enumerate().map(loss).collect()
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (values_in, truth) = (floats(2 * 3 * 12, 1), labels([24], -1, 3, 2));
        let expected = oracle(&values_in, &truth, [2, 3, 12]);
        let counted = truth.iter().filter(|&&label| label >= 0).count() as f64;
        let mean = expected.iter().sum::<f64>() / counted;
        let loss = CrossEntropyLossConfig::new()
            .with_ignore_label(Some(-1))
            .init();
        let (flat, flat_labels) = (tensor([2, 3, 4, 3], &values_in), ints([2, 1, 4, 3], &truth));
        let (deep, deep_labels) = (
            tensor([2, 3, 2, 2, 3], &values_in),
            ints([2, 1, 2, 2, 3], &truth),
        );
        assert_near(
            scalar(loss.forward(flat.clone(), flat_labels.clone())),
            mean,
            1e-12,
        );
        assert_near(scalar(loss.forward(deep, deep_labels)), mean, 1e-12);
        let map = loss.forward_no_reduction(flat, flat_labels);
        assert_eq!(map.dims(), [2, 1, 4, 3]);
        for (found, expected) in values(map).into_iter().zip(expected) {
            assert_near(found, expected, 1e-12);
        }
    }

    #[test]
    fn equal_logits_give_the_logarithm_of_the_class_count() {
        let loss = CrossEntropyLossConfig::new().init();
        let value = loss.forward(tensor([1, 4, 3], &[0.7; 12]), ints([1, 1, 3], &[0, 3, 1]));
        assert_near(scalar(value), 4f64.ln(), 1e-12);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let loss = CrossEntropyLossConfig::new().init();
        let logits = tensor([1, 2, 1], &[1e4, -1e4]);
        let run = |logits| loss.forward(logits, ints([1, 1, 1], &[1]));
        assert_near(scalar(run(logits.clone())), 2e4, 1e-6);
        assert!(
            gradient(logits, run)
                .expect("a gradient")
                .iter()
                .all(|g| g.is_finite())
        );
    }

    #[test]
    fn gradient_is_that_of_finite_differences() {
        let truth = ints([2, 1, 2, 2], &labels([8], -1, 3, 4));
        let loss = CrossEntropyLossConfig::new()
            .with_ignore_label(Some(-1))
            .init();
        assert_gradient(random([2, 3, 2, 2], 3), |x| loss.forward(x, truth.clone()));
    }

    #[test]
    fn order_of_the_batch_is_immaterial() {
        let (logits, truth) = (
            random([2, 3, 5], 5),
            ints([2, 1, 5], &labels([10], 0, 3, 6)),
        );
        let loss = CrossEntropyLossConfig::new().init();
        let swapped = loss.forward(logits.clone().flip([0]), truth.clone().flip([0]));
        assert_near(scalar(loss.forward(logits, truth)), scalar(swapped), 1e-12);
    }

    #[test]
    fn nothing_counted_gives_zero_without_gradient() {
        let loss = CrossEntropyLossConfig::new()
            .with_ignore_label(Some(-1))
            .init();
        let run = |x| loss.forward(x, ints([1, 1, 3], &[-1; 3]));
        assert_near(scalar(run(random([1, 2, 3], 7))), 0.0, 0.0);
        assert_stopped(random([1, 2, 3], 7), run);
    }

    #[test]
    fn a_real_class_can_be_ignored() {
        let logits = random([1, 2, 2], 8);
        let loss = CrossEntropyLossConfig::new()
            .with_ignore_label(Some(0))
            .init();
        let whole = CrossEntropyLossConfig::new().init();
        let found = loss.forward(logits.clone(), ints([1, 1, 2], &[0, 1]));
        let expected = whole.forward(logits.narrow(2, 1, 1), ints([1, 1, 1], &[1]));
        assert_near(scalar(found), scalar(expected), 1e-12);
    }

    #[test]
    #[should_panic(expected = "do not fit logits of shape [1, 2, 3]")]
    fn a_wrong_label_shape_names_both_shapes() {
        let loss = CrossEntropyLossConfig::new().init();
        loss.forward(random([1, 2, 3], 1), ints([1, 1, 2], &[0, 1]));
    }
}
