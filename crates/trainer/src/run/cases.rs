//! `cases.json`: the cases of a run in their order, which stay the same throughout the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use semivox_data::{Dataset, LabeledCase};
use serde::{Deserialize, Serialize};

use super::RunError;
use super::atomic::write_atomic;
use super::contents::{Contents, listed};
use super::folder::RunFolder;
use crate::error::TrainError;
use crate::test_leaks::Accepted;

/// The names of a run's cases, in the order in which batches index them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseList {
    labeled: Vec<String>,
    unlabeled: Vec<String>,
    test: Vec<String>,
    /// Labeled cases on which the result is measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    validation: Vec<String>,
    /// Training cases left out, as their scan or patient is in the test or validation data.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) excluded: BTreeSet<String>,
    /// Test and validation cases whose scan or patient is in the training data, with a sentence on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) leaks: Accepted,
    /// The contents of the files that the run began with; empty for runs of older versions.
    #[serde(default, skip_serializing_if = "Contents::is_empty")]
    pub(crate) contents: Contents,
    /// Names of contents that were changed before the run ended, so that it was trained or measured on both.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) changed: BTreeSet<String>,
}

impl CaseList {
    pub(crate) fn of(dataset: &Dataset, validation: &[LabeledCase]) -> Self {
        let named = |cases: &[LabeledCase]| -> Vec<String> {
            cases.iter().map(|case| case.id.clone()).collect()
        };
        Self {
            labeled: named(&dataset.labeled),
            unlabeled: dataset.unlabeled.iter().map(|c| c.id.clone()).collect(),
            test: named(&dataset.test),
            validation: named(validation),
            excluded: BTreeSet::new(),
            leaks: Accepted::new(),
            contents: Contents::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Returns why runs that began with these and with other cases are trainings on different data, if they are.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if (&self.labeled, &self.unlabeled) != (&other.labeled, &other.unlabeled) {
            return Some("other training cases, or the same ones in another order".into());
        }
        if self.changed != other.changed {
            let changed = listed(self.changed.symmetric_difference(&other.changed));
            return Some(format!(
                "files that changed while one was trained: {changed}"
            ));
        }
        let mut both = (self.contents.iter())
            .filter_map(|(name, one)| Some((name, one, other.contents.get(name)?)));
        let (name, ..) = both.find(|(_, one, two)| one.voxels != two.voxels)?;
        Some(format!("another {name}"))
    }

    /// Reads `cases.json`; `None` for runs without it, which older versions began.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn read(run: &RunFolder) -> Result<Option<Self>, TrainError> {
        let path = run.cases();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).map_err(|error| RunError::io("read", &path, error))?;
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            TrainError::unexpected(
                path.display(),
                "the cases that the run began with",
                format!("a damaged file ({error})"),
                "start a new run",
            )
        })
    }

    /// Returns whether there are no test cases.
    pub(crate) fn has_no_test(&self) -> bool {
        self.test.is_empty()
    }

    /// Writes `cases.json`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, run: &RunFolder) -> Result<(), TrainError> {
        let path = run.cases();
        let failed = |error: serde_json::Error| RunError::io("write", &path, error.into());
        let json = serde_json::to_vec_pretty(self).map_err(failed)?;
        Ok(write_atomic(&path, &json)?)
    }

    /// Checks that the cases are those that the run began with; otherwise a training case might become a test
    /// case. Runs without the file, which older versions began, pass.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] with the first case that differs.
    pub(crate) fn expect_unchanged(&self, run: &RunFolder) -> Result<(), TrainError> {
        let path = run.cases();
        let Some(began) = Self::read(run)? else {
            return Ok(());
        };
        let groups = [
            ("labeled", &began.labeled, &self.labeled),
            ("unlabeled", &began.unlabeled, &self.unlabeled),
            ("test", &began.test, &self.test),
            ("validation", &began.validation, &self.validation),
        ];
        for (kind, began, found) in groups {
            let same = began.iter().zip(found).take_while(|(a, b)| a == b).count();
            if same < began.len().max(found.len()) {
                let name = |cases: &[String]| cases.get(same).map_or("none", |id| id).to_string();
                return Err(TrainError::unexpected(
                    path.display(),
                    format!(
                        "the cases that the run began with, {kind} case {} of {} being '{}'",
                        same + 1,
                        began.len(),
                        name(began)
                    ),
                    format!("'{}' of {}", name(found), found.len()),
                    "restore the data set and its patients.csv, which decides which cases keep their labels, or start a new run in \
                     another --out (runs of earlier versions trained on test images that have label maps in labelsTs/)",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(labeled: &[&str], test: &[&str]) -> CaseList {
        let owned = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        CaseList {
            labeled: owned(labeled),
            unlabeled: Vec::new(),
            test: owned(test),
            validation: Vec::new(),
            excluded: BTreeSet::new(),
            leaks: Accepted::new(),
            contents: Contents::new(),
            changed: BTreeSet::new(),
        }
    }

    #[test]
    fn other_training_cases_or_contents_are_a_difference() {
        let content = |voxels: u64| -> Contents {
            let stored = format!(r#"{{"image of a": {{"files": {voxels}, "voxels": {voxels}}}}}"#);
            serde_json::from_str(&stored).unwrap()
        };
        let with = |checksum| CaseList {
            contents: content(checksum),
            ..list(&["a", "b"], &["c"])
        };
        assert_eq!(with(1).difference(&with(1)), None);
        assert_eq!(with(1).difference(&list(&["a", "b"], &["d"])), None);
        let found = with(1).difference(&with(2));
        assert_eq!(found.unwrap(), "another image of a");
        let found = with(1).difference(&list(&["b", "a"], &["c"]));
        assert!(found.unwrap().contains("training cases"));
        let mut mixed = with(1);
        mixed.changed.insert("image of b".into());
        let found = with(1).difference(&mixed);
        assert!(
            found
                .unwrap()
                .ends_with("while one was trained: image of b")
        );
    }

    #[test]
    fn a_case_that_came_went_or_moved_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunFolder::create(dir.path().join("run")).unwrap();
        let began = list(&["a", "b"], &["c"]);
        began.expect_unchanged(&run).unwrap();
        began.write(&run).unwrap();
        began.expect_unchanged(&run).unwrap();
        for (found, words) in [
            (
                list(&["a0", "a"], &["c"]),
                "labeled case 1 of 2 being 'a', found 'a0' of 2",
            ),
            (
                list(&["a"], &["c"]),
                "labeled case 2 of 2 being 'b', found 'none' of 1",
            ),
            (
                list(&["a", "b"], &["c", "d"]),
                "test case 2 of 1 being 'none', found 'd' of 2",
            ),
        ] {
            let message = found.expect_unchanged(&run).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        fs::write(run.cases(), "{").unwrap();
        let message = began.expect_unchanged(&run).unwrap_err().to_string();
        assert!(message.contains("damaged"), "{message}");
    }
}
