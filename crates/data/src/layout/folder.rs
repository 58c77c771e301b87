//! A person's own images and labels.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::assemble;
use super::classes::Classes;
use crate::{DataError, Dataset, io};

/// Labels found that are fewer than one in so many of those up to the largest
/// (as in 0 and 255) are values of a file and no classes.
const FEWEST: usize = 4;

/// Opens `images/` and `labels/`: an image is labeled if `labels/` has a file of
/// the same name, `.nii` or `.nii.gz`.
///
/// `train.list` and `test.list` (or `val.list`), if there are any, choose cases
/// and their order. `classes.txt` names the classes, one a line, the background
/// first, so that the first line is label 0. Where voxels hold other values,
/// every line begins with one, as in `205 myocardium`; lines with the same name
/// are one class, the classes are numbered in the order of the lines, and
/// predictions hold these numbers. Without `classes.txt` the label maps of the
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
/// background or numbers some of its lines only, and for lists as in
/// [`la::open`](super::la::open); without `classes.txt` also what reading the
/// label maps gives, and [`DataError::LabelValues`] when most labels up to the
/// largest are missing.
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
    if written.is_file() {
        Classes::read(&written)?.give(&mut dataset);
    } else {
        dataset.classes = found_classes(root, &dataset)?;
    }
    Ok(dataset)
}

/// As many classes as the largest label asks for.
fn found_classes(root: &Path, dataset: &Dataset) -> Result<Vec<String>, DataError> {
    let cases = if dataset.labeled.is_empty() {
        &dataset.test
    } else {
        &dataset.labeled
    };
    let found: Vec<Vec<u8>> = cases
        .par_iter()
        .map(|case| Ok(io::read_label(&case.label)?.values()))
        .collect::<Result<_, DataError>>()?;
    let found: BTreeSet<u8> = found.into_iter().flatten().collect();
    let largest = found.last().copied().unwrap_or(0);
    if FEWEST * (found.len() + usize::from(!found.contains(&0))) < usize::from(largest) {
        let values: Vec<String> = found.iter().map(ToString::to_string).collect();
        return Err(DataError::LabelValues {
            path: root.join("labels"),
            found: values.join(", "),
        });
    }
    let names = (1..=largest).map(|label| format!("class {label}"));
    Ok(std::iter::once("background".to_string())
        .chain(names)
        .collect())
}
