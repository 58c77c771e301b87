//! `seen.json`: which scans of a folder of predictions were in the training data of their model.

mod sentences;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use semivox_data::{DataError, Fingerprint, Image, io};
use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;
use crate::{InferenceError, Model, Seen};

/// Name of the file in a folder of predictions.
const FILE: &str = "seen.json";

/// The scans of a folder of predictions, by whether they were in the training data of the model that segmented them.
///
/// They are stored beside the predictions as `seen.json`, so that an evaluation of the label maps alone can tell.
///
/// # Examples
///
/// ```
/// use semivox_inference::SeenScans;
///
/// let folder = tempfile::tempdir().unwrap();
/// assert_eq!(SeenScans::read(folder.path())?, SeenScans::default());
/// let text = r#"{"seen": {"a": {"evidence": "exact", "labeled": true}}, "unseen": ["b"], "not_known": []}"#;
/// std::fs::write(folder.path().join("seen.json"), text).unwrap();
/// let sentence = SeenScans::read(folder.path())?.warning();
/// assert_eq!(sentence.unwrap(), "1 of 2 scans was in the training data of this model: a with the same voxels");
/// # Ok::<(), semivox_inference::InferenceError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenScans {
    /// Scans that were in the training data.
    seen: BTreeMap<String, Seen>,
    /// Scans of patients in the training data, as known from the data set; the scan itself was not found there.
    #[serde(default)]
    patient: BTreeSet<String>,
    /// Scans that were not.
    unseen: BTreeSet<String>,
    /// Scans of a model that does not know its training data, scans of one intensity, and those whose label map is not
    /// written yet.
    not_known: BTreeSet<String>,
}

impl SeenScans {
    /// Reads the file of a folder; there are no scans if it is absent.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if it cannot be read, [`InferenceError::Unexpected`] if it is damaged.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, InferenceError> {
        let path = folder.as_ref().join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let bytes = fs::read(&path).map_err(|source| DataError::Io {
            path: path.clone(),
            action: "read",
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            InferenceError::unexpected(
                format!("{}, line {}", path.display(), error.line()),
                "the scans that a model was trained on, as `seen`, `patient`, `unseen` and `not_known`",
                error.to_string(),
                "delete the file; what it told is lost, unless the scans are predicted again",
            )
        })
    }

    /// Writes the file into a folder.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if it cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), InferenceError> {
        let path = folder.as_ref().join(FILE);
        let mut json = serde_json::to_string_pretty(self).expect("names have a JSON form");
        json.push('\n');
        Ok(io::write_atomic(path, json.as_bytes())?)
    }

    /// Writes into a folder that nothing is known of the scan with this name, before its label map is replaced there: after an
    /// interruption, no record of one model stands beside a label map of another.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if it cannot be written.
    pub fn begin(&mut self, id: &str, folder: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.forget(id);
        self.not_known.insert(id.into());
        self.write(folder)
    }

    /// Records whether the scan with this name was in the training data of `model`; an earlier record is replaced.
    ///
    /// It is not known of a scan of one intensity, which has no fingerprint.
    pub fn record(&mut self, id: &str, model: &Model, scan: &Image) {
        self.forget(id);
        let print = Fingerprint::of(scan);
        match model.training_data().filter(|_| !print.is_empty()) {
            None => drop(self.not_known.insert(id.into())),
            Some(data) => match data.seen(&print) {
                None => drop(self.unseen.insert(id.into())),
                Some(seen) => drop(self.seen.insert(id.into(), seen)),
            },
        }
    }

    /// Records that the patient of a scan is in the training data, unless the scan itself is.
    pub fn record_patient(&mut self, id: &str) {
        if !self.seen.contains_key(id) {
            self.forget(id);
            self.patient.insert(id.into());
        }
    }

    fn forget(&mut self, id: &str) {
        self.seen.remove(id);
        for ids in [&mut self.patient, &mut self.unseen, &mut self.not_known] {
            ids.remove(id);
        }
    }

    /// Returns the scans of these names alone.
    #[must_use]
    pub fn among(mut self, ids: &BTreeSet<&str>) -> Self {
        self.seen.retain(|id, _| ids.contains(id.as_str()));
        for some in [&mut self.patient, &mut self.unseen, &mut self.not_known] {
            some.retain(|id| ids.contains(id.as_str()));
        }
        self
    }

    /// Marks the cases of an evaluation that were in the training data, and those that were not; see
    /// [`Evaluation::with_seen`].
    #[must_use]
    pub fn mark(&self, mut evaluation: Evaluation) -> Evaluation {
        let mut sentences = BTreeMap::new();
        for case in &mut evaluation.cases {
            if self.unseen.contains(&case.id) {
                case.seen = Some(false);
            }
            let found = match self.seen.get(&case.id) {
                Some(seen) => seen.to_string(),
                None if self.patient.contains(&case.id) => "a scan of its patient".into(),
                None => continue,
            };
            let sentence = format!("test case `{}` and {found}", case.id);
            sentences.insert(case.id.clone(), sentence);
        }
        evaluation.with_seen(&sentences)
    }
}

#[cfg(test)]
mod tests;
