//! Lists of case names, one per line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::files::stem;
use super::text::{self, composed};
use crate::DataError;

/// Names and the file that contains them.
pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) names: Vec<String>,
}

impl List {
    /// Reads the first of `candidates` that exists in `root`.
    pub(super) fn find(root: &Path, candidates: &[&str]) -> Result<Option<Self>, DataError> {
        let path = candidates
            .iter()
            .map(|name| root.join(name))
            .find(|path| path.is_file());
        path.map(Self::read).transpose()
    }

    /// Reads a list; lines starting with `#` are comments.
    pub(super) fn read(path: PathBuf) -> Result<Self, DataError> {
        let names: Vec<String> = lines(&path)?
            .iter()
            .filter(|line| !line.starts_with('#'))
            .map(|line| composed(without_extension(line)))
            .collect();
        if names.is_empty() {
            return Err(no_line(&path));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(DataError::unexpected(
                &path,
                "every case once",
                format!("`{twice}` twice"),
                "remove the second line",
            ));
        }
        Ok(Self { path, names })
    }

    /// Returns an error for a case that `other` contains too.
    pub(super) fn check_disjoint(&self, other: &Self) -> Result<(), DataError> {
        let others: HashSet<&String> = other.names.iter().collect();
        match self.names.iter().find(|name| others.contains(name)) {
            None => Ok(()),
            Some(both) => Err(DataError::unexpected(
                &self.path,
                format!("no case of `{}`", other.path.display()),
                format!("`{both}` in both"),
                "remove it from one of them: a test case must not train",
            )),
        }
    }
}

/// The trimmed, non-empty lines of a text file; at least one.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, DataError> {
    let text = text::read(path)?;
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Into::into)
        .collect();
    if lines.is_empty() {
        return Err(no_line(path));
    }
    Ok(lines)
}

fn no_line(path: &Path) -> DataError {
    DataError::unexpected(
        path,
        "one name a line",
        "no line",
        "fill it in or remove it",
    )
}

fn without_extension(name: &str) -> &str {
    let id = stem(name).or_else(|| name.strip_suffix(".h5"));
    id.unwrap_or(name)
}

/// Returns an error for a line that occurs twice.
pub(super) fn expect_distinct(path: &Path, lines: &[String], hint: &str) -> Result<(), DataError> {
    let mut seen = HashSet::new();
    match lines.iter().find(|line| !seen.insert(line.as_str())) {
        None => Ok(()),
        Some(twice) => {
            let found = format!("`{twice}` twice");
            Err(DataError::unexpected(path, "different names", found, hint))
        }
    }
}
