//! Cosine distance of the features of a class from its prototypes.

use burn::prelude::*;
use burn::tensor::activation::{log_sigmoid, softmax};

use crate::format::Format;
use crate::similarity::unit;

/// Configuration of [`PrototypeLoss`].
#[derive(Config, Debug)]
pub struct PrototypeLossConfig {}

impl PrototypeLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> PrototypeLoss {
        PrototypeLoss {}
    }
}

/// Input of [`PrototypeLoss`], all of one class.
#[derive(Debug, Clone)]
pub struct PrototypeInput {
    /// Features, `[features, d]`.
    pub features: Tensor<2>,
    /// Attention scores of the features before the sigmoid, `[features, 1]`.
    pub scores: Tensor<2>,
    /// Prototypes, `[prototypes, d]`.
    pub prototypes: Tensor<2>,
    /// Attention scores of the prototypes before the sigmoid, `[prototypes, 1]`.
    pub prototype_scores: Tensor<2>,
}

/// Mean cosine distance of the features of a class from its prototypes, in which learned attention weights both.
///
/// ```text
/// L = Σ_(m,n) a_m b_n (1 − cos(q_m, z_n)) / (Σ_m a_m · Σ_n b_n),   a = sigmoid(s),   b = sigmoid(t)
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | q, z | features and prototypes |
/// | s, t | their attention scores |
///
/// With equal scores it is the plain mean over all pairs.
///
/// # Shapes
///
/// - input: see [`PrototypeInput`]
/// - result: `[1]`
///
/// # Notes
///
/// The prototypes are constants: no gradient reaches them. It reaches the features and both kinds of scores. A feature
/// or prototype without direction is at distance 1 from everything.
///
/// # References
///
/// - Y. Wu et al. Exploring Smoothness and Class-Separation for Semi-supervised Medical Image Segmentation. MICCAI
///   2022. arXiv 2203.01324, the separation of classes.
/// - I. Alonso et al. Semi-Supervised Semantic Segmentation with Pixel-Level Contrastive Learning from a Class-wise
///   Memory Bank. ICCV 2021. arXiv 2104.13415.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{PrototypeInput, PrototypeLossConfig};
///
/// let device = Device::flex();
/// // One feature along the prototype and one across it: distances 0 and 1.
/// let input = |score: f32| PrototypeInput {
///     features: Tensor::from_floats([[2.0, 0.0], [0.0, 1.0]], &device),
///     scores: Tensor::from_floats([[score], [0.0]], &device),
///     prototypes: Tensor::from_floats([[1.0, 0.0]], &device),
///     prototype_scores: Tensor::zeros([1, 1], &device),
/// };
/// let loss = PrototypeLossConfig::new().init();
/// assert!((loss.forward(input(0.0)).into_scalar::<f32>() - 0.5).abs() < 1e-6);
/// // Attention of 1 and 1/2.
/// assert!((loss.forward(input(50.0)).into_scalar::<f32>() - 1.0 / 3.0).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct PrototypeLoss {}

impl PrototypeLoss {
    /// The weighted mean distance of all pairs.
    ///
    /// # Panics
    ///
    /// Panics if there are no features or no prototypes, if they differ in length, or if there is not one score for
    /// each.
    pub fn forward(&self, input: PrototypeInput) -> Tensor<1> {
        check(&input);
        let format = Format::of(&input.features);
        let features = mean_direction(format.widen(input.features), format.widen(input.scores));
        let prototypes = mean_direction(
            format.widen(input.prototypes.without_autodiff()),
            format.widen(input.prototype_scores),
        );
        let cosine = (features * prototypes).sum_dim(1).reshape([1]);
        format.narrow(cosine.neg().add_scalar(1.0))
    }
}

/// The mean of unit vectors, weighted by the sigmoid of their scores: `[vectors, d]` to `[1, d]`.
///
/// A sum of products over all pairs is the product of both sums. A softmax of logarithms divides by the sum of weights
/// that may all be too small for the number format.
fn mean_direction(vectors: Tensor<2>, scores: Tensor<2>) -> Tensor<2> {
    (unit(vectors) * softmax(log_sigmoid(scores), 0)).sum_dim(0)
}

fn check(input: &PrototypeInput) {
    let ([features, length], [prototypes, other]) =
        (input.features.dims(), input.prototypes.dims());
    assert!(
        features > 0 && prototypes > 0,
        "expected features and prototypes, found {features} and {prototypes}"
    );
    assert_eq!(length, other, "features and prototypes differ in length");
    let scores = [input.scores.dims(), input.prototype_scores.dims()];
    assert_eq!(
        scores,
        [[features, 1], [prototypes, 1]],
        "expected one score for each feature and for each prototype"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn run(parts: [Tensor<2>; 4]) -> Tensor<1> {
        let [features, scores, prototypes, prototype_scores] = parts;
        PrototypeLossConfig::new().init().forward(PrototypeInput {
            features,
            scores,
            prototypes,
            prototype_scores,
        })
    }

    fn parts(seed: u64) -> [Tensor<2>; 4] {
        [
            random([5, 3], seed),
            random([5, 1], seed + 1),
            random([4, 3], seed + 2),
            random([4, 1], seed + 3),
        ]
    }

    /// As the weights are defined in the public code: each kind divided by its mean, in the mean over all pairs.
    fn oracle(parts: &[Tensor<2>; 4]) -> f64 {
        let [q, s, z, t] = parts.each_ref().map(|part| values(part.clone()));
        let weights = |scores: &[f64]| -> Vec<f64> {
            let sigmoid: Vec<f64> = scores.iter().map(|s| 1.0 / (1.0 + (-s).exp())).collect();
            let mean = sigmoid.iter().sum::<f64>() / sigmoid.len() as f64;
            sigmoid.iter().map(|a| a / mean).collect()
        };
        let (a, b) = (weights(&s), weights(&t));
        let mut sum = 0.0;
        for m in 0..a.len() {
            for n in 0..b.len() {
                let distance = 1.0 - cosine(&q[3 * m..3 * m + 3], &z[3 * n..3 * n + 3]);
                sum += a[m] * b[n] * distance;
            }
        }
        sum / (a.len() * b.len()) as f64
    }

    #[test]
    fn equals_plain_loops() {
        for seed in [1, 10] {
            let parts = parts(seed);
            assert_near(scalar(run(parts.clone())), oracle(&parts), 1e-12);
        }
    }

    #[test]
    fn same_directions_are_at_distance_zero_and_opposite_ones_at_two() {
        let ([_, s, _, t], one) = (parts(1), tensor([1, 3], &[1.0, -2.0, 0.5]));
        let (features, prototypes) = (one.clone().repeat(&[5, 1]), one.repeat(&[4, 1]));
        let value = |factor| {
            scalar(run([
                features.clone() * factor,
                s.clone(),
                prototypes.clone(),
                t.clone(),
            ]))
        };
        assert_near(value(3.0), 0.0, 1e-12);
        assert_near(value(-0.1), 2.0, 1e-12);
    }

    #[test]
    fn gradient_reaches_features_and_scores_but_not_prototypes() {
        for index in [0, 1, 3] {
            let parts = parts(2);
            let with = |x: Tensor<2>| {
                let mut parts = parts.clone();
                parts[index] = x;
                run(parts)
            };
            assert_gradient(parts[index].clone(), with);
        }
        let [q, s, z, t] = parts(2);
        assert_stopped(z, |z| run([q.clone(), s.clone(), z, t.clone()]));
    }

    #[test]
    fn order_is_immaterial() {
        let parts = parts(3);
        let flipped = parts.clone().map(|part| part.flip([0]));
        assert_near(scalar(run(parts)), scalar(run(flipped)), 1e-12);
    }

    #[test]
    fn scores_below_every_weight_still_weight() {
        let device = Device::flex();
        let scores = |low: f32| Tensor::<2>::from_floats([[low], [low]], &device);
        let input = PrototypeInput {
            features: Tensor::from_floats([[1.0, 0.0], [0.0, 1.0]], &device),
            scores: scores(-200.0),
            prototypes: Tensor::from_floats([[1.0, 0.0], [1.0, 0.0]], &device),
            prototype_scores: scores(0.0),
        };
        let value = PrototypeLossConfig::new().init().forward(input);
        assert_near(scalar(value), 0.5, 1e-6);
    }

    #[test]
    fn a_feature_without_direction_is_at_distance_one_and_has_no_gradient() {
        let [_, _, z, t] = parts(4);
        let run = |x| run([x, tensor([1, 1], &[0.3]), z.clone(), t.clone()]);
        let zero = tensor([1, 3], &[0.0; 3]);
        assert_near(scalar(run(zero.clone())), 1.0, 1e-12);
        assert_stopped(zero, run);
    }

    #[test]
    #[should_panic(expected = "expected one score")]
    fn every_prototype_has_a_score() {
        let [q, s, z, _] = parts(5);
        run([q, s.clone(), z, s]);
    }

    #[test]
    #[should_panic(expected = "expected features and prototypes, found 5 and 0")]
    fn there_are_prototypes() {
        let [q, s, _, _] = parts(5);
        run([q, s, tensor([0, 3], &[]), tensor([0, 1], &[])]);
    }
}
