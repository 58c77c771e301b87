//! Gamma correction of intensities.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{chance, uniform};

/// Probability and exponents of the gamma correction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GammaConfig {
    /// Probability per patch.
    pub probability: f64,
    /// Range of the exponent, drawn uniformly.
    pub gamma: [f32; 2],
}

impl Default for GammaConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            gamma: [0.7, 1.5],
        }
    }
}

/// Gamma correction: `out = min + (max - min) · ((x - min) / (max - min))^gamma`.
///
/// Minimum and maximum are those of the patch and stay unchanged.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::GammaParams;
///
/// let mut patch = array![[[-1.0, 1.0, 3.0]]];
/// GammaParams { gamma: 2.0 }.apply(&mut patch);
/// assert_eq!(patch, array![[[-1.0, 0.0, 3.0]]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaParams {
    /// The exponent, above 0.
    pub gamma: f32,
}

impl GammaConfig {
    /// Draws the exponent, or `None` if nothing is changed.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<GammaParams> {
        let hit = chance(rng, self.probability);
        let gamma = uniform(rng, self.gamma[0], self.gamma[1]);
        hit.then_some(GammaParams { gamma })
    }
}

impl GammaParams {
    /// Changes the patch in place; a constant patch stays unchanged.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        let low = patch.iter().copied().fold(f32::INFINITY, f32::min);
        let high = patch.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let range = high - low;
        if range > 0.0 {
            patch.mapv_inplace(|x| low + range * ((x - low) / range).powf(self.gamma));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_order_stay() {
        let mut patch = Array3::from_shape_fn((3, 4, 5), |(x, y, z)| (20 * x + 5 * y + z) as f32);
        GammaParams { gamma: 0.7 }.apply(&mut patch);
        let values: Vec<f32> = patch.iter().copied().collect();
        assert!(values.windows(2).all(|w| w[0] < w[1]));
        assert_eq!((values[0], values[59]), (0.0, 59.0));
        let mut flat = Array3::from_elem((2, 2, 2), 4.0);
        GammaParams { gamma: 0.7 }.apply(&mut flat);
        assert!(flat.iter().all(|&x| x == 4.0));
    }
}
