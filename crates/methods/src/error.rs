//! Errors of training methods and their checkpoints.

use std::path::PathBuf;

/// Settings that cannot work, a checkpoint that cannot be used, or a diverged step.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// A setting is out of range, or settings contradict one another.
    #[error("configuration: {0}")]
    Config(String),
    /// Sampling could not be set up.
    #[error(transparent)]
    Sampling(#[from] semivox_sampling::SamplingError),
    /// A checkpoint could not be written or read.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The checkpoint's folder or file.
        path: PathBuf,
        /// Expectation, finding and advice.
        reason: String,
    },
    /// A loss term became infinite or not a number.
    #[error(
        "loss term '{term}' became {value} at step {step}: training stopped; lower the learning rate or look at the data of this step"
    )]
    NonFinite {
        /// The term's name, as in `metrics.jsonl`.
        term: &'static str,
        /// Its value.
        value: f64,
        /// The step, counted from 0.
        step: u64,
    },
}
