//! Inspection of a data set: sizes, intensities, labels, errors and warnings.

mod facts;
mod intensities;
mod problems;
mod sides;
mod warnings;

pub use facts::{CaseFacts, Role};
pub use problems::Problem;
pub use sides::wrong_sides;
pub use warnings::{
    absent_classes, cases_turned_by_guess, mixed_orientations, turned_by_guess, warnings,
};

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::layout::{self, HoldOut, Layout};
use crate::{DataError, Dataset, IGNORED, LabeledCase, Patients, Source, io, leaks};

/// Result of inspecting a data set.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The data set.
    pub dataset: Dataset,
    /// The cases that could be read, by role and then by name.
    pub cases: Vec<CaseFacts>,
    /// Errors that prevent training.
    pub errors: Vec<Problem>,
    /// Suspicious findings that may be intended.
    pub warnings: Vec<String>,
    /// The patients of the cases.
    pub patients: Patients,
}

impl Inspection {
    /// Reads every scan and every label map of the data set in `root`.
    ///
    /// `progress(done, total)` is called from several threads. An unreadable file does not end the
    /// inspection.
    ///
    /// # Errors
    ///
    /// As for [`layout::open_held_out`], if there is no data set to inspect.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::inspect::Inspection;
    /// use semivox_data::phantom::{PhantomConfig, PhantomKind, write_dataset};
    ///
    /// let root = tempfile::tempdir()?;
    /// let config = PhantomConfig { shape: [24, 24, 16], ..PhantomConfig::of(PhantomKind::Abdomen) };
    /// write_dataset(root.path(), 2, 1, &config)?;
    /// let found = Inspection::read(root.path(), &Default::default(), &|_, _| ())?;
    /// assert_eq!((found.cases.len(), found.errors.len()), (3, 0));
    /// assert_eq!(found.cases[0].orientation.to_string(), "LPS");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(
        root: impl AsRef<std::path::Path>,
        test: &HoldOut,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, DataError> {
        Self::read_as(root, None, test, progress)
    }

    /// Like [`read`](Self::read), with the layout given rather than detected where it is `Some`.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_as(
        root: impl AsRef<std::path::Path>,
        layout: Option<Layout>,
        test: &HoldOut,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, DataError> {
        let (dataset, implausible) = layout::open_readable(root.as_ref(), layout, test)?;
        let (cases, unreadable) = read_cases(&dataset, progress);
        let mut errors: Vec<Problem> = implausible
            .iter()
            .chain(&unreadable)
            .map(Problem::from)
            .collect();
        let labels = |case: &CaseFacts| !case.labels.is_empty();
        if dataset.classes.len() < 2 && cases.iter().any(labels) {
            let expected = "a class beside the background in some label map";
            let hint = "draw it, or write the values of its voxels into `classes.txt`";
            let found = "background alone in all of them";
            let error = DataError::unexpected(root.as_ref(), expected, found, hint);
            errors.push(Problem::from(&error));
        }
        let mut warnings = warnings(&cases);
        warnings.extend(mixed_orientations(&cases));
        warnings.extend(wrong_sides(&dataset.classes, &cases));
        let patients = Patients::open(root.as_ref(), &dataset).unwrap_or_else(|error| {
            errors.push(Problem::from(&error));
            Patients::default()
        });
        warnings.extend(patients.note());
        warnings.extend(leaks::repeated(&cases, &patients));
        errors.extend(leaks::between(&cases, &patients).iter().map(Problem::from));
        // Values other than class indices do not tell which classes are present.
        if implausible.is_none() {
            let labeled = cases.iter().filter(|case| case.role == Role::Labeled);
            let present = labeled
                .flat_map(|case| case.labels.keys().copied())
                .collect();
            warnings.extend(absent_classes(&dataset.classes, &present));
        }
        Ok(Self {
            dataset,
            cases,
            errors,
            warnings,
            patients,
        })
    }

    /// Returns a sentence for each kind of error: the first error of it, with a count and the first files of the others.
    pub fn errors_by_kind(&self) -> Vec<String> {
        problems::grouped(&self.errors)
    }

    /// Returns the number of patients that the labeled cases that could be read are of.
    pub fn labeled_patients(&self) -> usize {
        let cases = self.of(Role::Labeled).map(|case| case.id.as_str());
        self.patients.count(cases)
    }

    /// Returns the cases with this role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &CaseFacts> {
        self.cases.iter().filter(move |case| case.role == role)
    }
}

/// Reads every case; returns one error for each that cannot be read.
fn read_cases(
    dataset: &Dataset,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> (Vec<CaseFacts>, Vec<DataError>) {
    let todo = entries(dataset);
    let done = AtomicUsize::new(0);
    let read = |entry: &Entry<'_>| {
        let facts = entry.facts(dataset.classes.len());
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, todo.len());
        facts
    };
    let read: Vec<_> = todo.par_iter().map(read).collect();
    let (mut cases, mut errors) = (Vec::new(), Vec::new());
    for result in read {
        match result {
            Ok(facts) => cases.push(facts),
            Err(error) => errors.push(error),
        }
    }
    (cases, errors)
}

/// A case to read.
struct Entry<'a> {
    id: &'a str,
    role: Role,
    image: &'a Source,
    labeled: Option<&'a LabeledCase>,
}

fn entries(dataset: &Dataset) -> Vec<Entry<'_>> {
    let labeled = dataset
        .labeled
        .iter()
        .map(|case| Entry::new(case, Role::Labeled));
    let unlabeled = dataset.unlabeled.iter().map(|case| Entry {
        id: &case.id,
        role: Role::Unlabeled,
        image: &case.image,
        labeled: None,
    });
    let test = dataset.test.iter().map(|case| Entry::new(case, Role::Test));
    labeled.chain(unlabeled).chain(test).collect()
}

impl<'a> Entry<'a> {
    fn new(case: &'a LabeledCase, role: Role) -> Self {
        Self {
            id: &case.id,
            role,
            image: &case.image,
            labeled: Some(case),
        }
    }

    fn facts(&self, classes: usize) -> Result<CaseFacts, DataError> {
        let (image, labels) = match self.labeled {
            Some(case) => {
                let (image, labels) = case.load_checked(classes)?;
                (image, Some(labels))
            }
            None => (io::read_image(self.image)?, None),
        };
        let mut facts = CaseFacts::of(self.id, self.role, &image, labels.as_ref());
        // Without a description, 255 is a value like any other.
        if !matches!(
            self.labeled.map(|case| &case.label),
            Some(Source::MappedFile { .. })
        ) && facts.ignored > 0
        {
            facts
                .labels
                .insert(IGNORED, std::mem::take(&mut facts.ignored));
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
