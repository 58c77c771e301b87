//! Scans and patients on both sides of a test, and scans that occur twice.

use std::fmt;

use crate::inspect::{CaseFacts, Role};
use crate::{Match, PatientSource, Patients};

/// The number of pairs that are described.
const NAMED: usize = 3;

/// A test or validation case whose scan or patient is in the training data too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Name of the test or validation case.
    pub test: String,
    /// Role of that case: [`Role::Test`] or [`Role::Validation`].
    pub held_out: Role,
    /// Name of the training case.
    pub training: String,
    /// Role of the training case: [`Role::Labeled`] or [`Role::Unlabeled`].
    pub role: Role,
    /// The evidence.
    pub evidence: Evidence,
}

/// The evidence that two cases are one scan, or of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The fingerprints of the scans.
    Scan(Match),
    /// The patient, and how it is known.
    Patient(PatientSource),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scan(Match::Exact) => "the same voxels",
            Self::Scan(Match::Alike) => "the same scan, changed",
            Self::Patient(PatientSource::File) => "one patient by patients.csv",
            Self::Patient(PatientSource::Dicom) => "one patient by the DICOM PatientID",
            Self::Patient(_) => "one patient by its name",
        })
    }
}

impl Leak {
    /// Returns whether the evidence is a guess by the names of the cases.
    pub fn is_guess(&self) -> bool {
        matches!(self.evidence, Evidence::Patient(PatientSource::Guess(_)))
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            test,
            held_out,
            training,
            role,
            evidence,
        } = self;
        let held_out = match held_out {
            Role::Validation => "validation",
            _ => "test",
        };
        let role = match role {
            Role::Unlabeled => "unlabeled",
            _ => "labeled",
        };
        write!(
            f,
            "{held_out} case `{test}` and {role} case `{training}` ({evidence})"
        )
    }
}

/// Finds the test and validation cases whose scan or patient is in the training data too.
///
/// # Examples
///
/// ```
/// use semivox_data::inspect::{CaseFacts, Role};
/// use semivox_data::phantom::{PhantomConfig, PhantomKind, case};
/// use semivox_data::{Image, Patients, leaks};
///
/// let config = PhantomConfig::of(PhantomKind::Abdomen);
/// let scan = |id: &str, role, number| {
///     let (image, labels) = case(&config, number);
///     CaseFacts::of(id, role, &Image::from(image), Some(&labels))
/// };
/// let cases = [scan("a", Role::Labeled, 0), scan("b", Role::Labeled, 1), scan("copy", Role::Test, 0)];
/// let found = leaks::between(&cases, &Patients::default());
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].to_string(), "test case `copy` and labeled case `a` (the same voxels)");
/// ```
pub fn between(cases: &[CaseFacts], patients: &Patients) -> Vec<Leak> {
    let (tests, training): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| !case.role.is_training());
    let leak = |test: &CaseFacts, other: &CaseFacts| {
        Some(Leak {
            test: test.id.clone(),
            held_out: test.role,
            training: other.id.clone(),
            role: other.role,
            evidence: evidence(test, other, patients)?,
        })
    };
    let of_test = |test: &&CaseFacts| -> Vec<Leak> {
        training
            .iter()
            .filter_map(|other| leak(test, other))
            .collect()
    };
    tests.iter().flat_map(of_test).collect()
}

fn evidence(a: &CaseFacts, b: &CaseFacts, patients: &Patients) -> Option<Evidence> {
    if let Some(found) = a.fingerprint.compare(&b.fingerprint) {
        return Some(Evidence::Scan(found));
    }
    let [of_a, of_b] = [a, b].map(|case| patients.patient_of(&case.id));
    let [first, second] = [a, b].map(|case| patients.source_of(&case.id));
    // A case of which nothing is known may have the name of a patient.
    let known = [first, second]
        .iter()
        .all(|source| *source != PatientSource::Itself);
    // The weaker of both links the two.
    (known && of_a == of_b).then(|| Evidence::Patient(first.max(second)))
}

/// Describes the scans that occur twice among the training cases, or twice among the others: the first ones, and how many more
/// there are.
///
/// Scans of one patient that are alike but not equal, such as frames of a heart beat, are no repetition.
pub fn repeated(cases: &[CaseFacts], patients: &Patients) -> Vec<String> {
    let pair = |a: &CaseFacts, b: &CaseFacts| {
        let apart = a.role.is_training() != b.role.is_training();
        let kind = a.fingerprint.compare(&b.fingerprint).filter(|_| !apart)?;
        let one_patient = patients.patient_of(&a.id) == patients.patient_of(&b.id);
        (kind == Match::Exact || !one_patient).then(|| repetition(a, b, kind))
    };
    let pairs = cases.iter().enumerate().flat_map(|(index, a)| {
        let others = cases[index + 1..].iter();
        others.filter_map(move |b| pair(a, b))
    });
    let mut found: Vec<String> = pairs.collect();
    if found.len() > NAMED + 1 {
        let more = found.split_off(NAMED).len();
        found.push(format!("{more} more pairs are copies of one scan"));
    }
    found
}

fn repetition(a: &CaseFacts, b: &CaseFacts, kind: Match) -> String {
    let kind = Evidence::Scan(kind);
    let consequence = match [a.role, b.role] {
        [Role::Labeled, Role::Labeled] if a.labels != b.labels => {
            "both are labeled, with different label maps: keep the right one"
        }
        [Role::Labeled, Role::Labeled] => {
            "both are labeled: it counts twice, and there is one distinct label map fewer than it seems"
        }
        [Role::Test, Role::Test] => "both are test cases: it counts twice in the means",
        [Role::Validation, Role::Validation] => {
            "both are validation cases: it counts twice in the means"
        }
        [Role::Test, _] | [Role::Validation, _] => {
            "one is a test and one a validation case: what is chosen by the second knows the first"
        }
        [Role::Unlabeled, Role::Unlabeled] => "both are unlabeled: it counts twice",
        _ => "one of them is labeled and one unlabeled: it counts twice",
    };
    format!("`{}` and `{}` are {kind}; {consequence}", a.id, b.id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Image;
    use crate::phantom::{PhantomConfig, PhantomKind, case};

    fn scan(id: &str, role: Role, number: u64, factor: f32) -> CaseFacts {
        let (mut image, mut labels) = case(&PhantomConfig::of(PhantomKind::Abdomen), number);
        image.data.mapv_inplace(|x| factor * x);
        if factor != 1.0 {
            labels.data[[0, 0, 0]] = 1;
        }
        CaseFacts::of(id, role, &Image::from(image), Some(&labels))
    }

    #[test]
    fn copies_changed_copies_and_patients_are_told_apart() {
        let cases = [
            scan("a", Role::Labeled, 0, 1.0),
            scan("sub-b_ses-1", Role::Unlabeled, 1, 1.0),
            scan("c", Role::Test, 0, 2.0),
            scan("sub-b_ses-2", Role::Test, 2, 1.0),
            scan("d", Role::Test, 3, 1.0),
        ];
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let found = between(&cases, &Patients::guess(&names));
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "test case `c` and labeled case `a` (the same scan, changed)",
            "test case `sub-b_ses-2` and unlabeled case `sub-b_ses-1` (one patient by its name)",
        ];
        assert_eq!(lines, expected);
        assert!(repeated(&cases, &Patients::default()).is_empty());
    }

    #[test]
    fn frames_of_a_patient_are_no_repetition_and_many_pairs_are_counted() {
        let frame =
            |n: usize, factor| scan(&format!("patient001_frame{n:02}"), Role::Labeled, 0, factor);
        let frames = [frame(1, 1.0), frame(2, 2.0)];
        let names = ["patient001_frame01", "patient001_frame02"];
        assert!(repeated(&frames, &Patients::guess(&names)).is_empty());
        assert_eq!(repeated(&frames, &Patients::default()).len(), 1);
        let copies: Vec<CaseFacts> = (0..5).map(|n| frame(n, 1.0)).collect();
        let found = repeated(&copies, &Patients::default());
        assert_eq!(found.len(), 4);
        assert_eq!(found[3], "7 more pairs are copies of one scan");
    }

    #[test]
    fn scans_that_occur_twice_are_described() {
        let with = |role, factor| [scan("a", Role::Labeled, 0, 1.0), scan("b", role, 0, factor)];
        for (role, factor, words) in [
            (Role::Labeled, 1.0, "one distinct label map fewer"),
            (Role::Labeled, 2.0, "with different label maps"),
            (Role::Unlabeled, 1.0, "one of them is labeled"),
        ] {
            let found = repeated(&with(role, factor), &Patients::default());
            assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
        }
        assert!(repeated(&with(Role::Test, 1.0), &Patients::default()).is_empty());
    }
}
