//! The description of own scans, beside `images/`: `classes.txt` and `channels.txt`, or a `dataset.json`.

use std::path::{Path, PathBuf};

use super::description::{Description, JSON};
use super::{channels, lists};
use crate::DataError;

/// Names of the classes, one a line.
pub(super) const CLASSES: &str = "classes.txt";

/// Reads the `dataset.json` of own scans, which names classes or channels alone; `None` if there is none, or if it is another
/// one: that of a data set in the Decathlon's form, with `imagesTr/` or with lists of cases, or of another program.
pub(super) fn json(root: &Path) -> Option<Description> {
    let path = root.join(JSON);
    if !path.is_file() || !root.join("images").is_dir() || root.join("imagesTr").is_dir() {
        return None;
    }
    let found = Description::read(&path).ok()?;
    let lists = [found.training.len(), found.test.len()];
    let lists = lists != [0, 0] || !found.dataset(&path).ok()?.is_empty();
    let describes = found.has_labels() || !found.channels(&path).ok()?.is_empty();
    (describes && !lists).then_some(found)
}

/// Reads the names of the channels, if `channels.txt` or else `dataset.json` has them.
pub(super) fn channel_names(root: &Path) -> Result<Option<Vec<String>>, DataError> {
    let [list, described] = [channels::LIST, JSON].map(|name| root.join(name));
    let (path, names) = match list.is_file() {
        true => (&list, lists::lines(&list)?),
        false => match json(root) {
            Some(description) => (&described, description.channels(&described)?),
            None => return Ok(None),
        },
    };
    lists::expect_distinct(path, &names, "give each channel a unique name")?;
    Ok((!names.is_empty()).then_some(names))
}

/// Returns the file that describes the classes: `classes.txt`, or else `dataset.json`.
pub(super) fn of_classes(root: &Path) -> Option<PathBuf> {
    let list = root.join(CLASSES);
    match list.is_file() {
        true => Some(list),
        false => json(root)
            .filter(Description::has_labels)
            .map(|_| root.join(JSON)),
    }
}

/// Returns whether classes or channels are those of `dataset.json`.
pub(super) fn uses_json(root: &Path) -> bool {
    let [classes, channels] = [CLASSES, channels::LIST].map(|name| root.join(name).is_file());
    json(root).is_some_and(|description| {
        let channel_names = description.channels(&root.join(JSON)).unwrap_or_default();
        (!classes && description.has_labels()) || (!channels && !channel_names.is_empty())
    })
}
