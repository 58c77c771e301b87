//! Assembly of a data set from the cases found and the lists.

use std::collections::BTreeMap;
use std::path::Path;

use super::Layout;
use super::{files, lists::List};
use crate::{DataError, Dataset, LabeledCase, Source, UnlabeledCase};

/// An image with its label map, if there is one.
pub(super) struct Found {
    pub(super) image: Source,
    pub(super) label: Option<Source>,
}

/// Cases by name.
pub(super) type Cases = BTreeMap<String, Found>;

/// Pairs the files of `images/` with those of the same name in `labels/`.
pub(super) fn paired(root: &Path) -> Result<Cases, DataError> {
    let images = files::some_volumes(&root.join("images"))?;
    let folder = root.join("labels");
    let mut labels = files::volumes_if_any(&folder)?;
    let cases = images
        .into_iter()
        .map(|(id, image)| {
            let label = labels.remove(&id).map(Source::File);
            (
                id,
                Found {
                    image: Source::File(image),
                    label,
                },
            )
        })
        .collect();
    match labels.keys().next() {
        None => Ok(cases),
        Some(id) => Err(DataError::unexpected(
            &folder,
            "only label maps with the name of an image",
            format!("`{id}`, which has no image"),
            "rename it, or add the image to `images/`",
        )),
    }
}

/// Splits cases by `train.list` and the first of `held_out` that exists.
pub(super) fn by_lists(root: &Path, held_out: &[&str], cases: Cases) -> Result<Dataset, DataError> {
    let test_list = List::find(root, held_out)?;
    by_these_lists(List::find(root, &["train.list"])?, test_list, cases)
}

/// Splits cases by lists.
///
/// Without a training list, all cases that are not held out are used for training, sorted by name.
pub(super) fn by_these_lists(
    train_list: Option<List>,
    test_list: Option<List>,
    mut cases: Cases,
) -> Result<Dataset, DataError> {
    if let (Some(train), Some(test)) = (&train_list, &test_list) {
        train.check_disjoint(test)?;
    }
    let mut dataset = empty();
    for id in test_list.iter().flat_map(|list| &list.names) {
        let found = take(&mut cases, id, test_list.as_ref())?;
        dataset.test.push(tested(id, found, test_list.as_ref())?);
    }
    let names = match &train_list {
        Some(list) => list.names.clone(),
        None => cases.keys().cloned().collect(),
    };
    for id in names {
        let found = take(&mut cases, &id, train_list.as_ref())?;
        train_on(&mut dataset, id, found);
    }
    Ok(dataset)
}

/// A data set of own images without a name, classes and cases.
pub(super) fn empty() -> Dataset {
    Dataset {
        name: String::new(),
        layout: Layout::Folder,
        classes: Vec::new(),
        labeled: Vec::new(),
        unlabeled: Vec::new(),
        test: Vec::new(),
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
