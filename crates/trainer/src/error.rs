//! Errors of training and evaluation.

use std::fmt::Display;

/// An error of a run: in its configuration or its data, on disk, or a diverged training.
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
        /// The allowed values.
        expected: String,
        /// The value found.
        found: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// The name of a task, preset or method is unknown.
    #[error("configuration: unknown {kind} '{name}': expected {expected}")]
    Unknown {
        /// The kind of thing named, such as a preset.
        kind: &'static str,
        /// The name found.
        name: String,
        /// The names known.
        expected: String,
    },
    /// A configuration is not valid TOML, or has an unknown key or a value of a wrong type.
    #[error("configuration: {0}")]
    Document(String),
    /// A file, folder or flag has an unexpected content or value.
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
    /// A method's settings are invalid, a checkpoint cannot be used, or a step diverged.
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
         start a new run in another --out with a lower learning_rate than in the config.toml of this one"
    )]
    NonFiniteWeights {
        /// Number of steps done.
        step: u64,
    },
}

impl From<semivox_inference::InferenceError> for TrainError {
    fn from(error: semivox_inference::InferenceError) -> Self {
        Self::Inference(Box::new(error))
    }
}

impl TrainError {
    /// Creates a [`Setting`](Self::Setting) error.
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

    /// Creates an [`Unexpected`](Self::Unexpected) error.
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

    /// Returns whether losses or weights became infinite or not a number.
    pub fn is_divergence(&self) -> bool {
        match self {
            Self::NonFiniteWeights { .. } => true,
            Self::Method(error) => error.is_divergence(),
            _ => false,
        }
    }

    /// Returns whether a setting caused the error.
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::Unknown { .. } | Self::Document(_) => true,
            Self::Method(error) => error.is_setting(),
            _ => false,
        }
    }
}
