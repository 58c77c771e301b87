//! The description of own scans, beside `images/`: `classes.txt` and `channels.txt`, or a `dataset.json`.

use std::path::{Path, PathBuf};

use super::description::{Description, JSON};
use super::{channels, lists};
use crate::DataError;

/// Names of the classes, one a line.
pub(super) const CLASSES: &str = "classes.txt";

/// Reads the `dataset.json` of own scans, which names classes and channels alone; `None` if there is none, or if it is that of
/// a data set in the Decathlon's form: with `imagesTr/`, or with lists of cases.
pub(super) fn json(root: &Path) -> Result<Option<Description>, DataError> {
    let path = root.join(JSON);
    if !path.is_file() || !root.join("images").is_dir() || root.join("imagesTr").is_dir() {
        return Ok(None);
    }
    let found = Description::read(&path)?;
    let lists = !found.training.is_empty() || !found.dataset(&path)?.is_empty();
    Ok((!lists).then_some(found))
}

/// Reads the names of the channels, if `channels.txt` or else `dataset.json` has them.
pub(super) fn channel_names(root: &Path) -> Result<Option<Vec<String>>, DataError> {
    let [list, described] = [channels::LIST, JSON].map(|name| root.join(name));
    let (path, names) = match (list.is_file(), json(root)?) {
        (true, _) => (&list, lists::lines(&list)?),
        (false, Some(description)) => (&described, description.channels(&described)?),
        (false, None) => return Ok(None),
    };
    lists::expect_distinct(path, &names, "give each channel a unique name")?;
    Ok((!names.is_empty()).then_some(names))
}

/// Returns the file that describes the classes: `classes.txt`, or else `dataset.json`.
pub(super) fn of_classes(root: &Path) -> Result<Option<PathBuf>, DataError> {
    let list = root.join(CLASSES);
    if list.is_file() {
        return Ok(Some(list));
    }
    Ok(json(root)?.map(|_| root.join(JSON)))
}

/// Returns whether classes or channels are those of `dataset.json`.
pub(super) fn uses_json(root: &Path) -> Result<bool, DataError> {
    let lists = [CLASSES, channels::LIST].map(|name| root.join(name).is_file());
    Ok(lists != [true, true] && json(root)?.is_some())
}
