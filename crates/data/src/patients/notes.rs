//! Sentences on how the patients of a data set are known.

use std::collections::BTreeMap;
use std::path::Path;

use super::{FILE, PatientSource, Patients};

impl Patients {
    /// A sentence about what was told by PatientID and guessed by name, or about cases that the file does not mention;
    /// `None` if there are none.
    pub fn note(&self) -> Option<String> {
        if let Some(file) = &self.file {
            return self.note_on(file);
        }
        let parts = [
            self.note_on_ids(),
            self.note_on_overwritten(),
            self.note_on_removed(),
            self.note_on_names(),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let correct = format!(
            "if that is wrong, write `{FILE}` into the folder of the data set, with lines `case,patient`"
        );
        (!parts.is_empty()).then(|| format!("{}: {correct}", parts.join("; ")))
    }

    fn note_on(&self, file: &Path) -> Option<String> {
        let some = |names: &[String], text: &str| {
            let first = names.first()?;
            Some(format!("{} {text}, such as `{first}`", names.len()))
        };
        let parts = [
            some(
                &self.missing,
                "of the cases are not in it, each taken for the only one of its patient",
            ),
            some(
                &self.unknown,
                "of its names are no case that is used: check their spelling",
            ),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("`{}`: {}", file.display(), parts.join("; ")))
    }

    fn note_on_names(&self) -> Option<String> {
        let guessed = |source: &PatientSource| matches!(source, PatientSource::Guess(_));
        let cases = self.of.iter().filter(|(_, (_, source))| guessed(source));
        let cases: Vec<(&str, &str)> = cases.map(|(case, of)| (&**case, &*of.0)).collect();
        let (example, patient) = cases.first()?;
        let patients = self.count(cases.iter().map(|(case, _)| *case));
        Some(format!(
            "{} cases are taken for scans of {patients} patients by their names, such as `{example}` for one of `{patient}`",
            cases.len()
        ))
    }

    /// A note on the patients that PatientIDs tell, if some have several cases.
    fn note_on_ids(&self) -> Option<String> {
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

    fn note_on_overwritten(&self) -> Option<String> {
        let super::dicom::Untold {
            all, overwritten, ..
        } = self.untold;
        (overwritten > 0).then(|| {
            format!(
                "{overwritten} of {all} DICOM cases have the same PatientID, as where it was overwritten: it is not followed"
            )
        })
    }

    fn note_on_removed(&self) -> Option<String> {
        match self.untold.without {
            0 => None,
            1 => Some("1 DICOM case has no PatientID and is taken for a patient of its own".into()),
            count => Some(format!(
                "{count} DICOM cases have no PatientID, and each is taken for a patient of its own"
            )),
        }
    }
}
