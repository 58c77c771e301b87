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
use std::panic::AssertUnwindSafe;

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Architecture, Network, NetworkConfig};

use crate::device;
use crate::error::TrainError;
use crate::method::MethodConfig;
use crate::quietly::quietly;

mod tiny;

/// Logits are of the order of 1; operators sum up to 27·16·8 products in another order.
const LOGITS: f64 = 1e-3;

/// Relative difference of loss terms; the first step sees equal weights, later ones what the
/// differences of gradients made of them.
const LOSSES: [f64; 3] = [1e-3, 1e-2, 2e-2];

/// Logits below this say nothing: zeros would agree with zeros.
const SILENT: f32 = 0.05;

/// One number that a device and the CPU both computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// What was compared.
    pub what: String,
    /// How far the two are apart; not a number where one of them has nothing to compare.
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

/// The largest difference of the logits of a V-Net and a U-Net with equal weights, in evaluation.
///
/// # Errors
/// [`TrainError::Device`] if one of the devices cannot be had or does not compute.
///
/// # Examples
/// ```
/// let found = semivox_trainer::agreement::logits("cpu")?;
/// assert!(found.iter().all(|row| row.holds() && row.difference == 0.0));
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
pub fn logits(device: &str) -> Result<Vec<Agreement>, TrainError> {
    let (cpu, other) = (device::by_name("cpu")?, device::by_name(device)?);
    let networks = [
        ("V-Net", Architecture::VNet, [32, 32, 16]),
        ("U-Net", Architecture::UNet, [32, 48, 1]),
    ];
    networks
        .into_iter()
        .map(|(name, architecture, shape)| {
            cpu.seed(3);
            let config = NetworkConfig::new(1, 3).with_filters(4);
            let network = config.with_architecture(architecture).init(&cpu);
            let expected = logits_of(&network, shape, &cpu);
            let found = computing(device, || {
                logits_of(&network.clone().to_device(&other), shape, &other)
            })?;
            let silent = expected.iter().all(|x| x.abs() < SILENT);
            let most = most_apart(&expected, &found);
            Ok(Agreement {
                what: format!("logits of a {name}"),
                difference: if silent { f64::NAN } else { most },
                tolerance: LOGITS,
            })
        })
        .collect()
}

/// The relative differences of every loss term of the first three training steps of a method, from equal
/// weights on tiny phantoms; a method of several stages takes a step of each.
///
/// # Errors
/// [`TrainError::Device`] if a device cannot be had or does not compute, [`TrainError::Config`] for
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

/// Not `f64::max`, which would hide what is not a number.
fn most_apart(expected: &[f32], found: &[f32]) -> f64 {
    let apart = expected
        .iter()
        .zip(found)
        .map(|(a, b)| f64::from((a - b).abs()));
    let most = apart.reduce(|a, b| if b > a || b.is_nan() { b } else { a });
    match expected.len() == found.len() {
        true => most.unwrap_or(f64::NAN),
        false => f64::NAN,
    }
}

fn logits_of(network: &Network, shape: [usize; 3], device: &Device) -> Vec<f32> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|i| ((i * 7919) % 201) as f32 / 100.0 - 1.0)
        .collect();
    let [x, y, z] = shape;
    let input = Tensor::<5>::from_data(TensorData::new(values, [1, 1, x, y, z]), device);
    let logits = network.valid().forward(input).logits;
    logits.into_data().iter().collect()
}

/// Backends panic where they cannot compute; a person is to read one sentence instead.
pub(crate) fn computing<T>(device: &str, run: impl FnOnce() -> T) -> Result<T, TrainError> {
    quietly(AssertUnwindSafe(run)).map_err(|cause| {
        TrainError::Device(format!(
            "device '{device}': expected it to compute what the CPU computes, found: {cause}; \
             choose --device cpu, or another backend for the same device"
        ))
    })
}
