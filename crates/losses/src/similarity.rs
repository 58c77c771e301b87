//! Similarities of vectors, and the softmax over keys.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::activation::log_softmax;

/// Vectors shorter than this have no direction: cosine 0, gradient 0.
const SHORTEST: f64 = 1e-6;

/// Added to the variance of a vector before its correlations.
const EPSILON: f64 = 1e-5;

/// A logit whose exponential is 0 beside any other.
const EXCLUDED: f64 = -1e9;

/// Similarity of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum Similarity {
    /// The dot product of the vectors as they are.
    DotProduct,
    /// The cosine of the angle between them.
    Cosine,
    /// Pearson's correlation of their elements, with 1e-5 added to both variances:
    /// `cov(a, b) / √((var a + 1e-5)(var b + 1e-5))`. A constant vector correlates with nothing.
    Correlation,
}

impl Similarity {
    /// Rescales the vectors along the last axis so that their dot products are the similarities.
    pub(crate) fn scaled<const D: usize>(self, vectors: Tensor<D>) -> Tensor<D> {
        match self {
            Self::DotProduct => vectors,
            Self::Cosine => unit(vectors),
            Self::Correlation => centered(vectors),
        }
    }
}

/// `1 / |x|` along the last axis, which becomes 1; zero for vectors without direction.
pub(crate) fn inverse_norm<const D: usize>(vectors: Tensor<D>) -> Tensor<D> {
    let floor = SHORTEST * SHORTEST;
    let squared = vectors.square().sum_dim(D - 1);
    let directionless = squared.clone().lower_elem(floor);
    let inverse = squared.clamp_min(floor).sqrt().recip();
    inverse.mask_fill(directionless, 0.0)
}

/// Scales the vectors along the last axis to length one.
pub(crate) fn unit<const D: usize>(vectors: Tensor<D>) -> Tensor<D> {
    let inverse = inverse_norm(vectors.clone());
    vectors * inverse
}

/// Rescales the `n` elements along the last axis to mean 0 and length `√(v / (v + 1e-5))`, `v` their variance.
///
/// `1e-5` keeps the rounding of a constant vector's mean from becoming a direction.
///
/// Computed on the transpose: channels as vectors are the transpose of `[positions, channels]`, so that this is their
/// own layout.
fn centered<const D: usize>(vectors: Tensor<D>) -> Tensor<D> {
    let columns = vectors.swap_dims(D - 2, D - 1);
    let count = columns.dims()[D - 2] as f64;
    let centered = columns.clone() - columns.mean_dim(D - 2);
    let variance = centered.clone().square().mean_dim(D - 2);
    let divisor = ((variance + EPSILON) * count).sqrt();
    (centered / divisor).swap_dims(D - 2, D - 1)
}

/// `log softmax_j( cos(x_n, k_j) / temperature )`.
///
/// `vectors` `[…, rows, width]`, `keys` `[…, keys, width]`, result `[…, rows, keys]`.
pub(crate) fn log_softmax_similarity<const D: usize>(
    vectors: Tensor<D>,
    keys: Tensor<D>,
    temperature: f64,
) -> Tensor<D> {
    let cosine = unit(vectors).matmul(unit(keys).swap_dims(D - 2, D - 1));
    log_softmax(cosine.div_scalar(temperature), D - 1)
}

/// The diagonal of the last two axes: `[…, n, n]` to `[…, n, 1]`.
pub(crate) fn matched<const D: usize>(pairs: Tensor<D>) -> Tensor<D> {
    let (count, dtype) = (pairs.dims()[D - 1], pairs.dtype());
    let eye = Tensor::<2>::eye(count, &pairs.device()).cast(dtype);
    (pairs * eye.unsqueeze::<D>()).sum_dim(D - 1)
}

/// Leaves pairs out of the softmax.
pub(crate) fn exclude<const D: usize>(logits: Tensor<D>, pairs: Tensor<D, Bool>) -> Tensor<D> {
    logits.mask_fill(pairs, EXCLUDED)
}

/// Panics unless a temperature is positive and finite.
pub(crate) fn check_temperature(name: &str, temperature: f64) {
    assert!(
        temperature.is_finite() && temperature > 0.0,
        "{name} must be positive and finite, found {temperature}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use burn::tensor::DType;

    #[test]
    fn unit_vectors_have_length_one() {
        let found = values(unit(tensor([2, 2], &[3.0, 4.0, 0.0, -2.0])));
        for (found, expected) in found.into_iter().zip([0.6, 0.8, 0.0, -1.0]) {
            assert_near(found, expected, 1e-12);
        }
    }

    #[test]
    fn zero_vectors_have_zero_cosine_and_no_gradient() {
        let keys = random([3, 2], 1);
        let run = |x| {
            log_softmax_similarity(x, keys.clone(), 0.1)
                .narrow(1, 0, 1)
                .sum()
        };
        assert_near(
            scalar(run(tensor([1, 2], &[0.0, 0.0]))),
            -(3f64.ln()),
            1e-12,
        );
        assert_stopped(tensor([1, 2], &[0.0, 0.0]), run);
        let tiny = Tensor::<2>::zeros([1, 2], &Device::flex().autodiff()).require_grad();
        let gradient = tiny
            .grad(&unit(tiny.clone()).sum().backward())
            .expect("a gradient");
        assert_eq!(values(gradient), [0.0, 0.0]);
    }

    /// 0.7 in single precision, as it is and with the rounding that subtracting its mean may leave.
    #[test]
    fn constant_vectors_correlate_with_nothing_and_have_a_bounded_gradient() {
        let scaled = |x| Similarity::Correlation.scaled::<2>(x);
        let key: Vec<f64> = (0..490).map(|i| [1.0, 1.0, -1.0, -1.0][i % 4]).collect();
        let key = scaled(tensor([1, 490], &key).cast(DType::F32));
        for rounding in [0.0, 1.5e-6] {
            let constant: Vec<f64> = (0..490)
                .map(|i| 0.7 + rounding * [1.0, -1.0][i % 2])
                .collect();
            let constant = tensor([1, 490], &constant).cast(DType::F32);
            let length = scalar(scaled(constant.clone()).square().sum()).sqrt();
            assert!(length < 1e-3, "{length}");
            let found = gradient(constant, |x| (scaled(x) * key.clone()).sum());
            let squares: f64 = found.expect("a gradient").iter().map(|g| g * g).sum();
            // The correlation's slope where the variance is 0.
            assert_near(squares.sqrt(), (490.0 * EPSILON).sqrt().recip(), 0.01);
        }
    }

    #[test]
    #[should_panic(expected = "student_temperature must be positive")]
    fn temperature_must_be_positive() {
        check_temperature("student_temperature", 0.0);
    }
}
