//! Errors of inference and evaluation.

use std::fmt::Display;

/// An error of inference or evaluation.
///
/// Each message says what was expected, what was found and what to do.
///
/// # Examples
///
/// ```
/// use semivox_inference::Model;
///
/// let error = Model::open("runs/nowhere").unwrap_err();
/// assert!(error.to_string().starts_with("runs/nowhere: expected "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// A file, a folder or a setting has an unexpected content or value.
    #[error("{subject}: expected {expected}, found {found}; {hint}")]
    Unexpected {
        /// The file, folder or setting.
        subject: String,
        /// The expected content or value.
        expected: String,
        /// The content or value found.
        found: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// A device is unknown, not compiled in, missing or does not compute.
    #[error("{0}")]
    Device(String),
    /// A scan or label map could not be read, prepared or written.
    #[error(transparent)]
    Data(#[from] semivox_data::DataError),
    /// Weights could not be read or written.
    #[error(transparent)]
    Weights(#[from] semivox_models::weights::WeightsError),
    /// Metrics could not be computed.
    #[error(transparent)]
    Metric(#[from] semivox_metrics::MetricError),
}

impl InferenceError {
    pub(crate) fn unexpected(
        subject: impl Display,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Unexpected {
            subject: subject.to_string(),
            expected: expected.into(),
            found: found.into(),
            hint: hint.into(),
        }
    }

    /// Returns whether the device caused the error.
    pub fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }
}
