//! Errors of training and evaluation.

use std::fmt::Display;

/// A mistake in a configuration, in data or on disk, or a diverged training.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is out of range, or contradicts another or the data.
    #[error("configuration: {key}: expected {expected}, found {found}; {hint}")]
    Setting {
        /// The setting's key, as in `config.toml`.
        key: String,
        /// The values that work.
        expected: String,
        /// The value found.
        found: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// A name that is none of those known.
    #[error("configuration: unknown {kind} '{name}': expected {expected}")]
    Unknown {
        /// The kind of thing named, such as a preset.
        kind: &'static str,
        /// The name found.
        name: String,
        /// The names known.
        expected: String,
    },
    /// A text of settings is not one.
    #[error("configuration: {0}")]
    Document(String),
    /// A file, folder or flag is not what it has to be.
    #[error("{subject}: expected {expected}, found {found}; {hint}")]
    Unexpected {
        /// The file, folder or flag.
        subject: String,
        /// The expected content or value.
        expected: String,
        /// The content or value found.
        found: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// Inference, evaluation or the choice of a device failed.
    #[error(transparent)]
    Inference(Box<semivox_inference::InferenceError>),
    /// Reading or checking data failed.
    #[error(transparent)]
    Data(#[from] semivox_data::DataError),
    /// A method's settings cannot work, a checkpoint cannot be used, or a step diverged.
    #[error(transparent)]
    Method(#[from] semivox_methods::MethodError),
    /// Sampling could not be set up.
    #[error(transparent)]
    Sampling(#[from] semivox_sampling::SamplingError),
    /// A batch could not be made.
    #[error(transparent)]
    Loader(#[from] semivox_data::loader::LoaderError<std::convert::Infallible>),
    /// The report could not be made.
    #[error(transparent)]
    Report(#[from] semivox_report::ReportError),
    /// The run folder could not be used.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// Weights could not be written or read.
    #[error(transparent)]
    Weights(#[from] semivox_models::weights::WeightsError),
    /// A step made weights infinite or not a number.
    #[error(
        "weights became infinite or not a number by step {step}: training stopped and they were not saved; \
         lower the learning rate, then start again or pass --resume"
    )]
    NonFiniteWeights {
        /// Steps done.
        step: u64,
    },
}

impl From<semivox_inference::InferenceError> for TrainError {
    fn from(error: semivox_inference::InferenceError) -> Self {
        Self::Inference(Box::new(error))
    }
}

impl TrainError {
    /// A setting that does not work.
    pub fn setting(
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Display,
        hint: impl Into<String>,
    ) -> Self {
        Self::Setting {
            key: key.into(),
            expected: expected.into(),
            found: found.to_string(),
            hint: hint.into(),
        }
    }

    /// A file, folder or flag that is not what it has to be.
    pub fn unexpected(
        subject: impl Display,
        expected: impl Into<String>,
        found: impl Display,
        hint: impl Into<String>,
    ) -> Self {
        Self::Unexpected {
            subject: subject.to_string(),
            expected: expected.into(),
            found: found.to_string(),
            hint: hint.into(),
        }
    }

    /// Whether losses or weights became infinite or not a number.
    pub fn is_divergence(&self) -> bool {
        match self {
            Self::NonFiniteWeights { .. } => true,
            Self::Method(error) => error.is_divergence(),
            _ => false,
        }
    }

    /// Whether a setting is the reason.
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::Unknown { .. } | Self::Document(_) => true,
            Self::Method(error) => error.is_setting(),
            _ => false,
        }
    }
}
