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
    /// Scans that were not.
    unseen: BTreeSet<String>,
    /// Scans of a model that does not know its training data.
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
                "the scans that a model was trained on, as `seen`, `unseen` and `not_known`",
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

    /// Records whether the scan with this name was in the training data of `model`; an earlier record is replaced.
    pub fn record(&mut self, id: &str, model: &Model, scan: &Image) {
        self.seen.remove(id);
        self.unseen.remove(id);
        self.not_known.remove(id);
        match model.training_data() {
            None => drop(self.not_known.insert(id.into())),
            Some(data) => match data.seen(&Fingerprint::of(scan)) {
                None => drop(self.unseen.insert(id.into())),
                Some(seen) => drop(self.seen.insert(id.into(), seen)),
            },
        }
    }

    /// Returns the scans of these names alone.
    #[must_use]
    pub fn among(mut self, ids: &BTreeSet<&str>) -> Self {
        self.seen.retain(|id, _| ids.contains(id.as_str()));
        self.unseen.retain(|id| ids.contains(id.as_str()));
        self.not_known.retain(|id| ids.contains(id.as_str()));
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
            if let Some(seen) = self.seen.get(&case.id) {
                sentences.insert(
                    case.id.clone(),
                    format!("test case `{}` and {seen}", case.id),
                );
            }
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
            listed(of(Match::Alike).collect(), "changed"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let (count, known) = (self.seen.len(), self.seen.len() + self.unseen.len());
        let verb = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            format!(
                "{count} of {} scans {verb} in the training data of this model: {}",
                known + self.not_known.len(),
                parts.join("; ")
            )
        })
    }

    /// Returns a sentence with the number of the scans of which it is not known whether they were in the training data, if
    /// any.
    pub fn note(&self) -> Option<String> {
        let all = self.seen.len() + self.unseen.len() + self.not_known.len();
        (!self.not_known.is_empty()).then(|| {
            format!(
                "of {} of {all} scans it is not known whether they were in the training data: the model has no fingerprints of it",
                self.not_known.len()
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
             changed"
        );
        assert!(
            found
                .note()
                .unwrap()
                .starts_with("of 1 of 8 scans it is not known")
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
                "scan or patient of 1 of 4 test cases are in the training data, such as test case `a` and a labeled scan \
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
