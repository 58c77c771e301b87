//! Uncertainty-rectified consistency of one network's predictions at several scales.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;
use semivox_kernels::total;

use crate::format::Format;
use crate::reduction;
use crate::targets::flatten_voxels;

/// Configuration of [`PyramidConsistencyLoss`].
#[derive(Config, Debug)]
pub struct PyramidConsistencyLossConfig {}

impl PyramidConsistencyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> PyramidConsistencyLoss {
        PyramidConsistencyLoss {}
    }
}

/// Uncertainty-rectified pyramid consistency: squared distance of each scale's class probabilities from their mean over the
/// scales, weighted less where the scale is uncertain.
///
/// ```text
/// p̄(v)   = (1/S) Σ_s p_s(v)
/// D_s(v) = Σ_c p_s(c,v) log (p_s(c,v) / p̄(c,v))
/// w_s(v) = exp(−D_s(v))
/// L      = (1/S) Σ_s [ Σ_v w_s(v) ‖p_s(v) − p̄(v)‖² / Σ_v w_s(v) + mean_v D_s(v) ]
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | p_s | softmax of the logits at scale s, on one common grid |
/// | v | a voxel of any element of the batch |
/// | D_s | how far the scale is from the mean: its uncertainty |
///
/// # Shapes
///
/// - scales: at least one tensor of logits `[batch, class, spatial…]`, all of one shape
/// - result: `[1]`
///
/// # Notes
///
/// The divergence is `KL(p_s ‖ p̄)`, as the paper prints it; the public code of its authors computes `KL(p̄ ‖ p_s)`.
/// Nothing is a constant: gradients pass through the mean prediction and the weights, as in the formula and in that
/// code. The squared distance is a sum over the classes, in that code a mean. The mean's logarithm is taken from the
/// logits, so that a vanishing probability gives neither a NaN nor an infinity.
///
/// # References
///
/// - X. Luo et al. Efficient Semi-supervised Gross Target Volume of Nasopharyngeal Carcinoma Segmentation via
///   Uncertainty Rectified Pyramid Consistency. MICCAI 2021. arXiv 2012.07042. The uncertainty and the pyramid
///   consistency loss.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::PyramidConsistencyLossConfig;
///
/// let device = Device::flex();
/// let sure = Tensor::<3>::from_floats([[[40.0], [-40.0]]], &device);
/// // Two certain scales that contradict each other: ½ of squared distance, ln 2 of divergence.
/// let loss = PyramidConsistencyLossConfig::new().init().forward(&[sure.clone(), sure.neg()]);
/// assert!((loss.into_scalar::<f32>() - (0.5 + 2f32.ln())).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct PyramidConsistencyLoss {}

impl PyramidConsistencyLoss {
    /// The mean over the scales.
    ///
    /// # Panics
    ///
    /// Panics if there is no scale or the shapes differ.
    pub fn forward<const D: usize>(&self, scales: &[Tensor<D>]) -> Tensor<1> {
        let first = scales.first().expect("at least one scale");
        for scale in scales {
            let (found, wanted) = (scale.dims(), first.dims());
            assert_eq!(found, wanted, "the logits of the scales differ in shape");
        }
        let format = Format::of(first);
        let logs = scales
            .iter()
            .map(|scale| flatten_voxels(format.widen(scale.clone())));
        let logs: Vec<Tensor<3>> = logs.map(|scale| log_softmax(scale, 1)).collect();
        let mean_log = log_mean(&logs);
        let mean = mean_log.clone().exp();
        let terms = logs
            .into_iter()
            .map(|log| rectified(log, mean_log.clone(), mean.clone()));
        let total = terms.reduce(|a, b| a + b).expect("at least one scale");
        format.narrow(total.div_scalar(scales.len() as f64))
    }
}

/// `log (1/S) Σ_s exp l_s` of finite logarithms.
fn log_mean(logs: &[Tensor<3>]) -> Tensor<3> {
    let count = logs.len() as f64;
    // A constant shift: it cancels, and so does its gradient.
    let most = logs.iter().map(|log| log.clone().detach());
    let most = most.reduce(Tensor::max_pair).expect("at least one scale");
    let shifted = logs.iter().map(|log| (log.clone() - most.clone()).exp());
    let sum = shifted.reduce(|a, b| a + b).expect("at least one scale");
    sum.log() + most.sub_scalar(count.ln())
}

/// One scale's distance from the mean, weighted by its certainty, and its mean uncertainty.
fn rectified(log: Tensor<3>, mean_log: Tensor<3>, mean: Tensor<3>) -> Tensor<1> {
    let probability = log.clone().exp();
    let uncertainty = (probability.clone() * (log - mean_log)).sum_dim(1); // [batch, 1, voxels]
    let weight = uncertainty.clone().neg().exp();
    let distance = (probability - mean).square().sum_dim(1);
    // D is at most log S: the sum of weights is never small.
    total(distance * weight.clone()) / total(weight) + reduction::mean(uncertainty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn loss<const D: usize>(scales: &[Tensor<D>]) -> Tensor<1> {
        PyramidConsistencyLossConfig::new().init().forward(scales)
    }

    fn oracle(scales: &[Vec<f64>], [batch, classes, voxels]: [usize; 3]) -> f64 {
        let shape = [batch, classes, voxels];
        let p: Vec<Vec<f64>> = scales
            .iter()
            .map(|s| class_probabilities(s, shape))
            .collect();
        let mean = |i: usize| p.iter().map(|p| p[i]).sum::<f64>() / p.len() as f64;
        let mut total = 0.0;
        for p in &p {
            let (mut weights, mut distances, mut divergences) = (0.0, 0.0, 0.0);
            for b in 0..batch {
                for v in 0..voxels {
                    let index = |c: usize| (b * classes + c) * voxels + v;
                    let classes = || (0..classes).map(index);
                    let d: f64 = classes().map(|i| p[i] * (p[i] / mean(i)).ln()).sum();
                    let squared: f64 = classes().map(|i| (p[i] - mean(i)).powi(2)).sum();
                    weights += (-d).exp();
                    distances += (-d).exp() * squared;
                    divergences += d;
                }
            }
            total += distances / weights + divergences / (batch * voxels) as f64;
        }
        total / p.len() as f64
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let scales: Vec<Vec<f64>> = (0..4).map(|s| floats(72, s)).collect();
        let expected = oracle(&scales, [2, 3, 12]);
        let flat: Vec<_> = scales.iter().map(|s| tensor([2, 3, 4, 3], s)).collect();
        let deep: Vec<_> = scales.iter().map(|s| tensor([2, 3, 2, 2, 3], s)).collect();
        assert_near(scalar(loss(&flat)), expected, 1e-12);
        assert_near(scalar(loss(&deep)), expected, 1e-12);
    }

    #[test]
    fn agreement_and_a_single_scale_cost_nothing() {
        let x = random([1, 3, 4], 1);
        assert_near(scalar(loss(&[x.clone(), x.clone(), x.clone()])), 0.0, 1e-12);
        assert_near(scalar(loss(&[x])), 0.0, 1e-12);
    }

    /// S certain scales, each for a class of its own: distance 1 − 1/S, divergence ln S.
    #[test]
    fn contradiction_has_the_value_of_the_formula() {
        let of = |class: usize| {
            let logits: Vec<f64> = (0..4)
                .map(|c| if c == class { 300.0 } else { 0.0 })
                .collect();
            tensor([1, 4, 1], &logits)
        };
        let found = scalar(loss(&[of(0), of(1), of(2), of(3)]));
        assert_near(found, 0.75 + 4f64.ln(), 1e-12);
    }

    /// Two voxels of which one is uncertain: it weighs less than the other.
    #[test]
    fn uncertain_voxels_weigh_less() {
        let a = vec![3.0, 0.5, -3.0, 0.0];
        let b = vec![-3.0, 0.0, 3.0, 0.5];
        let expected = oracle(&[a.clone(), b.clone()], [1, 2, 2]);
        let found = scalar(loss(&[tensor([1, 2, 2], &a), tensor([1, 2, 2], &b)]));
        assert_near(found, expected, 1e-12);
        let voxel = |v: usize| {
            let of = |x: &[f64]| tensor([1, 2, 1], &[x[v], x[v + 2]]);
            scalar(loss(&[of(&a), of(&b)]))
        };
        assert!(found < (voxel(0) + voxel(1)) / 2.0);
    }

    #[test]
    fn gradients_reach_every_scale() {
        let scales: Vec<Tensor<3>> = (0..3).map(|s| random([2, 3, 2], 10 + s)).collect();
        for moved in 0..3 {
            assert_gradient(scales[moved].clone(), |x| {
                let mut scales = scales.clone();
                scales[moved] = x;
                loss(&scales)
            });
        }
    }

    /// In single precision, logits so far apart that probabilities vanish.
    #[test]
    fn vanishing_probabilities_are_finite() {
        let device = Device::flex().autodiff();
        let sure = Tensor::<3>::from_floats([[[200.0], [-200.0]]], &device).require_grad();
        let value = loss(&[sure.clone(), sure.clone() * 2.0, sure.clone()]);
        assert_near(scalar(value.clone()), 0.0, 1e-6);
        let gradient = values(sure.grad(&value.backward()).expect("a gradient"));
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn order_of_scales_and_batch_is_immaterial() {
        let (a, b) = (random([2, 3, 4], 5), random([2, 3, 4], 6));
        let expected = scalar(loss(&[a.clone(), b.clone()]));
        assert_near(scalar(loss(&[b.flip([0]), a.flip([0])])), expected, 1e-12);
    }

    #[test]
    #[should_panic(expected = "the logits of the scales differ in shape")]
    fn shapes_must_agree() {
        loss(&[random([1, 2, 3], 1), random([1, 2, 4], 1)]);
    }
}
