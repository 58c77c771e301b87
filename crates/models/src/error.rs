//! What can be wrong with a model's configuration.

/// A configuration that no network can be built from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A size is zero.
    #[error("expected `{field}` of at least 1, found 0: set it to a positive number")]
    ZeroSize {
        /// The configuration's field.
        field: &'static str,
    },
    /// A probability of dropout is outside of `[0, 1)`.
    #[error("expected `{field}` in [0, 1), found {found}: use 0 to turn dropout off")]
    Probability {
        /// The configuration's field.
        field: &'static str,
        /// The value found.
        found: f64,
    },
}

/// Fails with the name of the first size that is zero.
pub(crate) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<(), ModelError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some(&(field, _)) => Err(ModelError::ZeroSize { field }),
        None => Ok(()),
    }
}

/// Fails unless a probability of dropout is in `[0, 1)`.
pub(crate) fn check_probability(field: &'static str, found: f64) -> Result<(), ModelError> {
    match (0.0..1.0).contains(&found) {
        true => Ok(()),
        false => Err(ModelError::Probability { field, found }),
    }
}

/// Stops an `init` whose configuration was not checked by its caller.
pub(crate) fn expect_valid(checked: Result<(), ModelError>) {
    if let Err(error) = checked {
        panic!("{error}");
    }
}
