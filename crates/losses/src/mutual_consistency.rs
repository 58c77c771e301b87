//! Consistency of every prediction with the sharpened other ones.

use burn::prelude::*;
use burn::tensor::activation::{log_softmax, sigmoid};

use crate::format::Format;
use crate::reduction::mean;

/// Least probability of the other classes in a logarithm: up to T = 1, certainty beyond it sharpens to 1 in any case.
const LEAST: f64 = 1e-7;

/// Configuration of [`MutualConsistencyLoss`].
#[derive(Config, Debug)]
pub struct MutualConsistencyLossConfig {
    /// Temperature of the sharpening: towards 0 it makes hard labels, 1 changes nothing.
    #[config(default = 0.1)]
    pub temperature: f64,
}

impl MutualConsistencyLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `temperature` is not positive and finite.
    pub fn init(&self) -> MutualConsistencyLoss {
        let temperature = self.temperature;
        assert!(
            temperature.is_finite() && temperature > 0.0,
            "temperature must be positive and finite, found {temperature}"
        );
        MutualConsistencyLoss { temperature }
    }
}

/// Mutual consistency: squared distance of the class probabilities of each prediction from the sharpened probabilities of
/// every other one.
///
/// ```text
/// s(p) = p^(1/T) / (p^(1/T) + (1 − p)^(1/T))
/// L    = Σ_i Σ_{j≠i} mean over (b, c, v) of (p_i(b,c,v) − s(p_j(b,c,v)))²
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | p_i | softmax of the logits of prediction i |
/// | s(p_j) | soft pseudo-label |
/// | T | `temperature` |
///
/// The sum has two terms for each pair of predictions, 6 for three. Each probability is sharpened by itself, as that of
/// a class against all others, so the pseudo-labels of three and more classes need not sum to 1.
///
/// # Shapes
///
/// - predictions: at least two tensors of logits `[batch, class, spatial…]`, all of one shape
/// - result: `[1]`
///
/// # Notes
///
/// Nothing is a constant: gradients pass through the pseudo-labels too, as in the public code of the authors. The
/// sharpening is computed as `sigmoid((ln p − ln(1 − p)) / T)`, which is the same and does not underflow at low
/// temperatures.
///
/// # References
///
/// - Y. Wu et al. Mutual Consistency Learning for Semi-supervised Medical Image Segmentation. Medical Image Analysis
///   2022. arXiv 2109.09960. The sharpening and the mutual consistency constraint.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::MutualConsistencyLossConfig;
///
/// let device = Device::flex();
/// let sure = Tensor::<3>::from_floats([[[20.0], [-20.0]]], &device);
/// let unsure = Tensor::<3>::from_floats([[[0.0], [0.0]]], &device);
/// // ½ is sharpened to ½ and 1 to 1: each is ½ from the other's pseudo-label.
/// let loss = MutualConsistencyLossConfig::new().init().forward(&[unsure, sure]);
/// assert!((loss.into_scalar::<f32>() - 0.5).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct MutualConsistencyLoss {
    /// Temperature of the sharpening.
    pub temperature: f64,
}

impl MutualConsistencyLoss {
    /// The sum over all ordered pairs of predictions.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer than two predictions or their shapes differ.
    pub fn forward<const D: usize>(&self, predictions: &[Tensor<D>]) -> Tensor<1> {
        let count = predictions.len();
        assert!(count > 1, "expected at least 2 predictions, found {count}");
        let first = &predictions[0];
        let format = Format::of(first);
        let logs: Vec<Tensor<D>> = predictions
            .iter()
            .map(|logits| {
                let (found, wanted) = (logits.dims(), first.dims());
                assert_eq!(found, wanted, "the logits differ in shape");
                log_softmax(format.widen(logits.clone()), 1)
            })
            .collect();
        let probabilities: Vec<Tensor<D>> = logs.iter().map(|log| log.clone().exp()).collect();
        let sharpened: Vec<Tensor<D>> = logs
            .into_iter()
            .zip(&probabilities)
            .map(|(log, probability)| self.sharpened(log, probability.clone()))
            .collect();
        let pairs = (0..count).flat_map(|i| (0..count).map(move |j| (i, j)));
        let terms = pairs.filter(|(i, j)| i != j).map(|(i, j)| {
            let difference = probabilities[i].clone() - sharpened[j].clone();
            mean(difference.square())
        });
        let total = terms.reduce(|a, b| a + b).expect("at least one pair");
        format.narrow(total)
    }

    /// `s(p)` of probabilities and their logarithms.
    fn sharpened<const D: usize>(&self, log: Tensor<D>, probability: Tensor<D>) -> Tensor<D> {
        let others = probability.neg().add_scalar(1.0).clamp_min(LEAST);
        sigmoid((log - others.log()).div_scalar(self.temperature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn loss<const D: usize>(predictions: &[Tensor<D>]) -> Tensor<1> {
        MutualConsistencyLossConfig::new()
            .init()
            .forward(predictions)
    }

    fn oracle(predictions: &[Vec<f64>], shape: [usize; 3], temperature: f64) -> f64 {
        let p: Vec<Vec<f64>> = predictions
            .iter()
            .map(|logits| class_probabilities(logits, shape))
            .collect();
        let sharpened = |p: f64| {
            let (own, others) = (p.powf(1.0 / temperature), (1.0 - p).powf(1.0 / temperature));
            own / (own + others)
        };
        let mut total = 0.0;
        for (i, a) in p.iter().enumerate() {
            for (j, b) in p.iter().enumerate() {
                for v in 0..a.len() {
                    if i != j {
                        total += (a[v] - sharpened(b[v])).powi(2) / a.len() as f64;
                    }
                }
            }
        }
        total
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        for count in [2, 3, 4] {
            let predictions: Vec<Vec<f64>> = (0..count).map(|s| floats(72, s)).collect();
            let flat = predictions.iter().map(|x| tensor([2, 3, 4, 3], x));
            let deep = predictions.iter().map(|x| tensor([2, 3, 2, 2, 3], x));
            let (flat, deep): (Vec<_>, Vec<_>) = (flat.collect(), deep.collect());
            let expected = oracle(&predictions, [2, 3, 12], 0.1);
            assert_near(scalar(loss(&flat)), expected, 1e-12);
            assert_near(scalar(loss(&deep)), expected, 1e-12);
            let soft = MutualConsistencyLossConfig::new().with_temperature(0.5);
            let found = scalar(soft.init().forward(&flat));
            assert_near(found, oracle(&predictions, [2, 3, 12], 0.5), 1e-12);
        }
    }

    /// At a temperature of 1 a pseudo-label is the probability itself.
    #[test]
    fn agreement_costs_nothing_without_sharpening_or_when_certain() {
        let same = MutualConsistencyLossConfig::new().with_temperature(1.0);
        let x = random([2, 3, 4], 1);
        assert_near(scalar(same.init().forward(&[x.clone(), x])), 0.0, 1e-12);
        let sure = tensor([1, 2, 1], &[400.0, -400.0]);
        let all = [sure.clone(), sure.clone(), sure.clone()];
        assert_near(scalar(loss(&all)), 0.0, 1e-12);
        // Each of 2 pairs contradicts in both directions.
        let all = [sure.clone(), sure.clone(), sure.neg()];
        assert_near(scalar(loss(&all)), 4.0, 1e-12);
    }

    #[test]
    fn gradients_reach_every_prediction() {
        let predictions: Vec<Tensor<3>> = (0..3).map(|s| random([2, 3, 2], 10 + s)).collect();
        for moved in 0..3 {
            assert_gradient(predictions[moved].clone(), |x| {
                let mut predictions = predictions.clone();
                predictions[moved] = x;
                loss(&predictions)
            });
        }
    }

    /// In single precision, with probabilities that vanish and at temperatures whose powers would underflow.
    #[test]
    fn certainty_and_low_temperatures_give_finite_gradients() {
        let device = Device::flex().autodiff();
        for temperature in [0.1, 0.001] {
            let loss = MutualConsistencyLossConfig::new().with_temperature(temperature);
            let one = [[[200.0, 17.0, 0.0, 0.01], [-200.0, 0.0, 0.0, 0.0]]];
            let one = Tensor::<3>::from_floats(one, &device).require_grad();
            let value = loss.init().forward(&[one.clone(), one.clone().neg()]);
            assert!(scalar(value.clone()).is_finite());
            let gradient = values(one.grad(&value.backward()).expect("a gradient"));
            assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        }
    }

    #[test]
    fn order_of_predictions_and_batch_is_immaterial() {
        let (a, b) = (random([2, 3, 4], 5), random([2, 3, 4], 6));
        let expected = scalar(loss(&[a.clone(), b.clone()]));
        assert_near(scalar(loss(&[b.flip([0]), a.flip([0])])), expected, 1e-12);
    }

    #[test]
    #[should_panic(expected = "expected at least 2 predictions, found 1")]
    fn one_prediction_has_no_other() {
        loss(&[random([1, 2, 3], 1)]);
    }

    #[test]
    #[should_panic(expected = "the logits differ in shape")]
    fn shapes_must_agree() {
        loss(&[random([1, 2, 3], 1), random([1, 2, 4], 1)]);
    }

    #[test]
    #[should_panic(expected = "temperature must be positive and finite, found 0")]
    fn a_temperature_of_zero_is_refused() {
        let config = MutualConsistencyLossConfig::new().with_temperature(0.0);
        config.init();
    }
}
