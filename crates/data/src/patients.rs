//! Which cases are scans of one patient.

mod dicom;
mod file;
mod names;
mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use names::NameRule;

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

#[cfg(test)]
mod tests;
