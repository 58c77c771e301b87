//! The reason why a step has no batch.

/// The reason why a step has no batch.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoaderError<E> {
    /// Making the batch failed.
    #[error("cannot make the batch of step {step}: {source}")]
    Make {
        /// The step.
        step: u64,
        /// The error.
        source: E,
    },
    /// Making the batch panicked.
    #[error(
        "expected a batch for step {step}, found a panic: {message}; this is a bug, please report it"
    )]
    Panicked {
        /// The step.
        step: u64,
        /// The message of the panic.
        message: String,
    },
}
