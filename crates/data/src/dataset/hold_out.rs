//! Taking cases out of training, for the test or the validation.

use std::collections::HashSet;

use super::Dataset;
use crate::unit::{Unit, single};
use crate::{DataError, LabelBudget, LabeledCase, Patients};

impl Dataset {
    /// Moves the labeled cases with these names to the test cases.
    ///
    /// They are appended to the test cases in the order of `names`; names of present test cases have no effect.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownCase`] with the first name that is not a labeled case,
    /// [`DataError::InvalidSetting`] unless at least one labeled case remains.
    ///
    /// # Examples
    ///
    /// ```
    /// # use semivox_data::{Dataset, LabeledCase, Source};
    /// # let case = |id: &str| LabeledCase {
    /// #     id: id.into(),
    /// #     image: Source::File("image.nii".into()),
    /// #     label: Source::File("label.nii".into()),
    /// # };
    /// # let labeled = vec![case("a"), case("b"), case("c")];
    /// # let dataset = Dataset { name: "x".into(), layout: semivox_data::layout::Layout::Folder, classes: vec![], channels: vec![], labeled, unlabeled: vec![], test: vec![], notes: vec![] };
    /// let dataset = dataset.hold_out(&["b"])?;
    /// assert_eq!((dataset.labeled.len(), dataset.test[0].id.as_str()), (2, "b"));
    /// let message = dataset.hold_out(&["z"]).unwrap_err().to_string();
    /// assert!(message.contains("`z`") && message.contains("`a`, `c`"));
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn hold_out(self, names: &[impl AsRef<str>]) -> Result<Self, DataError> {
        self.hold_out_units(names, single)
    }

    /// Like [`hold_out`](Self::hold_out), but fails if a unit of several cases would be split.
    pub(crate) fn hold_out_units(
        mut self,
        names: &[impl AsRef<str>],
        unit: Unit,
    ) -> Result<Self, DataError> {
        let available = self.labeled.len();
        for name in names.iter().map(AsRef::as_ref) {
            match self.labeled.iter().position(|case| case.id == name) {
                Some(at) => self.test.push(self.labeled.remove(at)),
                None if self.test.iter().any(|case| case.id == name) => {}
                None => return Err(self.unknown_case(name)),
            }
        }
        self.refuse_parted(unit)?;
        if self.labeled.is_empty() {
            return Err(cannot_hold_out("cases", available, available));
        }
        Ok(self)
    }

    /// Returns an error if some cases of a unit are held out and others are used for training.
    pub(crate) fn refuse_parted(&self, unit: Unit) -> Result<(), DataError> {
        let tested = || self.test.iter().map(|case| case.id.as_str());
        let unlabeled = self.unlabeled.iter().map(|case| case.id.as_str());
        let training = self.labeled.iter().map(|case| case.id.as_str());
        let mut training = training.chain(unlabeled);
        let held_out: HashSet<&str> = tested().map(unit).collect();
        let Some(first) = training.find(|id| held_out.contains(unit(id))) else {
            return Ok(());
        };
        let whole = unit(first);
        let of_it = |id: &&str| unit(id) == whole;
        Err(DataError::SplitPatient {
            unit: whole.into(),
            held_out: listed(tested().filter(of_it)),
            training: listed(std::iter::once(first).chain(training.filter(of_it))),
        })
    }

    fn unknown_case(&self, name: &str) -> DataError {
        let known = self.labeled.iter().take(KNOWN_CASES);
        DataError::UnknownCase {
            id: name.into(),
            known: match self.labeled.is_empty() {
                true => "there is none".into(),
                false => listed(known.map(|case| case.id.as_str())),
            },
        }
    }

    /// Moves the labeled cases of the last `n` patients to the test cases, for data sets without a predefined split.
    ///
    /// The order is that of the patients' first cases. Unlabeled cases of these patients are set aside, which a note says.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] unless at least one labeled case remains.
    ///
    /// # Examples
    ///
    /// ```
    /// # use semivox_data::{Dataset, LabeledCase, Patients, Source};
    /// # let case = |id: &str| LabeledCase {
    /// #     id: id.into(),
    /// #     image: Source::File("image.nii".into()),
    /// #     label: Source::File("label.nii".into()),
    /// # };
    /// # let labeled = vec![case("a"), case("b_t1"), case("c"), case("b_t2")];
    /// # let dataset = Dataset { name: "x".into(), layout: semivox_data::layout::Layout::Folder, classes: vec![], channels: vec![], labeled, unlabeled: vec![], test: vec![], notes: vec![] };
    /// // Labeled are a, b_t1, c and b_t2.
    /// let patients = Patients::guess(&dataset.case_names());
    /// let dataset = dataset.hold_out_last(2, &patients)?;
    /// assert_eq!((dataset.labeled.len(), dataset.test.len()), (1, 3));
    /// assert!(dataset.hold_out_last(1, &patients).is_err());
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn hold_out_last(mut self, n: usize, patients: &Patients) -> Result<Self, DataError> {
        let test = self.take_last(n.into(), patients)?;
        self.test.extend(test);
        Ok(self)
    }

    /// Takes the last labeled cases out of the data set, those of a number or a percentage of the labeled patients.
    ///
    /// Unlabeled cases of these patients are set aside, with a note.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if no labeled patient would be left.
    ///
    /// # Examples
    /// ```
    /// # use semivox_data::{Dataset, LabeledCase, Patients, Source};
    /// # let case = |id: &str| LabeledCase {
    /// #     id: id.into(),
    /// #     image: Source::File("image.nii".into()),
    /// #     label: Source::File("label.nii".into()),
    /// # };
    /// # let labeled = vec![case("a"), case("b"), case("c"), case("d")];
    /// # let mut dataset = Dataset { name: "x".into(), layout: semivox_data::layout::Layout::Folder, classes: vec![], channels: vec![], labeled, unlabeled: vec![], test: vec![], notes: vec![] };
    /// let patients = Patients::guess(&dataset.case_names());
    /// let validation = dataset.take_last("25%".parse()?, &patients)?;
    /// assert_eq!((validation[0].id.as_str(), dataset.labeled.len()), ("d", 3));
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn take_last(
        &mut self,
        budget: LabelBudget,
        patients: &Patients,
    ) -> Result<Vec<LabeledCase>, DataError> {
        let mut names = self.labeled_patients(patients);
        let n = budget.count_of(names.len());
        if n >= names.len() {
            let several = names.len() < self.labeled.len();
            let unit = if several { "patients" } else { "cases" };
            return Err(cannot_hold_out(unit, n, names.len()));
        }
        let last: HashSet<String> = names.drain(names.len() - n..).collect();
        let held_out = |id: &str| last.contains(patients.patient_of(id));
        let taken = self.labeled.extract_if(.., |case| held_out(&case.id));
        let taken = taken.collect();
        let aside = self.unlabeled.extract_if(.., |case| held_out(&case.id));
        let aside: Vec<String> = aside.map(|case| case.id).collect();
        self.notes.extend(set_aside(&aside));
        Ok(taken)
    }
}

/// Maximum number of names listed in a message.
const KNOWN_CASES: usize = 3;

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn cannot_hold_out(unit: &str, n: usize, available: usize) -> DataError {
    DataError::InvalidSetting {
        name: "the number of cases or patients held out (--test-list, --validation)",
        expected: format!("below the {available} labeled {unit}"),
        found: n.to_string(),
    }
}

/// A note on unlabeled cases of patients in the test data.
fn set_aside(cases: &[String]) -> Option<String> {
    let first = cases.first()?;
    let verb = if cases.len() == 1 {
        "case is"
    } else {
        "cases are"
    };
    Some(format!(
        "{} unlabeled {verb} set aside, such as `{first}`, as the patient is held out",
        cases.len()
    ))
}
