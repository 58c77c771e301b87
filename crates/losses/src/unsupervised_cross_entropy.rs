//! Cross-entropy against pseudo-labels, weighted by the confidence of each volume.

use burn::prelude::*;
use semivox_kernels::total;

use crate::format::Format;
use crate::targets::{IGNORED_LABEL, check_map, flatten_voxels, to_float};
use crate::{CrossEntropyLoss, CrossEntropyLossConfig};

/// Configuration of [`UnsupervisedCrossEntropyLoss`].
#[derive(Config, Debug)]
pub struct UnsupervisedCrossEntropyLossConfig {
    /// Confidence from which a voxel counts as confident, in 0..=1.
    #[config(default = 0.97)]
    pub confidence_threshold: f64,
}

impl UnsupervisedCrossEntropyLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `confidence_threshold` is not in 0..=1.
    pub fn init(&self) -> UnsupervisedCrossEntropyLoss {
        let threshold = self.confidence_threshold;
        assert!(
            (0.0..=1.0).contains(&threshold),
            "confidence_threshold must lie in 0..=1, found {threshold}"
        );
        UnsupervisedCrossEntropyLoss {
            cross_entropy: CrossEntropyLossConfig::new()
                .with_ignore_label(Some(IGNORED_LABEL))
                .init(),
            confidence_threshold: threshold,
        }
    }
}

/// Cross-entropy against a teacher's pseudo-labels, each volume weighted by the share of its voxels with a confident label.
///
/// ```text
/// w_b = #{v : conf(b,v) >= theta_s} / #{v : y(b,v) >= 0}
/// L   = mean over { (b,v) : l(b,v) > 0 } of w_b l(b,v)          (0 if there is none)
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | l(b,v) | cross-entropy of voxel v of image b, 0 where ignored | |
/// | y | pseudo-labels, -1 = ignored | |
/// | conf | the teacher's confidence in its pseudo-label | |
/// | theta_s | `confidence_threshold` | 0.97 |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - pseudo-labels, confidence: `[batch, 1, spatial…]`
/// - result: `[1]`
///
/// # Notes
///
/// Confidence scales whole volumes and masks no single voxel, as in the official code of ACTION. That code divides 0 by 0 when no
/// voxel has a positive loss, or an image has no pseudo-label; here both give 0. Gradient flows to the logits only.
///
/// # References
///
/// - C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan. Bootstrapping Semi-supervised Medical Image Segmentation with
///   Anatomical-aware Contrastive Distillation. IPMI 2023. arXiv 2206.02307. Unsupervised loss of the third stage.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::UnsupervisedCrossEntropyLossConfig;
///
/// let device = Device::flex();
/// let logits = Tensor::<4>::zeros([1, 2, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[1, 0]]]], &device);
/// let confidence = Tensor::<4>::from_floats([[[[0.99, 0.60]]]], &device);
/// // Half of the volume is confident: half of ln 2.
/// let loss = UnsupervisedCrossEntropyLossConfig::new().init();
/// let value = loss.forward(logits, labels, confidence).into_scalar::<f32>();
/// assert!((value - 0.5 * 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct UnsupervisedCrossEntropyLoss {
    /// Cross-entropy of each voxel.
    cross_entropy: CrossEntropyLoss,
    /// Confidence from which a voxel counts as confident.
    pub confidence_threshold: f64,
}

impl UnsupervisedCrossEntropyLoss {
    /// The weighted mean over the voxels with a positive loss.
    ///
    /// # Panics
    ///
    /// Panics if pseudo-labels or confidence are not `[batch, 1, spatial…]` for these logits.
    pub fn forward<const D: usize>(
        &self,
        logits: Tensor<D>,
        pseudo_labels: Tensor<D, Int>,
        confidence: Tensor<D>,
    ) -> Tensor<1> {
        check_map("confidences", confidence.dims(), logits.dims());
        let format = Format::of(&logits);
        let weights = self.volume_weights(pseudo_labels.clone(), format.widen(confidence));
        let logits = format.widen(logits);
        let losses = (self.cross_entropy).forward_no_reduction(logits, pseudo_labels);
        format.narrow(mean_over_positive(flatten_voxels(losses), weights))
    }

    /// `w_b`, the confident share of each volume: `[batch, 1, 1]`.
    fn volume_weights<const D: usize>(
        &self,
        pseudo_labels: Tensor<D, Int>,
        confidence: Tensor<D>,
    ) -> Tensor<3> {
        let confidence = flatten_voxels(confidence).without_autodiff();
        let dtype = confidence.dtype();
        let labeled = flatten_voxels(pseudo_labels)
            .without_autodiff()
            .greater_equal_elem(0);
        let confident = confidence.greater_equal_elem(self.confidence_threshold);
        let labeled = to_float(labeled, dtype).sum_dim(2).clamp_min(1.0);
        to_float(confident, dtype).sum_dim(2) / labeled
    }
}

/// `sum w_b l(b,v) / #{l > 0}` of losses `[batch, 1, voxels]`, 0 if no loss is positive.
fn mean_over_positive(losses: Tensor<3>, weights: Tensor<3>) -> Tensor<1> {
    let dtype = losses.dtype();
    let positive = losses.clone().without_autodiff().greater_elem(0.0);
    let count = total(to_float(positive, dtype)).clamp_min(1.0);
    total(losses * weights) / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init() -> UnsupervisedCrossEntropyLoss {
        UnsupervisedCrossEntropyLossConfig::new()
            .with_confidence_threshold(0.5)
            .init()
    }

    fn oracle(x: &[f64], y: &[i64], confidence: &[f64], [b, c, n]: [usize; 3]) -> f64 {
        let p = class_probabilities(x, [b, c, n]);
        let (mut total, mut positive) = (0.0, 0.0);
        for image in 0..b {
            let voxels = image * n..(image + 1) * n;
            let confident = voxels.clone().filter(|&i| confidence[i] >= 0.5).count() as f64;
            let labeled = voxels.clone().filter(|&i| y[i] >= 0).count().max(1) as f64;
            for i in voxels.filter(|&i| y[i] >= 0) {
                let loss = -p[(image * c + y[i] as usize) * n + i % n].ln();
                total += confident / labeled * loss;
                positive += f64::from(u8::from(loss > 0.0));
            }
        }
        total / positive
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (x, y, confidence) = (floats(72, 1), labels([24], -1, 3, 2), floats(24, 3));
        let expected = oracle(&x, &y, &confidence, [2, 3, 12]);
        let (flat, deep) = ([2, 1, 4, 3], [2, 1, 2, 2, 3]);
        let in_2d = init().forward(
            tensor([2, 3, 4, 3], &x),
            ints(flat, &y),
            tensor(flat, &confidence),
        );
        let in_3d = init().forward(
            tensor([2, 3, 2, 2, 3], &x),
            ints(deep, &y),
            tensor(deep, &confidence),
        );
        assert_near(scalar(in_2d), expected, 1e-12);
        assert_near(scalar(in_3d), expected, 1e-12);
    }

    /// Of two voxels, the one that is surely right already is not counted: ln 2, not half of it.
    #[test]
    fn a_voxel_without_loss_is_not_averaged_over() {
        let (x, y, confidence) = ([1e3, 0.0, -1e3, 0.0], [0, 1], [1.0; 2]);
        let found = init().forward(
            tensor([1, 2, 2], &x),
            ints([1, 1, 2], &y),
            tensor([1, 1, 2], &confidence),
        );
        let expected = oracle(&x, &y, &confidence, [1, 2, 2]);
        assert_near(expected, 2f64.ln(), 1e-12);
        assert_near(scalar(found), expected, 1e-12);
    }

    #[test]
    fn no_confident_voxel_gives_zero() {
        let run = |x| init().forward(x, ints([1, 1, 3], &[0, 1, 1]), tensor([1, 1, 3], &[0.4; 3]));
        assert_near(scalar(run(random([1, 2, 3], 1))), 0.0, 0.0);
        assert_stopped(random([1, 2, 3], 1), run);
    }

    #[test]
    fn full_confidence_is_the_plain_mean() {
        let (x, y) = (random([2, 3, 4], 1), ints([2, 1, 4], &labels([8], 0, 3, 2)));
        let plain = CrossEntropyLossConfig::new()
            .init()
            .forward(x.clone(), y.clone());
        let found = init().forward(x, y, tensor([2, 1, 4], &[1.0; 8]));
        assert_near(scalar(found), scalar(plain), 1e-12);
    }

    #[test]
    fn threshold_is_inclusive() {
        let run = |confidence: f64| {
            let logits = tensor([1, 2, 1], &[0.0, 0.0]);
            let map = tensor([1, 1, 1], &[confidence]);
            scalar(init().forward(logits, ints([1, 1, 1], &[0]), map))
        };
        assert_near(run(0.5), 2f64.ln(), 1e-12);
        assert_near(run(0.499), 0.0, 0.0);
    }

    #[test]
    fn gradient_reaches_the_logits_alone() {
        let y = ints([2, 1, 4], &labels([8], -1, 3, 4));
        let (x, confidence) = (random([2, 3, 4], 3), random([2, 1, 4], 5));
        assert_gradient(x.clone(), |x| {
            init().forward(x, y.clone(), confidence.clone())
        });
        assert_stopped(confidence, |map| init().forward(x.clone(), y.clone(), map));
    }

    #[test]
    fn order_of_the_batch_is_immaterial() {
        let (x, map) = (random([2, 3, 4], 3), random([2, 1, 4], 5));
        let y = ints([2, 1, 4], &labels([8], -1, 3, 4));
        let swapped = init().forward(
            x.clone().flip([0]),
            y.clone().flip([0]),
            map.clone().flip([0]),
        );
        assert_near(scalar(init().forward(x, y, map)), scalar(swapped), 1e-12);
    }

    #[test]
    fn image_without_pseudo_labels_and_empty_batch_are_guarded() {
        let confidence = tensor([2, 1, 2], &[1.0; 4]);
        let half = init().forward(
            tensor([2, 2, 2], &[0.0; 8]),
            ints([2, 1, 2], &[-1, -1, 0, 1]),
            confidence.clone(),
        );
        assert_near(scalar(half), 2f64.ln(), 1e-12);
        let run = |x| init().forward(x, ints([2, 1, 2], &[-1; 4]), confidence.clone());
        assert_near(scalar(run(random([2, 2, 2], 1))), 0.0, 0.0);
        assert_stopped(random([2, 2, 2], 1), run);
    }

    #[test]
    #[should_panic(expected = "confidence_threshold must lie in 0..=1")]
    fn threshold_must_be_a_probability() {
        UnsupervisedCrossEntropyLossConfig::new()
            .with_confidence_threshold(97.0)
            .init();
    }
}
