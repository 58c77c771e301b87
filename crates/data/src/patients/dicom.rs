//! Patients by the PatientID of DICOM series.

use std::collections::BTreeMap;

use super::{PatientSource, Patients};
use crate::io::{PatientHash, patient_of};
use crate::{Dataset, Source};

/// The patients of those cases that are DICOM series with a PatientID.
pub(super) fn patients(dataset: &Dataset) -> BTreeMap<String, PatientHash> {
    let labeled = dataset.labeled.iter().chain(&dataset.test);
    let labeled = labeled.map(|case| (&case.id, &case.image));
    let unlabeled = dataset.unlabeled.iter().map(|case| (&case.id, &case.image));
    let known = labeled
        .chain(unlabeled)
        .filter_map(|(case, image)| match image {
            Source::File(path) => Some((case.clone(), patient_of(path)?)),
            _ => None,
        });
    known.collect()
}

impl Patients {
    /// The patients of some cases by PatientID, unless it is one for all of them.
    pub(super) fn with_ids(mut self, of: BTreeMap<String, PatientHash>) -> Self {
        // Names in the order of the cases: nothing of the identifier is in them.
        let mut cases: BTreeMap<PatientHash, Vec<String>> = BTreeMap::new();
        for (case, patient) in of {
            cases.entry(patient).or_default().push(case);
        }
        let mut cases: Vec<Vec<String>> = cases.into_values().collect();
        cases.sort();
        if let [all] = &cases[..]
            && all.len() > 1
        {
            self.same_id = Some(all.len());
            return self;
        }
        for (number, cases) in (1..).zip(cases) {
            let patient = format!("DICOM patient {number}");
            let entry = (patient, PatientSource::Dicom);
            self.of
                .extend(cases.into_iter().map(|case| (case, entry.clone())));
        }
        self
    }

    /// A note on the patients that PatientIDs tell, if some have several cases.
    pub(super) fn note_on_ids(&self) -> Option<String> {
        if let Some(count) = self.same_id {
            return Some(format!(
                "the PatientID of all {count} DICOM cases is the same, as where it was overwritten: they are taken for scans of \
                 different patients"
            ));
        }
        let mut by_patient: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (case, (patient, source)) in &self.of {
            if *source == PatientSource::Dicom {
                by_patient.entry(patient).or_default().push(case);
            }
        }
        let count: usize = by_patient.values().map(Vec::len).sum();
        let [first, second] = *by_patient
            .values()
            .find(|cases| cases.len() > 1)?
            .first_chunk()?;
        Some(format!(
            "{count} DICOM cases are scans of {} patients by their PatientID, such as `{first}` and `{second}` of one",
            by_patient.len()
        ))
    }
}
