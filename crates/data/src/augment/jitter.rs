//! Brightness and contrast jitter, and a shift of intensities.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{chance, uniform};

/// Probability and strength of the brightness and contrast jitter and of the shift.
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
    /// An offset drawn uniformly from `-shift` to `shift` is added, in the units of the intensities: standard deviations
    /// of z-scores, whose mean a brightness factor hardly moves.
    pub shift: f32,
    /// Whether each slice along the third axis has its own factors and offset.
    pub per_slice: bool,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            amount: 0.02,
            shift: 0.0,
            per_slice: true,
        }
    }
}

/// Factors of brightness `b` and contrast `c`, and offsets `s`: `out = c · (b · x - m) + m + s`.
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
/// JitterParams { factors: vec![[1.0, 0.5], [2.0, 1.0]], offsets: vec![0.0, 1.0] }.apply(&mut patch);
/// assert_eq!(patch, array![[[1.5, 11.0], [2.5, 11.0]]]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JitterParams {
    /// Brightness and contrast factors: one pair for the patch or one per slice.
    pub factors: Vec<[f32; 2]>,
    /// Offsets, one for each pair of factors; none where nothing is added.
    #[serde(default)]
    pub offsets: Vec<f32>,
}

impl JitterConfig {
    /// Draws the factors and offsets for a patch of `slices` slices, or `None` if nothing is changed.
    pub fn draw(&self, rng: &mut impl Rng, slices: usize) -> Option<JitterParams> {
        let hit = chance(rng, self.probability);
        let (low, high) = (1.0 - self.amount, 1.0 + self.amount);
        let count = if self.per_slice { slices } else { 1 };
        let factors = (0..count)
            .map(|_| [uniform(rng, low, high), uniform(rng, low, high)])
            .collect();
        // Without a shift nothing is drawn for it, so that the views of earlier configurations stay the same.
        let shifted = if self.shift > 0.0 { count } else { 0 };
        let offsets = (0..shifted)
            .map(|_| uniform(rng, -self.shift, self.shift))
            .collect();
        hit.then_some(JitterParams { factors, offsets })
    }
}

impl JitterParams {
    /// Changes the patch in place.
    ///
    /// # Panics
    ///
    /// If there is neither one pair of factors nor one per slice, or another number of offsets but none.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        let (nx, ny, nz) = patch.dim();
        let per_slice = self.factors.len() == nz;
        assert!(
            per_slice || self.factors.len() == 1,
            "{} factors, {nz} slices",
            self.factors.len()
        );
        let offsets = self.offsets.len();
        assert!(
            offsets == 0 || offsets == self.factors.len(),
            "{offsets} offsets, {} factors",
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
                let at = if per_slice { z } else { 0 };
                let [b, c] = self.factors[at];
                let mean = if per_slice { sums[z] / count } else { whole };
                let offset = self.offsets.get(at).copied().unwrap_or(0.0);
                (b * c, b * mean * (1.0 - c) + offset)
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
            offsets: Vec::new(),
        }
        .apply(&mut same);
        assert_eq!(same, patch);
        let mut flat = patch.clone();
        JitterParams {
            factors: vec![[1.0, 0.0]],
            offsets: Vec::new(),
        }
        .apply(&mut flat);
        let mean = patch.sum() / patch.len() as f32;
        assert!(flat.iter().all(|x| (x - mean).abs() < 1e-5));
    }

    /// A mean of zero is moved by the offset alone; contrast and brightness come first.
    #[test]
    fn an_offset_is_added_after_the_factors() {
        let mut patch = ndarray::array![[[-1.0, 4.0], [1.0, 8.0]]];
        JitterParams {
            factors: vec![[2.0, 0.5], [0.5, 1.0]],
            offsets: vec![0.25, -1.0],
        }
        .apply(&mut patch);
        assert_eq!(patch, ndarray::array![[[-0.75, 1.0], [1.25, 3.0]]]);
    }

    /// A configuration without the key draws what it drew before there was one.
    #[test]
    fn offsets_are_drawn_after_the_factors_and_only_for_a_shift() {
        let draw = |shift, per_slice| {
            let config = JitterConfig {
                probability: 1.0,
                amount: 0.5,
                shift,
                per_slice,
            };
            let mut rng = keyed(0, 0, "jitter");
            let params = config.draw(&mut rng, 64).map(|p| (p.factors, p.offsets));
            (params.unwrap_or_default(), rng.next_u64())
        };
        let ((factors, none), before) = draw(0.0, true);
        let ((same, offsets), after) = draw(0.5, true);
        assert!(none.is_empty() && factors == same && before != after);
        assert_eq!(offsets.len(), 64);
        assert!(offsets.iter().all(|s| s.abs() <= 0.5));
        assert!(offsets.iter().any(|&s| s > 0.3) && offsets.iter().any(|&s| s < -0.3));
        let ((factors, offsets), _) = draw(0.5, false);
        assert_eq!((factors.len(), offsets.len()), (1, 1));
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
