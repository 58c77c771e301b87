//! Groups of cases that are held out together.

/// A group of cases that are all held out or none.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    /// Function from a case's name to its unit.
    pub of: fn(&str) -> &str,
}

impl Unit {
    /// Units of single cases.
    pub const CASE: Self = Self { of: |id| id };

    /// Units of patients, who may have several cases.
    pub const PATIENT: Self = Self { of: patient };
}

/// Returns the patient of a case: the part of the name before `_frame`.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::acdc::patient;
///
/// assert_eq!(patient("patient003_frame01"), "patient003");
/// ```
pub fn patient(case: &str) -> &str {
    case.split_once("_frame")
        .map_or(case, |(patient, _)| patient)
}
