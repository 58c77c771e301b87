//! Patients by the PatientID of DICOM series.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{PatientSource, Patients};
use crate::Source;
use crate::io::{DicomPatient, PatientHash, patient_of, stem_length};

/// The number of cases up to which one PatientID is believed, even where it is that of most cases.
const BELIEVED: usize = 4;

/// The PatientIDs of some cases.
#[derive(Debug, Default)]
pub(super) struct PatientIds {
    pub(super) of: BTreeMap<String, PatientHash>,
    /// DICOM cases without a PatientID.
    pub(super) without: BTreeSet<String>,
}

/// What PatientIDs do not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Untold {
    /// The number of DICOM cases.
    pub(super) all: usize,
    /// The number of cases of one PatientID that most cases have, which then tells nothing.
    pub(super) overwritten: usize,
    /// The number of cases without a PatientID, of which names tell nothing either.
    pub(super) without: usize,
}

impl PatientIds {
    /// Reads the headers of those images that are DICOM.
    pub(super) fn read<'a>(images: impl IntoIterator<Item = (&'a str, &'a Source)>) -> Self {
        let mut found = Self::default();
        for (case, image) in images {
            match told_by(image) {
                Some(DicomPatient::Known(id)) => drop(found.of.insert(case.into(), id)),
                Some(DicomPatient::Removed) => drop(found.without.insert(case.into())),
                None => {}
            }
        }
        found
    }

    fn len(&self) -> usize {
        self.of.len() + self.without.len()
    }

    /// Drops the PatientID that most of the cases have, if any, and returns the number of its cases.
    fn drop_overwritten(&mut self) -> usize {
        let mut counts: BTreeMap<PatientHash, usize> = BTreeMap::new();
        self.of
            .values()
            .for_each(|id| *counts.entry(*id).or_default() += 1);
        let most = |count: usize| count > BELIEVED && 2 * count > self.len();
        let Some((id, count)) = counts.into_iter().find(|(_, count)| most(*count)) else {
            return 0;
        };
        self.of.retain(|_, other| *other != id);
        count
    }
}

/// The patient that the first telling file of an image names; `None` if none of them is DICOM.
fn told_by(image: &Source) -> Option<DicomPatient> {
    let paths = match image {
        Source::File(path) => std::slice::from_ref(path),
        Source::Channels(paths) => paths,
        _ => return None,
    };
    // A scan of another format is not opened once more.
    let named = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() || stem_length(&name).is_none()
    };
    let told = paths.iter().filter(|path| named(path));
    let told: Vec<DicomPatient> = told.filter_map(|path| patient_of(path)).collect();
    let known = told.iter().find(|told| **told != DicomPatient::Removed);
    known.or(told.first()).copied()
}

/// Cases in groups of one patient each.
#[derive(Default)]
struct Groups {
    cases: Vec<BTreeSet<String>>,
    of: BTreeMap<String, usize>,
}

impl Groups {
    /// Makes one group of these cases and of all groups that one of them is in.
    fn join(&mut self, mut cases: BTreeSet<String>) {
        let known: BTreeSet<usize> = cases
            .iter()
            .filter_map(|case| self.of.get(case).copied())
            .collect();
        for index in known {
            cases.append(&mut self.cases[index]);
        }
        let index = self.cases.len();
        self.of
            .extend(cases.iter().map(|case| (case.clone(), index)));
        self.cases.push(cases);
    }
}

impl Patients {
    /// Joins the patients that names tell and those that PatientIDs tell.
    ///
    /// Where every case of a name has a PatientID, those decide against the name. An ID that most of the cases have tells
    /// nothing.
    pub(super) fn with_ids(mut self, mut ids: PatientIds) -> Self {
        self.untold.all = ids.len();
        self.untold.overwritten = ids.drop_overwritten();
        let told = |case: &&String| self.of.contains_key(*case);
        self.untold.without = ids.without.iter().filter(|case| !told(case)).count();
        let mut number = 0;
        for cases in self.groups(&ids.of) {
            let mut named = cases.iter().filter(|case| !ids.of.contains_key(*case));
            let name = named.find_map(|case| Some(self.of.get(case)?.0.clone()));
            // Nothing of the identifier is in the name.
            let patient = name.unwrap_or_else(|| {
                number += 1;
                format!("DICOM patient {number}")
            });
            for case in &cases {
                let entry = (patient.clone(), self.source_in(case, &cases, &ids.of));
                self.of.insert(case.clone(), entry);
            }
        }
        self
    }

    /// The groups of cases that share a PatientID or, unless all of them have one, a patient by name.
    fn groups(&self, ids: &BTreeMap<String, PatientHash>) -> Vec<BTreeSet<String>> {
        let mut groups = Groups::default();
        for cases in grouped(ids) {
            groups.join(cases);
        }
        let by_name = self.of.iter().map(|(case, (name, _))| (case.clone(), name));
        for cases in grouped(&by_name.collect()) {
            if cases.iter().any(|case| !ids.contains_key(case)) {
                groups.join(cases);
            }
        }
        groups.cases.retain(|cases| !cases.is_empty());
        groups.cases.sort();
        groups.cases
    }

    /// How it is known that a case belongs to a group: by its PatientID if another case there has it, or if its name does
    /// not tell.
    fn source_in(
        &self,
        case: &str,
        group: &BTreeSet<String>,
        ids: &BTreeMap<String, PatientHash>,
    ) -> PatientSource {
        let id = ids.get(case);
        let same = |other: &&String| *other != case && ids.get(*other) == id;
        let shared = id.is_some() && group.iter().any(|other| same(&other));
        let by_name = group.iter().any(|other| !ids.contains_key(other));
        match self.of.get(case) {
            Some((_, guess)) if !shared && by_name => *guess,
            _ => PatientSource::Dicom,
        }
    }
}

/// The cases with equal values.
fn grouped<T: Ord>(of: &BTreeMap<String, T>) -> Vec<BTreeSet<String>> {
    let mut groups: BTreeMap<&T, BTreeSet<String>> = BTreeMap::new();
    for (case, value) in of {
        groups.entry(value).or_default().insert(case.clone());
    }
    groups.into_values().collect()
}
