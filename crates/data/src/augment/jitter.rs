//! Brightness and contrast jitter.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{chance, uniform};

/// Probability and strength of the brightness and contrast jitter.
///
/// # References
///
/// The default, 2 % per slice with probability 1/2, is the strong view in the code of You et al.,
/// "Bootstrapping Semi-supervised Medical Image Segmentation with Anatomical-aware Contrastive
/// Distillation", IPMI 2023. Values are not clamped here, since intensities are z-scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JitterConfig {
    /// Probability per patch.
    pub probability: f64,
    /// Both factors are drawn uniformly from `1 - amount` to `1 + amount`.
    pub amount: f32,
    /// Whether each slice along the third axis has its own factors.
    pub per_slice: bool,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            amount: 0.02,
            per_slice: true,
        }
    }
}

/// Factors of brightness `b` and contrast `c`: `out = c · (b · x - m) + m`.
///
/// `m` is the mean of `b · x` over the slice, or over the patch if there is one pair of factors.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::JitterParams;
///
/// let mut patch = array![[[1.0, 5.0], [3.0, 5.0]]];
/// JitterParams { factors: vec![[1.0, 0.5], [2.0, 1.0]] }.apply(&mut patch);
/// assert_eq!(patch, array![[[1.5, 10.0], [2.5, 10.0]]]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JitterParams {
    /// Brightness and contrast factors: one pair for the patch or one per slice.
    pub factors: Vec<[f32; 2]>,
}

impl JitterConfig {
    /// Draws the factors for a patch of `slices` slices, or `None` if nothing is changed.
    pub fn draw(&self, rng: &mut impl Rng, slices: usize) -> Option<JitterParams> {
        let hit = chance(rng, self.probability);
        let (low, high) = (1.0 - self.amount, 1.0 + self.amount);
        let count = if self.per_slice { slices } else { 1 };
        let factors = (0..count).map(|_| [uniform(rng, low, high), uniform(rng, low, high)]);
        let params = JitterParams {
            factors: factors.collect(),
        };
        hit.then_some(params)
    }
}

impl JitterParams {
    /// Changes the patch in place.
    ///
    /// # Panics
    ///
    /// If there is neither one pair of factors nor one per slice.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        let (nx, ny, nz) = patch.dim();
        let per_slice = self.factors.len() == nz;
        assert!(
            per_slice || self.factors.len() == 1,
            "{} factors, {nz} slices",
            self.factors.len()
        );
        let mut sums = vec![0.0_f32; nz];
        for line in patch.rows() {
            sums.iter_mut().zip(line).for_each(|(sum, x)| *sum += x);
        }
        let count = (nx * ny).max(1) as f32;
        let whole = sums.iter().sum::<f32>() / (count * nz.max(1) as f32);
        let lines: Vec<(f32, f32)> = (0..nz)
            .map(|z| {
                let [b, c] = self.factors[if per_slice { z } else { 0 }];
                let mean = if per_slice { sums[z] / count } else { whole };
                (b * c, b * mean * (1.0 - c))
            })
            .collect();
        for mut line in patch.rows_mut() {
            line.iter_mut()
                .zip(&lines)
                .for_each(|(x, (scale, shift))| *x = *x * scale + shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn factors_of_one_change_nothing_and_contrast_keeps_the_mean() {
        let patch = Array3::from_shape_fn((4, 5, 3), |(x, y, z)| (x * y + 2 * z) as f32);
        let mut same = patch.clone();
        JitterParams {
            factors: vec![[1.0, 1.0]],
        }
        .apply(&mut same);
        assert_eq!(same, patch);
        let mut flat = patch.clone();
        JitterParams {
            factors: vec![[1.0, 0.0]],
        }
        .apply(&mut flat);
        let mean = patch.sum() / patch.len() as f32;
        assert!(flat.iter().all(|x| (x - mean).abs() < 1e-5));
    }

    #[test]
    fn factors_stay_in_their_range() {
        let config = JitterConfig {
            probability: 1.0,
            ..Default::default()
        };
        let params = config.draw(&mut keyed(0, 0, "jitter"), 32);
        let factors = params.map(|p| p.factors).unwrap_or_default();
        assert_eq!(factors.len(), 32);
        assert!(factors.iter().flatten().all(|f| (0.98..=1.02).contains(f)));
    }
}
