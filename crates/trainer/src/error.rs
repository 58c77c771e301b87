//! What can go wrong in training and evaluation, one line each.

/// A mistake in a configuration, in data or on disk, or a diverged training.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A configuration value is out of range, or values contradict one another.
    #[error("configuration: {0}")]
    Config(String),
    /// Files or flags that do not fit one another.
    #[error("{0}")]
    Input(String),
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
