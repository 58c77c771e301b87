//! Gaussian blur of each slice.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{chance, uniform};
use crate::taps::{Taps, Threads, weighted_sums};

/// Probability and strength of the Gaussian blur.
///
/// # References
///
/// The default is the strong view of You et al., IPMI 2023, adapted to floats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlurConfig {
    /// Probability per patch.
    pub probability: f64,
    /// Range of the standard deviation in voxels, drawn uniformly.
    pub sigma: [f32; 2],
}

impl Default for BlurConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            sigma: [0.15, 1.15],
        }
    }
}

/// Gaussian blur along the first two axes.
///
/// The kernel is cut off at three standard deviations and normalized; beyond the border the outermost
/// voxel is repeated.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::augment::BlurParams;
///
/// let mut patch = Array3::zeros((9, 9, 2));
/// patch[[4, 4, 0]] = 1.0_f32;
/// BlurParams { sigma: 1.0 }.apply(&mut patch);
/// assert!((patch.sum() - 1.0).abs() < 1e-5);
/// assert!(patch[[4, 4, 0]] < 0.2 && patch[[4, 4, 1]] == 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlurParams {
    /// Standard deviation in voxels.
    pub sigma: f32,
}

impl BlurConfig {
    /// Draws the parameters, or `None` if the patch is not blurred.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<BlurParams> {
        let hit = chance(rng, self.probability);
        let sigma = uniform(rng, self.sigma[0], self.sigma[1]);
        hit.then_some(BlurParams { sigma })
    }
}

impl BlurParams {
    /// Blurs the patch in place.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        if self.sigma.is_nan() || self.sigma <= 0.0 || patch.is_empty() {
            return;
        }
        let sigma = f64::from(self.sigma);
        let radius = (3.0 * sigma).ceil() as i64;
        let gauss = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
        let total: f64 = (-radius..=radius).map(gauss).sum();
        for axis in 0..2 {
            let n = patch.shape()[axis];
            let taps_at =
                |i: i64| Taps::clamped(i - radius, i + radius, n, |j| gauss(j - i) / total);
            let taps: Vec<Taps> = (0..n as i64).map(taps_at).collect();
            let lines = patch.as_standard_layout();
            *patch = weighted_sums(lines.view(), axis, &taps, Threads::One);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_the_gaussian_and_constants_stay() {
        let mut patch = Array3::zeros((15, 15, 1));
        patch[[7, 7, 0]] = 1.0_f32;
        BlurParams { sigma: 1.1 }.apply(&mut patch);
        for (x, y) in [(7_i32, 7_i32), (8, 7), (9, 9), (5, 8)] {
            let d2 = f64::from((x - 7).pow(2) + (y - 7).pow(2));
            let gauss = (-d2 / (2.0 * 1.21)).exp() / (2.0 * std::f64::consts::PI * 1.21);
            let found = f64::from(patch[[x as usize, y as usize, 0]]);
            assert!((found - gauss).abs() < 2e-3, "{found} {gauss}");
        }
        let mut flat = Array3::from_elem((1, 6, 5), 2.0);
        BlurParams { sigma: 0.9 }.apply(&mut flat);
        assert!(flat.iter().all(|x| (x - 2.0).abs() < 1e-5));
    }
}
