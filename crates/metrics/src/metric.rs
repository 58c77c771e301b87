//! Metric values that may be undefined.

use std::fmt;

use serde::{Serialize, Serializer};

/// The reason why a metric is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UndefinedReason {
    /// The prediction is empty, the reference is not.
    PredictionEmpty,
    /// The reference is empty, the prediction is not.
    ReferenceEmpty,
    /// Both are empty.
    BothEmpty,
}

impl UndefinedReason {
    /// The reason for masks with these numbers of voxels; `None` if neither is empty.
    pub(crate) fn of(prediction: usize, reference: usize) -> Option<Self> {
        match (prediction, reference) {
            (0, 0) => Some(Self::BothEmpty),
            (0, _) => Some(Self::PredictionEmpty),
            (_, 0) => Some(Self::ReferenceEmpty),
            _ => None,
        }
    }
}

impl fmt::Display for UndefinedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PredictionEmpty => "the prediction is empty",
            Self::ReferenceEmpty => "the reference is empty",
            Self::BothEmpty => "prediction and reference are empty",
        })
    }
}

/// The value of a metric, or the reason why it is undefined.
///
/// Serializes as a number or null.
///
/// # Examples
///
/// ```
/// use semivox_metrics::{Metric, UndefinedReason};
///
/// assert_eq!(Metric::Defined(0.5).value(), Some(0.5));
/// let undefined = Metric::Undefined(UndefinedReason::ReferenceEmpty);
/// assert_eq!(undefined.value(), None);
/// assert_eq!(undefined.to_string(), "undefined (the reference is empty)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// The value, always finite.
    Defined(f64),
    /// The reason why there is no value.
    Undefined(UndefinedReason),
}

impl Metric {
    /// The value, if defined.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Defined(value) => Some(*value),
            Self::Undefined(_) => None,
        }
    }

    /// The reason, if undefined.
    #[must_use]
    pub fn undefined(&self) -> Option<UndefinedReason> {
        match self {
            Self::Defined(_) => None,
            Self::Undefined(reason) => Some(*reason),
        }
    }
}

impl fmt::Display for Metric {
    /// Writes the value (with the formatter's precision), or `undefined` with the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defined(value) => fmt::Display::fmt(value, f),
            Self::Undefined(reason) => write!(f, "undefined ({reason})"),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
