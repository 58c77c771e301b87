//! Series of a folder.

use std::path::{Path, PathBuf};

use super::header::{Found, Header};
use super::start::is_dicom_file;
use super::tags;
use crate::DataError;
use crate::names::some_of;

/// The DICOM files of a folder.
pub(crate) struct Folder {
    /// The files of each series, by name.
    pub(super) series: Vec<Vec<Header>>,
    /// Names of the other files, and reasons.
    pub(super) others: Vec<(String, &'static str)>,
}

impl Folder {
    /// Reads the headers of all files in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let mut found = Self {
            series: Vec::new(),
            others: Vec::new(),
        };
        let (hidden, shown): (Vec<_>, Vec<_>) = all_files(folder)?
            .into_iter()
            .partition(|path| is_hidden(path));
        for path in hidden.iter().filter(|path| is_dicom_file(path)) {
            found.others.push((name(path), HIDDEN));
        }
        for path in shown {
            match Found::read(&path)? {
                Found::Image(header) => found.add(*header),
                Found::Other(reason) => found.others.push((name(&path), reason)),
            }
        }
        Ok(found)
    }

    fn add(&mut self, header: Header) {
        let fitting = |series: &&mut Vec<Header>| series[0].series == header.series;
        match self.series.iter_mut().find(fitting) {
            Some(series) => series.push(header),
            None => self.series.push(vec![header]),
        }
    }

    /// Notes about the files that are not read, one for each reason.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut left: Vec<&(String, &str)> = self.others.iter().collect();
        while let Some(&&(_, reason)) = left.first() {
            let (these, rest): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|other| other.1 == reason);
            let names: Vec<&str> = these.iter().map(|other| &*other.0).collect();
            notes.push(format!(
                "in its folder, {} not read: {reason}",
                some_of(&names)
            ));
            left = rest;
        }
        notes
    }

    /// Names of the series that tell them apart: descriptions, or numbers with descriptions; `None` if neither does.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let described = |header: &Header| header.text(tags::SERIES_DESCRIPTION);
        let numbered = |header: &Header| match header.text(tags::SERIES_NUMBER) {
            number if number.is_empty() => number,
            number => format!("{number}_{}", described(header)),
        };
        let by = |name: &dyn Fn(&Header) -> String| {
            let names: Vec<String> = self
                .series
                .iter()
                .map(|series| file_name(&name(&series[0])))
                .collect();
            let mut apart: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
            apart.sort();
            apart.dedup();
            let tell_apart =
                apart.len() == names.len() && names.iter().all(|name| !name.is_empty());
            tell_apart.then_some(names)
        };
        by(&described).or_else(|| by(&numbered))
    }
}

/// The reason why a slice with a dot before its name is not read.
const HIDDEN: &str =
    "DICOM, but hidden by the dot before its name; remove the dot if it is a slice";

/// The name of a file.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// An error about the series in a folder.
pub(super) fn wrong(folder: &Path, expected: &str, found: String, hint: &str) -> DataError {
    DataError::unexpected(folder, format!("a DICOM series {expected}"), found, hint)
}

/// Paths of the files in a folder, sorted, without hidden ones.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut files = all_files(folder)?;
    files.retain(|path| !is_hidden(path));
    Ok(files)
}

fn is_hidden(path: &Path) -> bool {
    name(path).starts_with('.')
}

/// Paths of the files in a folder, sorted.
fn all_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = || DataError::io("list", folder);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A text as part of a file name: letters, digits, and a few signs.
fn file_name(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    let text: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    text.trim_matches(['_', '.']).to_string()
}
