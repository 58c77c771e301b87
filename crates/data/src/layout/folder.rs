//! A person's own images and labels.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::assemble;
use super::classes::Classes;
use crate::{DataError, Dataset, LabeledCase, io};

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
/// labeled cases and of the test cases are read for the largest label.
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

/// As [`with_classes`] for an inspection, which goes on after a label map that cannot be read: the classes are
/// those of the others, and values that look like no classes come along as an error.
pub(super) fn with_readable_classes(
    root: &Path,
    mut dataset: Dataset,
) -> Result<(Dataset, Option<DataError>), DataError> {
    if root.join("classes.txt").is_file() {
        return Ok((with_classes(root, dataset)?, None));
    }
    let found: BTreeSet<u8> = values(&dataset).into_iter().flatten().flatten().collect();
    dataset.classes = numbered(found.last().copied().unwrap_or(0));
    Ok((dataset, expect_classes(root, &found).err()))
}

/// The values of each label map; no label map of an unlabeled case is opened.
fn values(dataset: &Dataset) -> Vec<Result<Vec<u8>, DataError>> {
    let cases: Vec<&LabeledCase> = dataset.labeled.iter().chain(&dataset.test).collect();
    let read = |case: &&LabeledCase| Ok(io::read_label(&case.label)?.values());
    cases.par_iter().map(read).collect()
}

/// As many classes as the largest label asks for.
fn found_classes(root: &Path, dataset: &Dataset) -> Result<Vec<String>, DataError> {
    let found: Result<Vec<Vec<u8>>, DataError> = values(dataset).into_iter().collect();
    let found: BTreeSet<u8> = found?.into_iter().flatten().collect();
    expect_classes(root, &found)?;
    Ok(numbered(found.last().copied().unwrap_or(0)))
}

/// Refuses values of a file that are no classes.
fn expect_classes(root: &Path, found: &BTreeSet<u8>) -> Result<(), DataError> {
    let largest = found.last().copied().unwrap_or(0);
    if FEWEST * (found.len() + usize::from(!found.contains(&0))) < usize::from(largest) {
        let values: Vec<String> = found.iter().map(ToString::to_string).collect();
        return Err(DataError::LabelValues {
            path: root.join("labels"),
            found: values.join(", "),
        });
    }
    Ok(())
}

fn numbered(largest: u8) -> Vec<String> {
    let names = (1..=largest).map(|label| format!("class {label}"));
    std::iter::once("background".to_string())
        .chain(names)
        .collect()
}
