//! Errors of an inspection, those of one kind together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::Role;
use crate::leaks::{Evidence, Leak};
use crate::names::some_named;
use crate::{DataError, PatientSource};

/// An error in a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file at fault, without its folder, or the two cases of a leak.
    pub file: String,
    /// The expected content, the content found, and how to mend it.
    pub message: String,
    /// The kind: equal for errors that are mended alike.
    kind: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<&DataError> for Problem {
    fn from(error: &DataError) -> Self {
        Self {
            file: file(error),
            message: error.to_string(),
            kind: kind(error),
        }
    }
}

impl From<&Leak> for Problem {
    fn from(leak: &Leak) -> Self {
        let advice = match leak.role {
            Role::Unlabeled => {
                "remove one of them, or train with --exclude-duplicates; a method that learns from the test scans is \
                 transductive, and --allow-leaks says so in its results"
            }
            _ => {
                "remove one of them, or train with --exclude-duplicates; --allow-leaks trains on both and says so in the \
                 results"
            }
        };
        let guess = match leak.evidence {
            _ if leak.is_guess() => "; where names mislead, say who is who in patients.csv",
            Evidence::Patient(PatientSource::Dicom) => {
                "; where a PatientID misleads, say who is who in patients.csv"
            }
            _ => "",
        };
        Self {
            file: format!("{} and {}", leak.test, leak.training),
            message: format!(
                "{leak}: expected test data apart from the training data; {advice}{guess}"
            ),
            kind: format!("leak to {:?} cases{guess}", leak.role),
        }
    }
}

/// The errors, of those of a kind the first one, with a count and the first files of the others.
pub(super) fn grouped(problems: &[Problem]) -> Vec<String> {
    let mut kinds: Vec<&str> = Vec::new();
    let mut by_kind: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        let of_kind = by_kind.entry(&problem.kind).or_default();
        if of_kind.is_empty() {
            kinds.push(&problem.kind);
        }
        of_kind.push(problem);
    }
    let sentence = |kind: &&str| {
        let (first, others) = by_kind[*kind].split_first()?;
        let names: Vec<&str> = others.iter().map(|other| other.file.as_str()).collect();
        Some(match others.len() {
            0 => first.to_string(),
            n => format!(
                "{} errors of this kind, the first: {first}; likewise {}",
                n + 1,
                some_named(&names, "others")
            ),
        })
    };
    kinds.iter().filter_map(sentence).collect()
}

/// The file of an error.
fn file(error: &DataError) -> String {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    match error {
        DataError::Io { path, .. }
        | DataError::Missing { path, .. }
        | DataError::Truncated { path, .. }
        | DataError::Unexpected { path, .. }
        | DataError::NonFinite { path, .. }
        | DataError::LabelValue { path, .. }
        | DataError::LabelValues { path, .. }
        | DataError::LabelNotDescribed { path, .. } => name(path),
        DataError::InFile { file, .. }
        | DataError::ShapeMismatch { label: file, .. }
        | DataError::GeometryMismatch { label: file, .. }
        | DataError::ChannelGrid { first: file, .. } => name(Path::new(file)),
        DataError::LabelOutOfRange { .. }
        | DataError::NonFiniteChannel { .. }
        | DataError::LabeledCount { .. }
        | DataError::UnknownCase { .. }
        | DataError::SplitPatient { .. }
        | DataError::InvalidSetting { .. } => String::new(),
    }
}

/// Errors of one kind are mended alike, whatever was found.
fn kind(error: &DataError) -> String {
    match error {
        DataError::Unexpected { expected, hint, .. } => format!("{expected}; {hint}"),
        DataError::Missing { expected, hint, .. } => format!("no {expected}; {hint}"),
        DataError::Io { source, .. } => source.kind().to_string(),
        DataError::InFile { source, .. } => kind(source),
        // Exporting a part of a grid on the whole grid differs from finding the scan of a label map.
        DataError::GeometryMismatch { turned, .. } => format!("geometry {turned}"),
        DataError::ShapeMismatch { relation, .. } => {
            format!("shape {:?}", std::mem::discriminant(relation))
        }
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}
