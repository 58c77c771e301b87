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
}
