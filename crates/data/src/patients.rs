//! Which cases are scans of one patient.

mod dicom;
mod names;
mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use names::NameRule;

use crate::layout::case_name;
use crate::layout::composed;
use crate::layout::read_text;
use crate::{DataError, Dataset, Source};

/// Name of the file that tells the patients, in the folder of a data set.
pub(crate) const FILE: &str = "patients.csv";

/// The patients of a data set's cases.
///
/// They come from `patients.csv` in the folder of the data set, with two columns, the case and its patient:
///
/// ```csv
/// case,patient
/// scan_017,A
/// scan_018,A
/// scan_019,B
/// ```
///
/// Without such a file the PatientID tells the patients of DICOM series; it is compared by a hash and shown nowhere. One
/// that more than four cases and more than half of them have tells nothing, as where it was overwritten. Cases are also of
/// one patient by their names, see [`NameRule`], unless all cases of a name have PatientIDs that differ. A case that
/// nothing tells about is a patient of its own.
///
/// # Examples
///
/// ```
/// use semivox_data::{NameRule, PatientSource, Patients};
///
/// let cases = ["anna_t1", "anna_t2", "la_001", "la_002"];
/// let patients = Patients::guess(&cases);
/// assert_eq!(patients.patient_of("anna_t2"), "anna");
/// assert_eq!(patients.source_of("anna_t2"), PatientSource::Guess(NameRule::TimePoint));
/// assert_eq!(patients.patient_of("la_001"), "la_001");
/// assert_eq!(patients.count(cases), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patients {
    of: BTreeMap<String, (String, PatientSource)>,
    /// The file that was read.
    file: Option<PathBuf>,
    /// Cases that the file does not mention.
    missing: Vec<String>,
    /// Names in the file that no case has.
    unknown: Vec<String>,
    /// What PatientIDs do not tell.
    untold: dicom::Untold,
}

/// How the patient of a case is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PatientSource {
    /// `patients.csv` states it.
    File,
    /// The PatientID of its DICOM files states it.
    Dicom,
    /// It is a guess from the names of the cases.
    Guess(NameRule),
    /// Nothing is known: the case is taken for the only one of its patient.
    Itself,
}

impl Patients {
    /// Reads `patients.csv` in the folder of a data set; if there is none, tells patients by PatientID and name.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn open(root: impl AsRef<Path>, dataset: &Dataset) -> Result<Self, DataError> {
        let path = root.as_ref().join(FILE);
        let cases = dataset.case_names();
        match path.is_file() {
            true => Self::read(path, &cases),
            false => {
                let labeled = dataset.labeled.iter().chain(&dataset.test);
                let labeled = labeled.map(|case| (case.id.as_str(), &case.image));
                let unlabeled = dataset.unlabeled.iter();
                let unlabeled = unlabeled.map(|case| (case.id.as_str(), &case.image));
                Ok(Self::told(labeled.chain(unlabeled)))
            }
        }
    }

    /// Tells the patients of images by PatientID and by name.
    pub(crate) fn told<'a>(images: impl Iterator<Item = (&'a str, &'a Source)> + Clone) -> Self {
        let cases: Vec<&str> = images.clone().map(|(case, _)| case).collect();
        Self::guess(&cases).with_ids(dicom::PatientIds::read(images))
    }

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
            untold: dicom::Untold::default(),
        })
    }

    /// Guesses by the names of all cases of a data set, see [`NameRule`].
    pub fn guess(cases: &[impl AsRef<str>]) -> Self {
        let names: BTreeSet<&str> = cases.iter().map(AsRef::as_ref).collect();
        let guessed = names::guess(&names)
            .into_iter()
            .map(|(case, (patient, rule))| {
                (case.into(), (patient.into(), PatientSource::Guess(rule)))
            });
        let of = guessed.collect();
        Self {
            of,
            ..Self::default()
        }
    }

    /// The patient of a case.
    pub fn patient_of<'a>(&'a self, case: &'a str) -> &'a str {
        self.of.get(case).map_or(case, |(patient, _)| patient)
    }

    /// How the patient of a case is known.
    pub fn source_of(&self, case: &str) -> PatientSource {
        let found = self.of.get(case);
        found.map_or(PatientSource::Itself, |(_, source)| *source)
    }

    /// The number of patients that some cases have.
    pub fn count<'a>(&'a self, cases: impl IntoIterator<Item = &'a str>) -> usize {
        let patients = cases.into_iter().map(|case| self.patient_of(case));
        patients.collect::<BTreeSet<_>>().len()
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

#[cfg(test)]
mod tests;
