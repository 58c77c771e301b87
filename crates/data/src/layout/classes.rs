//! Class names and their label values.

use std::collections::HashSet;
use std::path::Path;

use super::description::Description;
use super::lists;
use crate::{DataError, Dataset, IGNORED, LabelValues, LabeledCase, Source};

/// The name of the values, in any case of letters, whose voxels are ignored; nnU-Net's.
const IGNORE: &str = "ignore";

/// The largest number of classes: one label stands for ignored voxels.
const MOST: usize = IGNORED as usize;

/// The classes in the description of a data set.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) names: Vec<String>,
    pub(super) values: LabelValues,
}

/// Reads class names and label values from a file: `dataset.json` if it ends in `.json`, else as `classes.txt`.
///
/// See [`msd::open`](super::msd::open) and [`folder::open`](super::folder::open) for the two.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such file, [`DataError::Unexpected`] for mistakes in it.
///
/// # Examples
///
/// ```
/// use semivox_data::{IGNORED, layout};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("classes.txt");
/// std::fs::write(&path, "0 background\n205 myocardium\n999 ignore\n")?;
/// let (names, values) = layout::read_classes(&path)?;
/// assert_eq!(names, ["background", "myocardium"]);
/// assert_eq!((values.class(205), values.class(999)), (Some(1), Some(IGNORED)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_classes(path: impl AsRef<Path>) -> Result<(Vec<String>, LabelValues), DataError> {
    let classes = Classes::of_file(path.as_ref())?;
    Ok((classes.names, classes.values))
}

impl Classes {
    /// Reads `dataset.json` if the file ends in `.json`, else `classes.txt`.
    pub(super) fn of_file(path: &Path) -> Result<Self, DataError> {
        let json = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        match json {
            true => Description::read(path)?.classes(path),
            false => Self::read(path),
        }
    }

    /// Reads one class per line: its name, or its voxel value and name.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let lines = lists::lines(path)?;
        if let Some(value) = lines.iter().find(|line| is_number(line)) {
            return Err(DataError::unexpected(
                path,
                "names of classes, or values with names as in `205 myocardium`",
                format!("the number `{value}` alone"),
                "add the name behind it",
            ));
        }
        let numbered: Vec<Option<(u32, String)>> = lines.iter().map(|line| number(line)).collect();
        let background = lines[0].eq_ignore_ascii_case("background");
        if numbered.iter().all(Option::is_none) {
            return Self::named(path, lines);
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

    /// Names without values, which are their numbers.
    fn named(path: &Path, lines: Vec<String>) -> Result<Self, DataError> {
        lists::expect_distinct(path, &lines, "give each class a unique name")?;
        if !lines[0].eq_ignore_ascii_case("background") {
            return Err(DataError::unexpected(
                path,
                "`background` on the first line, for label 0",
                format!("`{}`", lines[0]),
                "add that line on top",
            ));
        }
        Self::numbered(path, (0..).zip(lines))
    }

    /// Numbers the classes in the order of their first entry; entries with the same name are one class, those of the
    /// name `ignore` none.
    pub(super) fn numbered(
        path: &Path,
        entries: impl Iterator<Item = (u32, String)>,
    ) -> Result<Self, DataError> {
        let entries: Vec<(u32, String)> = entries.collect();
        check(path, &entries)?;
        let mut names: Vec<String> = Vec::new();
        let mut pairs = Vec::new();
        for (value, name) in entries {
            if name.eq_ignore_ascii_case(IGNORE) {
                pairs.push((value, IGNORED));
                continue;
            }
            let known = names.iter().position(|known| *known == name);
            let class = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            pairs.push((value, class.min(MOST) as u8));
        }
        if names.len() > MOST {
            let (expected, found) = (format!("at most {MOST} classes"), names.len().to_string());
            return Err(DataError::unexpected(
                path,
                expected,
                found,
                "join some of them",
            ));
        }
        let values = LabelValues::new(pairs);
        Ok(Self { names, values })
    }

    /// Sets the class names and label mapping of a data set, and notes which voxels are ignored.
    pub(super) fn give(self, dataset: &mut Dataset) {
        dataset.classes = self.names;
        let ignored: Vec<String> = self.values.ignored().map(|v| v.to_string()).collect();
        if !ignored.is_empty() {
            dataset.notes.push(format!(
                "voxels of label value {} ({IGNORE}) take no part in losses and metrics; give it another name to make a class of it",
                ignored.join(", ")
            ));
        } else if self.values.are_classes() {
            return;
        }
        for LabeledCase { label, .. } in dataset.labeled.iter_mut().chain(&mut dataset.test) {
            if let Source::File(path) = label {
                let path = std::mem::take(path);
                let values = self.values.clone();
                *label = Source::MappedFile { path, values };
            }
        }
    }
}

/// Returns an error unless the values begin with 0 for a background and occur once.
fn check(path: &Path, entries: &[(u32, String)]) -> Result<(), DataError> {
    match entries.first() {
        Some((0, name)) if !name.eq_ignore_ascii_case(IGNORE) => {}
        first => {
            let found = first.map_or("none".into(), |(value, name)| format!("`{value} {name}`"));
            return Err(DataError::unexpected(
                path,
                "labels that begin with 0 for the background",
                found,
                "name the value 0 `background`, and renumber the label maps if it stands for something else",
            ));
        }
    }
    let mut seen = HashSet::new();
    match entries.iter().find(|entry| !seen.insert(entry.0)) {
        None => Ok(()),
        Some((value, _)) => Err(DataError::unexpected(
            path,
            "every label value once",
            format!("{value} twice"),
            "renumber them",
        )),
    }
}

/// The signs that may part a value from a name.
const SIGNS: [char; 4] = [':', ',', ';', '='];

/// Returns whether a line has a value without a name.
fn is_number(line: &str) -> bool {
    let digits = line.trim_end_matches(|c: char| c.is_whitespace() || SIGNS.contains(&c));
    digits.parse::<u32>().is_ok()
}

/// Parses `205 myocardium` as value and name; also `205: myocardium`, and with another of the [`SIGNS`].
fn number(line: &str) -> Option<(u32, String)> {
    let (value, rest) = line.split_at(line.find(|c: char| !c.is_ascii_digit())?);
    let behind = rest.trim_start();
    let name = behind.strip_prefix(SIGNS).unwrap_or(behind).trim();
    let parted = name.len() < rest.len() && !name.is_empty();
    // `1,5 mm` is a name.
    let decimal = rest.starts_with(',') && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    let value = value.parse().ok().filter(|_| parted && !decimal)?;
    Some((value, name.to_string()))
}
