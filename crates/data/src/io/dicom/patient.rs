//! The patient of a DICOM scan.

use std::path::Path;

use super::header::Found;
use super::patient_id::PatientHash;
use super::series::files;

/// The patient of a DICOM scan, of the first of its files that tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DicomPatient {
    /// The scan has a PatientID.
    Known(PatientHash),
    /// The scan has none, or one that was removed.
    Removed,
}

/// The patient of the series in a folder, or of the one that a file belongs to; `None` for scans of other formats.
pub(crate) fn patient_of(path: &Path) -> Option<DicomPatient> {
    let files = match path.is_dir() {
        true => files(path).ok()?,
        false => vec![path.to_path_buf()],
    };
    files.iter().find_map(|file| match Found::read(file) {
        Ok(Found::Image(header)) => Some(match header.patient {
            Some(patient) => DicomPatient::Known(patient),
            None => DicomPatient::Removed,
        }),
        _ => None,
    })
}
