//! Entropy of class probabilities, voxel by voxel.

use burn::prelude::*;

use crate::format::Format;

/// The entropy of each voxel's class probabilities, in nats: 0 where one class is certain, `ln C` where none is more likely.
///
/// ```text
/// u(b,v) = − Σ_c p(b,c,v) ln p(b,c,v),   0 ln 0 = 0
/// ```
///
/// Of the mean probability of several stochastic passes, it is the predictive entropy.
///
/// # Shapes
///
/// - probabilities: `[batch, class, spatial…]`
/// - result: `[batch, 1, spatial…]`
///
/// # References
///
/// - A. Kendall, Y. Gal. What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision? NeurIPS 2017.
///   arXiv 1703.04977.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::predictive_entropy;
///
/// let probabilities = Tensor::<3>::from_floats([[[0.5, 1.0], [0.5, 0.0]]], &Device::flex());
/// let entropy = predictive_entropy(probabilities).into_data().try_to_vec::<f32>()?;
/// assert!((entropy[0] - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(entropy[1].abs(), 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn predictive_entropy<const D: usize>(probabilities: Tensor<D>) -> Tensor<D> {
    let least = f64::from(f32::MIN_POSITIVE); // keeps the logarithm of 0 finite
    let format = Format::of(&probabilities);
    let probabilities = format.widen(probabilities);
    let logarithms = probabilities.clone().clamp_min(least).log();
    format.narrow((probabilities * logarithms).sum_dim(1).neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let p = class_probabilities(&floats(72, 1), [2, 3, 12]);
        let entropy = |b: usize, v: usize| -> f64 {
            let of = |c: usize| p[(b * 3 + c) * 12 + v];
            (0..3).map(|c| -of(c) * of(c).ln()).sum()
        };
        let flat = values(predictive_entropy(tensor([2, 3, 4, 3], &p)));
        let deep = values(predictive_entropy(tensor([2, 3, 2, 2, 3], &p)));
        for i in 0..24 {
            assert_near(flat[i], entropy(i / 12, i % 12), 1e-12);
            assert_near(deep[i], flat[i], 0.0);
        }
    }

    #[test]
    fn certainty_gives_zero_and_even_classes_the_logarithm_of_their_number() {
        let sure = predictive_entropy(tensor([1, 4, 1], &[0.0, 1.0, 0.0, 0.0]));
        assert_near(values(sure)[0], 0.0, 0.0);
        let even = predictive_entropy(tensor([1, 4, 1], &[0.25; 4]));
        assert_near(values(even)[0], 4f64.ln(), 1e-12);
    }
}
