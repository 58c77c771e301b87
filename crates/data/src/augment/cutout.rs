//! Cutout: a box filled with a constant.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::{CutBoxConfig, CutBoxParams};
use crate::rng::chance;

/// Probability and size of the cutout.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{augment::CutoutConfig, rng::keyed};
///
/// let config = CutoutConfig { probability: 1.0, ..Default::default() };
/// let mut patch = Array3::ones((16, 16, 8));
/// for cut in config.draw(&mut keyed(3, 0, "cutout"), [16, 16, 8]) {
///     config.apply(&cut, &mut patch);
/// }
/// assert!(patch.sum() < 0.8 * patch.len() as f32);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CutoutConfig {
    /// Probability per patch.
    pub probability: f64,
    /// Size of the box.
    pub size: CutBoxConfig,
    /// The fill value, in the patch's units.
    pub value: f32,
}

impl Default for CutoutConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            size: CutBoxConfig {
                area: 0.25,
                depth: 20,
            },
            value: 0.0,
        }
    }
}

impl CutoutConfig {
    /// Draws a box, or `None` if nothing is cut out.
    pub fn draw(&self, rng: &mut impl Rng, patch: [usize; 3]) -> Option<CutBoxParams> {
        let hit = chance(rng, self.probability);
        let params = self.size.draw(rng, patch);
        hit.then_some(params)
    }

    /// Fills the box.
    pub fn apply(&self, params: &CutBoxParams, patch: &mut Array3<f32>) {
        params.fill(patch, self.value);
    }
}
