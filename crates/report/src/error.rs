//! Errors of reports.

/// An error from making or writing a report.
///
/// # Examples
///
/// ```
/// use semivox_report::{ReportError, ReportInput, write};
///
/// let error = write("no/such/folder/report.html", &ReportInput::default()).unwrap_err();
/// assert!(matches!(error, ReportError::Data(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The arrays or the spacing of a case cannot be drawn, such as arrays of different shapes.
    #[error(
        "case {id} cannot be drawn: expected {expected}, found {found}; leave it out or predict it again"
    )]
    Picture {
        /// The case.
        id: String,
        /// The expected input.
        expected: &'static str,
        /// The input found.
        found: String,
    },
    /// The page could not be written.
    #[error(transparent)]
    Data(#[from] semivox_data::DataError),
}
