//! Reading of the file that tells the patients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::dicom::Untold;
use super::{PatientSource, Patients};
use crate::DataError;
use crate::layout::{case_name, composed, read_text};

impl Patients {
    /// Reads a file in UTF-8 of a line a case: the case, a comma, semicolon or tab, and the patient.
    ///
    /// A first line `case,patient` is a heading, an extension such as `.nii.gz` is removed, quotes around a name
    /// as well. A case that is not in the file is a patient of its own, see [`note`](Self::note).
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] for a file that cannot be read; [`DataError::Unexpected`] for a line without exactly two
    /// names, and a case of two lines.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::Patients;
    ///
    /// let file = tempfile::NamedTempFile::new()?;
    /// std::fs::write(file.path(), "case,patient\nscan_1,A\nscan_2.nii.gz,A\n")?;
    /// let patients = Patients::read(file.path(), &["scan_1", "scan_2"])?;
    /// assert_eq!(patients.patient_of("scan_2"), "A");
    /// let note = Patients::read(file.path(), &["scan_1"])?.note();
    /// assert!(note.is_some_and(|note| note.contains("scan_2")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(path: impl AsRef<Path>, cases: &[impl AsRef<str>]) -> Result<Self, DataError> {
        let path = path.as_ref();
        let known: BTreeSet<&str> = cases.iter().map(AsRef::as_ref).collect();
        let mut of = BTreeMap::new();
        let mut unknown = Vec::new();
        for (number, case, patient) in lines(path)? {
            let refuse = |expected: String, found: &str, hint: &str| {
                let found = format!("{found} in line {number}");
                Err(DataError::unexpected(path, expected, found, hint))
            };
            // A case that is set aside is not among the cases, so it is no error.
            if !known.contains(case.as_str()) {
                unknown.push(case.clone());
            }
            let entry = (patient, PatientSource::File);
            if of.insert(case.clone(), entry).is_some() {
                let found = format!("`{case}` a second time");
                return refuse("every case once".into(), &found, "remove one of its lines");
            }
        }
        let missing = known.into_iter().filter(|&case| !of.contains_key(case));
        let missing = missing.map(Into::into).collect();
        let file = Some(path.to_path_buf());
        Ok(Self {
            of,
            file,
            missing,
            unknown,
            untold: Untold::default(),
        })
    }
}

/// The line number, case and patient of each line but the heading and empty ones.
fn lines(path: &Path) -> Result<Vec<(usize, String, String)>, DataError> {
    let text = read_text(path)?;
    let lines = (1..).zip(text.lines());
    let read = lines.filter_map(|(number, line)| match line_of(number, line) {
        Some(Err(found)) => {
            let expected = "a case and its patient in each line, as in `scan_017,A`";
            let error = DataError::unexpected(path, expected, found, "correct the line");
            Some(Err(error))
        }
        Some(Ok((case, patient))) => Some(Ok((number, case, patient))),
        None => None,
    });
    read.collect()
}

/// The case and patient of a line, `None` for the heading and an empty one, or what was found instead.
fn line_of(number: usize, line: &str) -> Option<Result<(String, String), String>> {
    let fields: Vec<String> = line.split([',', ';', '\t']).map(name).collect();
    match fields.as_slice() {
        [blank] if blank.is_empty() => None,
        [case, patient] if number == 1 && is_heading(case, patient) => None,
        [case, patient] if !case.is_empty() && !patient.is_empty() => {
            Some(Ok((case_name(case), patient.clone())))
        }
        _ => Some(Err(format!("`{}` in line {number}", line.trim()))),
    }
}

/// A name without quotes.
fn name(field: &str) -> String {
    composed(field.trim().trim_matches('"').trim())
}

fn is_heading(case: &str, patient: &str) -> bool {
    case.eq_ignore_ascii_case("case") && patient.eq_ignore_ascii_case("patient")
}
