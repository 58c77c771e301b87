//! Assembly of a data set from the cases found and the lists.

use std::collections::BTreeMap;
use std::path::Path;

use super::lists::{List, Lists};
use super::pairing::Paired;
use super::{Layout, channels};
use crate::names::some_of;
use crate::{DataError, Dataset, LabeledCase, Source, UnlabeledCase};

/// An image with its label map, if there is one.
pub(super) struct Found {
    pub(super) image: Source,
    pub(super) label: Option<Source>,
}

/// Cases by name.
pub(super) type Cases = BTreeMap<String, Found>;

/// Splits cases by `train.list` and the lists `held_out`; see [`Lists::find`].
pub(super) fn by_lists(
    root: &Path,
    held_out: &[&str],
    paired: Paired,
) -> Result<Dataset, DataError> {
    by_these_lists(&Lists::find(root, held_out)?, paired)
}

/// Splits cases by lists.
///
/// Without a training list, all cases that are not held out are used for training, sorted by name. With one, a note
/// names the cases in no list.
pub(super) fn by_these_lists(
    lists: &Lists,
    paired: impl Into<Paired>,
) -> Result<Dataset, DataError> {
    let Paired {
        mut cases,
        notes,
        channels,
        ..
    } = paired.into();
    let mut dataset = empty();
    dataset.notes = notes;
    dataset.channels = channels::unnamed(channels);
    let test = lists.test.as_ref();
    for id in test.iter().flat_map(|list| &list.names) {
        let found = take(&mut cases, id, test)?;
        dataset.test.push(tested(id, found, test)?);
    }
    for id in lists.set_aside() {
        take(&mut cases, id, lists.aside.as_ref())?;
    }
    dataset.notes.extend(lists.note());
    let names = match &lists.train {
        Some(list) => list.names.clone(),
        None => cases.keys().cloned().collect(),
    };
    for id in names {
        let found = take(&mut cases, &id, lists.train.as_ref())?;
        train_on(&mut dataset, id, found);
    }
    if !cases.is_empty() {
        let unused: Vec<&String> = cases.keys().collect();
        dataset
            .notes
            .push(format!("in no list, and not used: {}", some_of(&unused)));
    }
    Ok(dataset)
}

/// A data set of own images without a name, classes and cases.
pub(super) fn empty() -> Dataset {
    Dataset {
        name: String::new(),
        layout: Layout::Folder,
        classes: Vec::new(),
        channels: Vec::new(),
        labeled: Vec::new(),
        unlabeled: Vec::new(),
        test: Vec::new(),
        notes: Vec::new(),
    }
}

/// Adds a training case, labeled or unlabeled.
pub(super) fn train_on(dataset: &mut Dataset, id: String, Found { image, label }: Found) {
    match label {
        Some(label) => dataset.labeled.push(LabeledCase { id, image, label }),
        None => dataset.unlabeled.push(UnlabeledCase { id, image }),
    }
}

pub(super) fn take(cases: &mut Cases, id: &str, list: Option<&List>) -> Result<Found, DataError> {
    let list = list.map_or(Path::new("the list"), |list| &list.path);
    cases.remove(id).ok_or_else(|| {
        let found = format!("none for `{id}`");
        DataError::unexpected(
            list,
            "an image for every case",
            found,
            "add the image or remove the line",
        )
    })
}

/// Converts to a test case, which must have a label map.
pub(super) fn tested(
    id: &str,
    found: Found,
    list: Option<&List>,
) -> Result<LabeledCase, DataError> {
    let list = list.map_or(Path::new("the list"), |list| &list.path);
    let label = found.label.ok_or_else(|| {
        let found = format!("none for `{id}`");
        DataError::unexpected(
            list,
            "a label map for every case",
            found,
            "add the label map or remove the line",
        )
    })?;
    Ok(LabeledCase {
        id: id.to_string(),
        image: found.image,
        label,
    })
}

/// Converts class names to owned strings.
pub(super) fn classes(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
