//! `seen.json`: which scans of a folder of predictions were in the training data of their model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use semivox_data::{DataError, Fingerprint, Image, Match, io};
use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;
use crate::{InferenceError, Model, Seen};

/// Name of the file in a folder of predictions.
const FILE: &str = "seen.json";

/// The number of scans that a sentence names.
const NAMED: usize = 3;

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

    /// The number of scans.
    fn len(&self) -> usize {
        self.seen.len() + self.patient.len() + self.unseen.len() + self.not_known.len()
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

    /// Returns a sentence with the number and the first names of the scans that were in the training data, if any.
    pub fn warning(&self) -> Option<String> {
        let of = |evidence| {
            let some = self
                .seen
                .iter()
                .filter(move |(_, seen)| seen.evidence == evidence);
            some.map(|(id, seen)| match seen.labeled {
                true => id.clone(),
                false => format!("{id} (unlabeled)"),
            })
        };
        let parts = [
            listed(of(Match::Exact).collect(), "with the same voxels"),
            listed(of(Match::Alike).collect(), "as a changed copy"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let count = self.seen.len();
        let verb = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            format!(
                "{count} of {} scans {verb} in the training data of this model: {}",
                self.len(),
                parts.join("; ")
            )
        })
    }

    /// Returns a sentence with the number of the scans of which it is not known whether they were in the training data, if
    /// any.
    pub fn note(&self) -> Option<String> {
        let count = self.not_known.len();
        let verb = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            format!(
                "the model does not say whether {count} of {} scans {verb} in its training data",
                self.len()
            )
        })
    }

    /// Returns a sentence with the number of label maps of which nothing is recorded, if any: whether their scans were in
    /// the training data is not known either.
    pub fn note_on_unrecorded(&self, ids: &BTreeSet<&str>) -> Option<String> {
        let count = ids.len() - self.clone().among(ids).len();
        (count > 0).then(|| {
            format!(
                "`{FILE}` beside the predictions records nothing of {count} of {} label maps: it is not known whether their \
                 scans were in the training data",
                ids.len()
            )
        })
    }
}

/// The first names, the number of the others and what they have in common.
fn listed(mut names: Vec<String>, how: &str) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("{}{more} {how}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};

    const EXACT: Seen = Seen {
        evidence: Match::Exact,
        labeled: true,
    };
    const ALIKE: Seen = Seen {
        evidence: Match::Alike,
        labeled: false,
    };

    fn scans(seen: &[(&str, Seen)], unseen: &[&str], not_known: &[&str]) -> SeenScans {
        let owned = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        SeenScans {
            patient: BTreeSet::new(),
            seen: seen.iter().map(|&(id, seen)| (id.into(), seen)).collect(),
            unseen: owned(unseen),
            not_known: owned(not_known),
        }
    }

    /// An evaluation of cases with these names and Dice.
    fn evaluation(cases: &[(&str, f64)]) -> Evaluation {
        let case = |&(id, dice): &(&str, f64)| CaseEvaluation {
            id: id.into(),
            seen: None,
            classes: vec![ClassEvaluation {
                label: 1,
                dice: Some(dice),
                jaccard: None,
                hd95_mm: None,
                hd95_directed_max_mm: None,
                asd_mm: None,
                assd_mm: None,
            }],
        };
        Evaluation::new(Protocol::default(), cases.iter().map(case).collect())
    }

    #[test]
    fn the_warning_counts_and_names_the_first_of_each_kind() {
        let seen = [
            ("a", EXACT),
            ("b", EXACT),
            ("c", EXACT),
            ("d", EXACT),
            ("e", ALIKE),
        ];
        let found = scans(&seen, &["f", "g"], &["h"]);
        assert_eq!(
            found.warning().unwrap(),
            "5 of 8 scans were in the training data of this model: a, b, c and 1 more with the same voxels; e (unlabeled) \
             as a changed copy"
        );
        assert_eq!(
            found.note().unwrap(),
            "the model does not say whether 1 of 8 scans was in its training data"
        );
        let some = found.among(&BTreeSet::from(["e", "f"]));
        assert_eq!(some, scans(&[("e", ALIKE)], &["f"], &[]));
        let none = scans(&[], &["a"], &[]);
        assert_eq!((none.warning(), none.note()), (None, None));
    }

    #[test]
    fn means_without_seen_cases_leave_unknown_ones_out_too() {
        let cases = [("a", 1.0), ("b", 0.5), ("c", 0.7), ("d", 0.1)];
        let marked = scans(&[("a", EXACT)], &["b", "c", "z"], &["d"]).mark(evaluation(&cases));
        let seen: Vec<Option<bool>> = marked.cases.iter().map(|case| case.seen).collect();
        assert_eq!(seen, [Some(true), Some(false), Some(false), None]);
        assert_eq!(marked.mean_unseen.as_ref().unwrap().dice, Some(0.6));
        assert!((marked.mean.dice.unwrap() - 0.575).abs() < 1e-12);
        assert_eq!(
            marked.protocol.leaks.as_deref(),
            Some(
                "the training data contain the scan or patient of 1 of 4 test cases, such as test case `a` and a labeled scan \
                 (the same voxels)"
            )
        );
        let json = serde_json::to_string(&marked).unwrap();
        assert!(
            json.contains(r#""seen":true"#) && json.contains(r#""seen":false"#),
            "{json}"
        );
        assert_eq!(json.matches(r#""seen""#).count(), 3, "{json}");
    }

    #[test]
    fn a_patient_in_the_training_data_is_a_kind_of_its_own() {
        let cases = [("a", 1.0), ("b", 0.5)];
        let mut found = scans(&[("a", EXACT)], &["b"], &[]);
        for id in ["a", "b"] {
            found.record_patient(id);
        }
        assert_eq!(found.patient, BTreeSet::from(["b".to_string()]));
        assert!(found.unseen.is_empty() && found.seen.contains_key("a"));
        let marked = found.mark(evaluation(&cases));
        assert_eq!(marked.cases[1].seen, Some(true));
        let leaks = marked.protocol.leaks.unwrap();
        assert!(leaks.contains("`b` and a scan of its patient"), "{leaks}");
        // What a file of an earlier version lacks is empty.
        let json = r#"{"seen": {}, "unseen": ["a"], "not_known": []}"#;
        assert_eq!(
            serde_json::from_str::<SeenScans>(json).unwrap(),
            scans(&[], &["a"], &[])
        );
    }

    #[test]
    fn a_label_map_without_a_record_is_not_known() {
        let found = scans(&[("a", EXACT)], &["b"], &[]);
        assert_eq!(found.note_on_unrecorded(&BTreeSet::from(["a", "b"])), None);
        let note = found
            .note_on_unrecorded(&BTreeSet::from(["a", "c"]))
            .unwrap();
        assert!(
            note.contains("records nothing of 1 of 2 label maps"),
            "{note}"
        );
        // While a label map is replaced, nothing is said of it.
        let folder = tempfile::tempdir().unwrap();
        found.clone().begin("b", folder.path()).unwrap();
        let written = SeenScans::read(folder.path()).unwrap();
        assert_eq!(written, scans(&[("a", EXACT)], &[], &["b"]));
    }

    #[test]
    fn without_seen_cases_there_is_one_mean() {
        let cases = [("a", 1.0), ("b", 0.5)];
        let marked = scans(&[], &["a", "b"], &[]).mark(evaluation(&cases));
        assert_eq!(marked.cases[0].seen, Some(false));
        assert_eq!(
            (&marked.mean_unseen, &marked.protocol.leaks),
            (&None, &None)
        );
        // Of seen cases alone there is no other mean either, but the sentence.
        let marked = scans(&[("a", EXACT), ("b", ALIKE)], &[], &[]).mark(evaluation(&cases));
        assert_eq!(marked.mean_unseen, None);
        assert!(marked.protocol.leaks.unwrap().contains("2 of 2 test cases"));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let written = scans(&[("a", ALIKE)], &["b"], &["c"]);
        written.write(folder.path()).unwrap();
        assert_eq!(SeenScans::read(folder.path()).unwrap(), written);
        for text in [
            r#"{"seen": {"a": 3}"#,
            r#"{"seen": {}, "unseen": [], "not_known": [], "more": 1}"#,
            "",
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let message = SeenScans::read(folder.path()).unwrap_err().to_string();
            assert!(
                message.contains("seen.json, line") && message.contains("delete the file"),
                "{message}"
            );
        }
    }
}
