//! Errors of this crate.

/// An error from creating or using a sampler, a patch grid or a queue.
///
/// # Examples
///
/// ```
/// use semivox_sampling::{SamplingError, TwoStreamSampler};
///
/// let error = TwoStreamSampler::new(1, 0, 10, 2, 2).unwrap_err();
/// assert!(matches!(error, SamplingError::EmptyStream { stream: "labeled", .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A stream that contributes to a batch has no cases.
    #[error(
        "expected at least one {stream} case, since a batch takes {per_batch}, found none; add \
         {stream} cases or set the number per batch to 0"
    )]
    EmptyStream {
        /// The stream, "labeled" or "unlabeled".
        stream: &'static str,
        /// The number of its cases per batch.
        per_batch: usize,
    },
    /// The batch size is zero.
    #[error(
        "expected a batch of at least one case, found 0 labeled + 0 unlabeled; raise one of them"
    )]
    EmptyBatch,
    /// A setting is out of range.
    #[error("expected {field} to be {expected}, found {found}; change the setting")]
    Setting {
        /// The name of the setting.
        field: &'static str,
        /// The allowed range.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// A tensor has a shape that does not match the other inputs or the queue.
    #[error(
        "expected {what} of shape {expected:?}, found {found:?}; check the code that produced it"
    )]
    Shape {
        /// The name of the tensor.
        what: &'static str,
        /// The expected shape.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
    },
    /// There are more elements than 32-bit indices can address.
    #[error(
        "expected {what} to be at most {limit}, found {found}; use a smaller patch, batch or \
         representation width"
    )]
    TooLarge {
        /// The quantity that was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The count found.
        found: usize,
    },
    /// A saved queue is inconsistent.
    #[error("expected a saved queue with {expected}, found {found}; restore another checkpoint")]
    QueueState {
        /// The property that was expected.
        expected: String,
        /// The value found.
        found: String,
    },
}
