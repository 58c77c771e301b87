//! Compares a device with the CPU: the same weights, the same patches, the difference of what comes out.
//!
//! What a device draws itself (dropout, noise on inputs) is turned off by each method's own settings, since every
//! device has a generator of its own. What the host draws (patches, views, mixing, voxels of a contrast) follows
//! from the seed and stays. Pseudo-labeled voxels do not take part in ACTION's contrast here: one voxel whose
//! classes tie within rounding would change which voxels are drawn after it.
//!
//! GPUs may round the factors of convolutions and matrix products to TF32, which has ten bits of fraction; the
//! tolerances leave room for that.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::TrainError;
use semivox_methods::method_config::MethodConfig;

mod networks;
mod tiny;

pub use networks::{gradients, logits};

/// Relative difference of loss terms; the first step sees equal weights, later ones what the
/// differences of gradients made of them.
const LOSSES: [f64; 3] = [1e-3, 1e-2, 2e-2];

/// One number that a device and the CPU both computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// The quantity that is compared.
    pub what: String,
    /// Distance of the two; not a number where one of them has nothing to compare.
    pub difference: f64,
    /// From where on they disagree.
    pub tolerance: f64,
}

impl Agreement {
    /// Whether the two agree; a difference that is not finite is none that agrees.
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

/// The names of all methods that [`steps`] takes.
pub fn methods() -> Vec<String> {
    MethodConfig::NAMES
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The relative differences of every loss term of the first three training steps of a method, from equal
/// weights on tiny phantoms; a method of several stages takes a step of each.
///
/// # Errors
/// [`TrainError::Inference`] if a device cannot be had or does not compute, [`TrainError::Setting`] for
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
