//! A person's own images and labels.

use std::path::Path;

use rayon::prelude::*;

use super::{assemble, lists};
use crate::{DataError, Dataset, io};

/// Opens `images/` and `labels/`: an image is labeled if `labels/` has a file of
/// the same name, `.nii` or `.nii.gz`.
///
/// `train.list` and `test.list` (or `val.list`), if there are any, choose cases
/// and their order. `classes.txt` names the classes, one a line, the background
/// first, so that the first line is label 0; without it the label maps of the
/// labeled cases (of the test cases if there are none) are read for the largest
/// label.
///
/// This is also the way for scans as an archive has them, converted to NIfTI:
/// [`pancreas`](super::pancreas) says how for Pancreas-CT.
///
/// # Errors
///
/// [`DataError::Missing`] without `images/`; [`DataError::Unexpected`] if it is
/// empty, if a label map has no image, if `classes.txt` does not begin with the
/// background, and for lists as in [`la::open`](super::la::open); without
/// `classes.txt` also what reading the label maps gives.
///
/// # Examples
///
/// See [`layout::open`](super::open).
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    with_classes(root, find(root)?)
}

/// The data set without its classes: nothing but names was read.
pub(super) fn find(root: &Path) -> Result<Dataset, DataError> {
    let mut dataset =
        assemble::by_lists(root, &["test.list", "val.list"], assemble::paired(root)?)?;
    dataset.name = root
        .file_name()
        .map_or("folder".into(), |name| name.to_string_lossy().into_owned());
    Ok(dataset)
}

/// Adds the classes, as they are written down or as they occur.
pub(super) fn with_classes(root: &Path, mut dataset: Dataset) -> Result<Dataset, DataError> {
    let written = root.join("classes.txt");
    dataset.classes = if written.is_file() {
        read_classes(&written)?
    } else {
        found_classes(&dataset)?
    };
    Ok(dataset)
}

fn read_classes(path: &Path) -> Result<Vec<String>, DataError> {
    let names = lists::lines(path)?;
    if names[0].eq_ignore_ascii_case("background") {
        return Ok(names);
    }
    let found = format!("`{}`", names[0]);
    Err(DataError::unexpected(
        path,
        "`background` on the first line, for label 0",
        found,
        "add that line on top",
    ))
}

/// As many classes as the largest label asks for.
fn found_classes(dataset: &Dataset) -> Result<Vec<String>, DataError> {
    let cases = if dataset.labeled.is_empty() {
        &dataset.test
    } else {
        &dataset.labeled
    };
    let largest = cases
        .par_iter()
        .map(|case| {
            Ok(io::read_label(&case.label)?
                .data
                .iter()
                .copied()
                .max()
                .unwrap_or(0))
        })
        .try_reduce(|| 0, |a: u8, b| Ok::<u8, DataError>(a.max(b)))?;
    let names = (1..=largest).map(|label| format!("class {label}"));
    Ok(std::iter::once("background".to_string())
        .chain(names)
        .collect())
}
