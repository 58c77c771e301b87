//! Errors in a model's configuration.

/// An invalid model configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A size is zero.
    #[error("expected `{field}` of at least 1, found 0: set it to a positive number")]
    ZeroSize {
        /// The field of the configuration.
        field: &'static str,
    },
    /// A dropout probability is outside `[0, 1)`.
    #[error("expected `{field}` in [0, 1), found {found}: use 0 to turn dropout off")]
    Probability {
        /// The field of the configuration.
        field: &'static str,
        /// The value found.
        found: f64,
    },
}

/// Returns an error that names the first size of zero, if there is one.
pub(crate) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<(), ModelError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some(&(field, _)) => Err(ModelError::ZeroSize { field }),
        None => Ok(()),
    }
}

/// Checks that a dropout probability is in `[0, 1)`.
pub(crate) fn check_probability(field: &'static str, found: f64) -> Result<(), ModelError> {
    match (0.0..1.0).contains(&found) {
        true => Ok(()),
        false => Err(ModelError::Probability { field, found }),
    }
}

/// Panics with the error of an invalid configuration; for `init`.
pub(crate) fn expect_valid(checked: Result<(), ModelError>) {
    if let Err(error) = checked {
        panic!("{error}");
    }
}
