//! Patients that the headers of the source tell, and those of the copy no longer do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::Found;
use crate::patients::FILE;
use crate::{DataError, Patients, io};

/// Writes the patients of the copied cases where PatientIDs tell others than the names do, and returns a sentence on it.
///
/// The patients have numbers or the beginnings of names, so that the copy holds nothing of an identifier. A source with a
/// file of patients needs none.
pub(super) fn write(
    root: &Path,
    out: &Path,
    found: &Found,
    copied: &BTreeSet<&str>,
) -> Result<Option<String>, DataError> {
    if root.join(FILE).is_file() {
        return Ok(None);
    }
    let images = found.cases.iter();
    let told = Patients::told(images.map(|(id, case)| (id.as_str(), &case.image)));
    let names: Vec<&str> = copied.iter().copied().collect();
    if groups(&told, copied) == groups(&Patients::guess(&names), copied) {
        return Ok(None);
    }
    // A name with a separator cannot stand in the file; such a case is noted as missing in it.
    let (lines, odd): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|id| {
        ![*id, told.patient_of(id)]
            .concat()
            .contains([',', ';', '\t'])
    });
    let lines = lines
        .iter()
        .map(|id| format!("{id},{}\n", told.patient_of(id)));
    let text = format!("case,patient\n{}", lines.collect::<String>());
    io::write_atomic(out.join(FILE), text.as_bytes())?;
    let without = match odd.first() {
        Some(id) => format!(
            ", without {} cases such as `{id}` by their names",
            odd.len()
        ),
        None => String::new(),
    };
    Ok(Some(format!(
        "{FILE} tells which cases are of one patient, by the PatientIDs of the DICOM files{without}"
    )))
}

/// The cases of each patient.
fn groups<'a>(patients: &Patients, cases: &BTreeSet<&'a str>) -> BTreeSet<BTreeSet<&'a str>> {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases {
        let patient = patients.patient_of(case);
        groups.entry(patient).or_default().insert(case);
    }
    groups.into_values().collect()
}
