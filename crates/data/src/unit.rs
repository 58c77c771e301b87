//! Groups of cases that are held out together.

/// Function from a case's name to its unit, a group of cases that are all held out or none.
pub(crate) type Unit = fn(&str) -> &str;

/// Units of single cases.
pub(crate) fn single(case: &str) -> &str {
    case
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
