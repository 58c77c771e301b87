//! What can go wrong when something is drawn.

/// Why a sampler, a patch grid or a queue could not be made or used.
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
    /// A stream without cases was asked for cases.
    #[error(
        "expected at least one {stream} case, since a batch takes {per_batch}, found none; add \
         {stream} cases or set the number per batch to 0"
    )]
    EmptyStream {
        /// The stream: "labeled" or "unlabeled".
        stream: &'static str,
        /// How many cases of it a batch takes.
        per_batch: usize,
    },
    /// A batch of no case at all.
    #[error(
        "expected a batch of at least one case, found 0 labeled + 0 unlabeled; raise one of them"
    )]
    EmptyBatch,
    /// A setting out of its range.
    #[error("expected {field} to be {expected}, found {found}; change the setting")]
    Setting {
        /// The setting's name.
        field: &'static str,
        /// The range it must be in.
        expected: &'static str,
        /// The value it has.
        found: String,
    },
    /// A tensor whose shape does not fit the others or the queue.
    #[error("expected {what} of shape {expected:?}, found {found:?}; check what produced it")]
    Shape {
        /// The tensor's name.
        what: &'static str,
        /// The shape it must have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// More elements than 32-bit indices can address.
    #[error(
        "expected {what} to be at most {limit}, found {found}; use a smaller patch, batch or \
         representation width"
    )]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The largest count allowed.
        limit: usize,
        /// The count found.
        found: usize,
    },
    /// A saved queue that contradicts itself.
    #[error("expected a saved queue with {expected}, found {found}; restore another checkpoint")]
    QueueState {
        /// What a sound state has.
        expected: String,
        /// What this one has.
        found: String,
    },
}
