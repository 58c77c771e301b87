//! Additive Gaussian noise.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{chance, keyed, normal, uniform};

/// Probability and strength of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConfig {
    /// Probability per patch.
    pub probability: f64,
    /// Upper bound of the standard deviation, drawn uniformly from 0.
    pub max_std: f32,
}

impl Default for NoiseConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            max_std: 0.1,
        }
    }
}

/// Normally distributed noise, independent in each voxel.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::augment::NoiseParams;
///
/// let noise = NoiseParams { std: 0.1, seed: 7 };
/// let (mut a, mut b) = (Array3::zeros((4, 4, 4)), Array3::zeros((4, 4, 4)));
/// noise.apply(&mut a);
/// noise.apply(&mut b);
/// assert_eq!(a, b);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoiseParams {
    /// Standard deviation in the patch's units.
    pub std: f32,
    /// Seed of the noise field.
    pub seed: u64,
}

impl NoiseConfig {
    /// Draws the parameters, or `None` if no noise is added.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<NoiseParams> {
        let hit = chance(rng, self.probability);
        let params = NoiseParams {
            std: uniform(rng, 0.0, self.max_std),
            seed: rng.next_u64(),
        };
        hit.then_some(params)
    }
}

impl NoiseParams {
    /// Adds the noise to the patch.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        let mut rng = keyed(self.seed, 0, "noise field");
        patch.map_inplace(|x| *x += self.std * normal(&mut rng));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_the_one_asked_for() {
        let mut patch = Array3::from_elem((32, 32, 16), 3.0);
        NoiseParams { std: 0.5, seed: 1 }.apply(&mut patch);
        let n = patch.len() as f32;
        let mean = patch.sum() / n;
        let std = (patch.mapv(|x| (x - mean).powi(2)).sum() / n).sqrt();
        assert!(
            (mean - 3.0).abs() < 0.02 && (std - 0.5).abs() < 0.02,
            "{mean} {std}"
        );
    }
}
