//! Cross pseudo supervision of two predictions.

use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::format::Format;
use crate::targets::IGNORED_LABEL;
use crate::{CrossEntropyLoss, CrossEntropyLossConfig};

/// Configuration of [`CrossPseudoSupervisionLoss`].
#[derive(Config, Debug)]
pub struct CrossPseudoSupervisionLossConfig {
    /// Probability below which a pseudo-label is ignored; 0 takes all.
    #[config(default = 0.0)]
    pub threshold: f64,
}

impl CrossPseudoSupervisionLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `threshold` is not in 0..=1.
    pub fn init(&self) -> CrossPseudoSupervisionLoss {
        let threshold = self.threshold;
        assert!(
            (0.0..=1.0).contains(&threshold),
            "threshold must lie in 0..=1, found {threshold}"
        );
        CrossPseudoSupervisionLoss {
            cross_entropy: CrossEntropyLossConfig::new()
                .with_ignore_label(Some(IGNORED_LABEL))
                .init(),
            threshold,
        }
    }
}

/// Cross pseudo supervision: cross-entropy of each of two predictions against the most probable classes of the other.
///
/// ```text
/// p_m = softmax o_m
/// y_m = argmax_c p_m where max_c p_m >= theta, else ignored
/// L   = CE(o_1, y_2) + CE(o_2, y_1)
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | o | logits | |
/// | theta | `threshold` | 0 |
/// | CE | mean over the voxels that are not ignored, 0 if all are | |
///
/// # Shapes
///
/// - first, second: logits `[batch, class, spatial…]`
/// - result of `forward`: `[1]`; of `forward_each`: two of `[1]`
///
/// # Notes
///
/// Labels are constants: gradient flows to the prediction that learns, not to the one that labels.
///
/// # References
///
/// - X. Chen, Y. Yuan, G. Zeng, J. Wang. Semi-Supervised Semantic Segmentation with Cross Pseudo Supervision. CVPR
///   2021. arXiv 2106.01226. Equation 2, without a threshold.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::CrossPseudoSupervisionLossConfig;
///
/// let device = Device::flex();
/// let unsure = Tensor::<3>::zeros([1, 2, 1], &device);
/// let sure = Tensor::<3>::from_floats([[[20.0], [-20.0]]], &device);
/// // Both predict class 0: ln 2 for the uncertain prediction, nothing for the other.
/// let loss = CrossPseudoSupervisionLossConfig::new().init().forward(unsure, sure);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct CrossPseudoSupervisionLoss {
    /// Cross-entropy against pseudo-labels.
    cross_entropy: CrossEntropyLoss,
    /// Probability below which a pseudo-label is ignored.
    pub threshold: f64,
}

impl CrossPseudoSupervisionLoss {
    /// The sum of the two cross-entropies.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward<const D: usize>(&self, first: Tensor<D>, second: Tensor<D>) -> Tensor<1> {
        let format = Format::of(&first);
        let [first, second] = self.forward_each(format.widen(first), format.widen(second));
        format.narrow(first + second)
    }

    /// The two cross-entropies: of the first prediction, then of the second.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_each<const D: usize>(
        &self,
        first: Tensor<D>,
        second: Tensor<D>,
    ) -> [Tensor<1>; 2] {
        let (found, wanted) = (second.dims(), first.dims());
        assert_eq!(found, wanted, "the two predictions differ in shape");
        let format = Format::of(&first);
        let [first, second] = [first, second].map(|logits| format.widen(logits));
        let [of_first, of_second] = [&first, &second].map(|logits| self.labels(logits.clone()));
        [(first, of_second), (second, of_first)]
            .map(|(logits, labels)| format.narrow(self.cross_entropy.forward(logits, labels)))
    }

    /// The most probable class of each voxel, ignored where its probability is below the threshold.
    fn labels<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D, Int> {
        let (probability, labels) = softmax(logits.detach(), 1).max_dim_with_indices(1);
        labels.mask_fill(probability.lower_elem(self.threshold), IGNORED_LABEL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init(threshold: f64) -> CrossPseudoSupervisionLoss {
        CrossPseudoSupervisionLossConfig::new()
            .with_threshold(threshold)
            .init()
    }

    /// Cross-entropy of `own` against the confident labels of `other`, both `[b, c, n]`.
    fn learn(own: &[f64], other: &[f64], theta: f64, [b, c, n]: [usize; 3]) -> f64 {
        let (p, q) = (
            class_probabilities(own, [b, c, n]),
            class_probabilities(other, [b, c, n]),
        );
        let (mut total, mut counted) = (0.0, 0.0);
        for image in 0..b {
            for v in 0..n {
                let at = |class: usize| (image * c + class) * n + v;
                let best = (0..c).fold(0, |a, x| if q[at(x)] > q[at(a)] { x } else { a });
                if q[at(best)] >= theta {
                    total -= p[at(best)].ln();
                    counted += 1.0;
                }
            }
        }
        if counted > 0.0 { total / counted } else { 0.0 }
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (a, b, shape) = (floats(72, 1), floats(72, 2), [2, 3, 12]);
        for theta in [0.0, 0.6] {
            let expected = learn(&a, &b, theta, shape) + learn(&b, &a, theta, shape);
            let (flat, deep) = ([2, 3, 4, 3], [2, 3, 2, 2, 3]);
            let in_2d = init(theta).forward(tensor(flat, &a), tensor(flat, &b));
            let in_3d = init(theta).forward(tensor(deep, &a), tensor(deep, &b));
            assert_near(scalar(in_2d), expected, 1e-12);
            assert_near(scalar(in_3d), expected, 1e-12);
        }
    }

    #[test]
    fn each_prediction_has_its_own_part() {
        let (a, b, shape) = (floats(24, 9), floats(24, 10), [2, 3, 4]);
        let parts = init(0.0).forward_each(tensor(shape, &a), tensor(shape, &b));
        let expected = [learn(&a, &b, 0.0, shape), learn(&b, &a, 0.0, shape)];
        for (found, expected) in parts.into_iter().zip(expected) {
            assert_near(scalar(found), expected, 1e-12);
        }
    }

    #[test]
    fn agreement_costs_nothing_and_sure_disagreement_all() {
        let sure = tensor([1, 2, 2], &[30.0, -30.0, -30.0, 30.0]);
        assert_near(
            scalar(init(0.0).forward(sure.clone(), sure.clone())),
            0.0,
            1e-12,
        );
        let found = init(0.0).forward(sure.clone(), sure.neg());
        assert_near(scalar(found), 120.0, 1e-9);
    }

    /// A prediction's gradient is that of its own cross-entropy; its part as a teacher adds none.
    #[test]
    fn labels_are_constants() {
        let (a, b) = (random([2, 3, 4], 3), random([2, 3, 4], 4));
        assert_gradient(a.clone(), |a| init(0.0).forward(a, b.clone()));
        assert_gradient(b.clone(), |b| init(0.0).forward(a.clone(), b));
        let as_teacher = |a: Tensor<3>| {
            let learn = CrossEntropyLossConfig::new().init();
            learn.forward(b.clone(), init(0.0).labels(a))
        };
        assert_stopped(a.clone(), as_teacher);
    }

    #[test]
    fn the_order_of_the_two_and_of_the_batch_is_immaterial() {
        let (a, b) = (random([3, 3, 4], 5), random([3, 3, 4], 6));
        let expected = scalar(init(0.5).forward(a.clone(), b.clone()));
        let swapped = init(0.5).forward(b.clone(), a.clone());
        assert_near(scalar(swapped), expected, 1e-12);
        let turned = init(0.5).forward(a.flip([0]), b.flip([0]));
        assert_near(scalar(turned), expected, 1e-12);
    }

    #[test]
    fn without_a_confident_voxel_the_loss_is_zero() {
        let run = |a| init(1.0).forward(a, random([1, 3, 4], 8));
        assert_near(scalar(run(random([1, 3, 4], 7))), 0.0, 0.0);
        assert_stopped(random([1, 3, 4], 7), run);
    }

    #[test]
    #[should_panic(expected = "threshold must lie in 0..=1")]
    fn the_threshold_must_be_a_probability() {
        init(95.0);
    }
}
