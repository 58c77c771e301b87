//! Class names and their label values.

use std::collections::HashSet;
use std::path::Path;

use super::lists;
use crate::{DataError, Dataset, LabelValues, LabeledCase, Source};

/// The classes in the description of a data set.
#[derive(Debug)]
pub(super) struct Classes {
    names: Vec<String>,
    /// `None` if the voxel values are the class indices.
    values: Option<LabelValues>,
}

impl Classes {
    /// Reads one class per line: its name, or its voxel value and name.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let lines = lists::lines(path)?;
        let numbered: Vec<Option<(u32, String)>> = lines.iter().map(|line| number(line)).collect();
        let background = lines[0].eq_ignore_ascii_case("background");
        if numbered.iter().all(Option::is_none) {
            let mut seen = HashSet::new();
            if let Some(twice) = lines.iter().find(|line| !seen.insert(line.as_str())) {
                let found = format!("`{twice}` twice");
                let hint = "give each class a unique name";
                return Err(DataError::unexpected(path, "different names", found, hint));
            }
            return match background {
                true => Ok(Self {
                    names: lines,
                    values: None,
                }),
                false => Err(DataError::unexpected(
                    path,
                    "`background` on the first line, for label 0",
                    format!("`{}`", lines[0]),
                    "add that line on top",
                )),
            };
        }
        let first = background.then(|| (0, lines[0].clone()));
        let rest = &numbered[usize::from(background)..];
        if let Some(at) = rest.iter().position(Option::is_none) {
            return Err(DataError::unexpected(
                path,
                "a label value on every line, as in `205 myocardium`, or on none",
                format!("`{}`", lines[at + usize::from(background)]),
                "add the value",
            ));
        }
        Self::numbered(
            path,
            first.into_iter().chain(rest.iter().flatten().cloned()),
        )
    }

    /// Numbers the classes in the order of their first entry; entries with the same name are one class.
    pub(super) fn numbered(
        path: &Path,
        entries: impl Iterator<Item = (u32, String)>,
    ) -> Result<Self, DataError> {
        let entries: Vec<(u32, String)> = entries.collect();
        let wrong = |expected: &str, found: String| {
            DataError::unexpected(path, expected, found, "renumber them")
        };
        if entries.first().is_none_or(|entry| entry.0 != 0) {
            let found = entries
                .first()
                .map_or("none".into(), |(v, name)| format!("`{v} {name}`"));
            return Err(wrong("labels that begin with 0 for the background", found));
        }
        let mut seen = HashSet::new();
        if let Some((value, _)) = entries.iter().find(|entry| !seen.insert(entry.0)) {
            return Err(wrong("every label value once", format!("{value} twice")));
        }
        let mut names: Vec<String> = Vec::new();
        let mut pairs = Vec::new();
        for (value, name) in entries {
            let class = names
                .iter()
                .position(|known| *known == name)
                .unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                });
            let class =
                u8::try_from(class).map_err(|_| wrong("at most 256 classes", "more".into()))?;
            pairs.push((value, class));
        }
        let as_they_are = pairs
            .iter()
            .all(|&(value, class)| value == u32::from(class));
        let values = (!as_they_are).then(|| LabelValues::new(pairs));
        Ok(Self { names, values })
    }

    /// Sets the class names and label mapping of a data set.
    pub(super) fn give(self, dataset: &mut Dataset) {
        dataset.classes = self.names;
        let Some(values) = self.values else { return };
        for LabeledCase { label, .. } in dataset.labeled.iter_mut().chain(&mut dataset.test) {
            if let Source::File(path) = label {
                let path = std::mem::take(path);
                let values = values.clone();
                *label = Source::MappedFile { path, values };
            }
        }
    }
}

/// Parses `205 myocardium` as value and name.
fn number(line: &str) -> Option<(u32, String)> {
    let (value, name) = line.split_once(char::is_whitespace)?;
    Some((value.parse().ok()?, name.trim().to_string()))
}
