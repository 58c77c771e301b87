//! Names of cases of ACDC.

/// Whether a name has the form of a case of this data set, `patientNNN_frameNN` with what follows it.
pub(super) fn is_id(name: &str) -> bool {
    let digits = |text: &str, count: usize| {
        let bytes = text.as_bytes();
        bytes.len() >= count && bytes[..count].iter().all(u8::is_ascii_digit)
    };
    let parts = name
        .strip_prefix("patient")
        .and_then(|rest| rest.split_once("_frame"));
    parts.is_some_and(|(patient, frame)| {
        patient.len() == 3 && digits(patient, 3) && digits(frame, 2)
    })
}
