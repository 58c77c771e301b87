//! Comparison of a device with the CPU: differences of logits, gradients and losses for equal weights and inputs.
//!
//! Random numbers drawn on the device (dropout, noise on inputs) are turned off in the settings of each method, since
//! every device has a generator of its own. Those drawn on the host (patches, views, mixing, voxels of a contrast)
//! follow from the seed and are kept. Pseudo-labeled voxels do not take part in ACTION's contrast here: one voxel
//! whose classes tie within rounding would change which voxels are drawn after it.
//!
//! GPUs may round the factors of convolutions and matrix products to TF32, which has ten bits of mantissa; the
//! tolerances allow for that.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::TrainError;
use semivox_methods::method_config::MethodConfig;

mod networks;
mod tiny;

pub use networks::{gradients, logits};

/// Tolerances of the relative difference of loss terms, by step. Weights are equal at the first step only; later
/// they differ because gradients did.
const LOSSES: [f64; 3] = [1e-3, 1e-2, 2e-2];

/// The difference of a quantity between a device and the CPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// The quantity that is compared.
    pub what: String,
    /// The difference of the two values; NaN where one of them is missing.
    pub difference: f64,
    /// The difference from which on the two disagree.
    pub tolerance: f64,
}

impl Agreement {
    /// Returns whether the difference is finite and below the tolerance.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::agreement::Agreement;
    ///
    /// let of = |difference| Agreement { what: "logits".into(), difference, tolerance: 1e-3 };
    /// assert!(of(1e-6).holds() && !of(0.1).holds() && !of(f64::NAN).holds());
    /// assert_eq!(of(1e-6).to_string(), "logits: differs by 1.0e-6, less than 1.0e-3 is allowed: agrees");
    /// ```
    pub fn holds(&self) -> bool {
        self.difference.is_finite() && self.difference < self.tolerance
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds() { "agrees" } else { "DISAGREES" };
        write!(
            f,
            "{}: differs by {:.1e}, less than {:.1e} is allowed: {verdict}",
            self.what, self.difference, self.tolerance
        )
    }
}

/// Returns the names of all methods that [`steps`] takes.
pub fn methods() -> Vec<String> {
    MethodConfig::NAMES
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Computes the relative difference of every loss term in the first three training steps of a method, from
/// equal weights on tiny phantoms; a method of several stages takes a step of each.
///
/// # Errors
/// [`TrainError::Inference`] if a device is unavailable or does not compute, [`TrainError::Setting`] for
/// an unknown method.
pub fn steps(device: &str, method: &str) -> Result<Vec<Agreement>, TrainError> {
    let expected = tiny::losses("cpu", method)?;
    let found = tiny::losses(device, method)?;
    let mut rows = Vec::new();
    for (step, (expected, tolerance)) in expected.iter().zip(LOSSES).enumerate() {
        let nothing = BTreeMap::new();
        let found = found.get(step).unwrap_or(&nothing);
        let lacking = found.keys().filter(|term| !expected.contains_key(*term));
        for term in expected.keys().chain(lacking) {
            rows.push(Agreement {
                what: format!("{method}, step {}, {term}", step + 1),
                difference: relative(expected.get(term), found.get(term)),
                tolerance,
            });
        }
    }
    Ok(rows)
}

fn relative(expected: Option<&f64>, found: Option<&f64>) -> f64 {
    match (expected, found) {
        (Some(expected), Some(found)) => (expected - found).abs() / expected.abs().max(1e-3),
        _ => f64::NAN,
    }
}
