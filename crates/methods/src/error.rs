//! Errors of training methods and their checkpoints.

use std::fmt::Display;
use std::path::PathBuf;

/// An invalid setting, an unusable checkpoint, or a training that diverged.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// A setting is out of range, or contradicts another.
    #[error("configuration: {key}: expected {expected}, found {found}")]
    Setting {
        /// The setting's key, as in `config.toml`.
        key: String,
        /// The valid values.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A name is unknown.
    #[error("configuration: unknown {kind} '{name}': expected {expected}")]
    Unknown {
        /// The kind of thing named, such as a method.
        kind: &'static str,
        /// The name found.
        name: String,
        /// The known names.
        expected: String,
    },
    /// Sampling could not be set up.
    #[error(transparent)]
    Sampling(#[from] semivox_sampling::SamplingError),
    /// A checkpoint could not be written or read.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The checkpoint's folder or file.
        path: PathBuf,
        /// What was expected, what was found and what to do.
        reason: String,
    },
    /// A loss term became infinite or not a number.
    #[error(
        "loss term '{term}' became {value} at step {}: training stopped; lower the learning rate or look at the data of this step",
        step + 1
    )]
    NonFinite {
        /// The term's name, as in `metrics.jsonl`.
        term: &'static str,
        /// Its value.
        value: f64,
        /// The step, counted from 0; the message counts from 1, as `metrics.jsonl` does.
        step: u64,
    },
}

impl MethodError {
    /// Creates the error for an invalid setting.
    pub(crate) fn setting(
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Display,
    ) -> Self {
        Self::Setting {
            key: key.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// Returns the error of a setting inside the table `method.TABLE` of another method's settings.
    pub(crate) fn within(self, table: &str) -> Self {
        match self {
            Self::Setting {
                key,
                expected,
                found,
            } => Self::Setting {
                key: key.replacen("method.", &format!("method.{table}."), 1),
                expected,
                found,
            },
            other => other,
        }
    }

    /// Creates the error for an unknown name.
    pub(crate) fn unknown(kind: &'static str, name: &str, expected: impl Into<String>) -> Self {
        Self::Unknown {
            kind,
            name: name.into(),
            expected: expected.into(),
        }
    }

    /// Returns whether a loss became infinite or not a number.
    pub fn is_divergence(&self) -> bool {
        matches!(self, Self::NonFinite { .. })
    }

    /// Returns whether a setting is invalid or unknown.
    pub fn is_setting(&self) -> bool {
        matches!(self, Self::Setting { .. } | Self::Unknown { .. })
    }
}
