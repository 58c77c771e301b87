//! Errors in data files and settings.

mod advice;
mod grids;
mod kinds;

pub(crate) use advice::listed;
pub use grids::GridRelation;
pub use kinds::DataError;

use std::path::Path;

impl DataError {
    /// Wraps an I/O error with the path and the attempted action.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }

    /// Creates an error for an invalid file or folder.
    pub(crate) fn unexpected(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (expected, found, hint) = (expected.into(), found.into(), hint.into());
        Self::Unexpected {
            path: path.to_path_buf(),
            expected,
            found,
            hint,
        }
    }

    /// Creates an error for a missing file or folder.
    pub(crate) fn missing(
        path: &Path,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Missing {
            path: path.to_path_buf(),
            expected: expected.into(),
            hint: hint.into(),
        }
    }
}
