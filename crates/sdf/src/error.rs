use thiserror::Error;

/// An invalid input of this crate.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SdfError {
    /// A spacing is zero, negative, infinite or not a number.
    #[error(
        "expected a positive finite spacing in millimeters along every axis, found {found:?}; correct the header of the image or pass the spacing explicitly"
    )]
    Spacing {
        /// The spacing found.
        found: [f64; 3],
    },
}
