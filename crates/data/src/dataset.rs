//! Data sets: cases with their roles.

mod hold_out;

use std::collections::HashSet;

use crate::layout::Layout;
use crate::{DataError, LabelBudget, LabelValues, LabeledCase, Patients, Source, UnlabeledCase};

/// A data set: labeled and unlabeled training cases, and test cases.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::Layout;
/// use semivox_data::{Dataset, LabeledCase, Source};
///
/// let case = |id: &str| LabeledCase {
///     id: id.into(),
///     image: Source::File(format!("images/{id}.nii.gz").into()),
///     label: Source::File(format!("labels/{id}.nii.gz").into()),
/// };
/// let dataset = Dataset {
///     name: "example".into(),
///     layout: Layout::Folder,
///     classes: vec!["background".into(), "organ".into()],
///     channels: vec![],
///     labeled: vec![case("a"), case("b"), case("c")],
///     unlabeled: vec![],
///     test: vec![],
///     notes: vec![],
/// };
/// let dataset = dataset.keep_labeled(1)?;
/// assert_eq!(dataset.labeled[0].id, "a");
/// assert_eq!(dataset.unlabeled[1].id, "c");
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for reports.
    pub name: String,
    /// Folder layout that it was read from.
    pub layout: Layout,
    /// Names of the classes, starting with the background; the index is the label.
    pub classes: Vec<String>,
    /// Names of the channels of every image; empty for one channel without a name.
    pub channels: Vec<String>,
    /// Training cases with a label map.
    pub labeled: Vec<LabeledCase>,
    /// Training cases without a label map.
    pub unlabeled: Vec<UnlabeledCase>,
    /// Cases held out for evaluation.
    pub test: Vec<LabeledCase>,
    /// Remarks on how the folder was interpreted, one sentence each: entries that were skipped, with the reason, and
    /// guesses.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Returns the number of channels of every image.
    pub fn channel_count(&self) -> usize {
        self.channels.len().max(1)
    }

    /// Returns the names of all cases.
    pub fn case_names(&self) -> Vec<&str> {
        let labeled = self
            .labeled
            .iter()
            .chain(&self.test)
            .map(|case| case.id.as_str());
        let unlabeled = self.unlabeled.iter().map(|case| case.id.as_str());
        labeled.chain(unlabeled).collect()
    }

    /// Returns the mapping from the values of the label maps to classes; `None` if they are class indices.
    pub fn label_values(&self) -> Option<&LabelValues> {
        let mut labels = self
            .labeled
            .iter()
            .chain(&self.test)
            .map(|case| &case.label);
        labels.find_map(|label| match label {
            Source::MappedFile { values, .. } => Some(values),
            _ => None,
        })
    }

    /// Keeps the first `n` labeled cases and drops the labels of the others, before any file is read.
    ///
    /// Cases that lose their labels are placed first among the unlabeled cases.
    ///
    /// # Errors
    ///
    /// [`DataError::LabeledCount`] if `n` is 0 or above the number of labeled cases.
    pub fn keep_labeled(self, n: usize) -> Result<Self, DataError> {
        self.keep_labeled_patients(n.into(), &Patients::default())
    }

    /// Like [`keep_labeled`](Self::keep_labeled), for a number of patients, whose cases keep or lose their labels
    /// together.
    pub(crate) fn keep_labeled_patients(
        mut self,
        labeled: LabelBudget,
        patients: &Patients,
    ) -> Result<Self, DataError> {
        let names = self.labeled_patients(patients);
        let (available, requested) = (names.len(), labeled.count_of(names.len()));
        if requested == 0 || requested > available {
            let several = available < self.labeled.len();
            return Err(DataError::LabeledCount {
                unit: if several { "patients" } else { "cases" },
                requested,
                available,
            });
        }
        let kept: HashSet<String> = names.into_iter().take(requested).collect();
        let rest = self
            .labeled
            .extract_if(.., |case| !kept.contains(patients.patient_of(&case.id)));
        let rest = rest.map(LabeledCase::into_unlabeled);
        self.unlabeled = rest.chain(self.unlabeled).collect();
        Ok(self)
    }

    /// The patients of the labeled cases, in the order of their first cases.
    fn labeled_patients(&self, patients: &Patients) -> Vec<String> {
        let mut seen = HashSet::new();
        let cases = self.labeled.iter();
        let names = cases.map(|case| patients.patient_of(&case.id));
        let first = names.filter(|name| seen.insert(*name));
        first.map(String::from).collect()
    }
}
