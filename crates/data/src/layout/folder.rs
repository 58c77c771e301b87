//! Layout of own images and labels.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::classes::Classes;
use super::description::JSON;
use super::segments::Segments;
use super::{assemble, own_description, pairing};
use crate::{DataError, Dataset, IGNORED, LabeledCase, io};

/// If fewer than one in this many of the labels up to the largest occur (as with 0 and 255), they are
/// not class indices.
const FEWEST: usize = 4;

/// Opens `images/` and `labels/`: an image is labeled if `labels/` has a file of the same name.
///
/// The optional `train.list` and `test.list` (or `val.list`) select cases and their order. `classes.txt`
/// names the classes, one per line, starting with the background (label 0). If the voxel values are not
/// the class indices, each line starts with the value, as in `205 myocardium`; lines with the same name
/// are one class, and classes are numbered in the order of the lines. Voxels of the values named `ignore` take no part in
/// losses and metrics. A `dataset.json` without lists of cases describes the classes in its `labels` instead, and the channels in
/// `channel_names` or `modality`.
/// Without either, the segments that 3D Slicer names in its label maps are the classes, and if there are none, the
/// label maps of the labeled and the test cases are read to find the largest label.
///
/// `channels.txt` names the channels of the images, one per line, if there are several: one file each, `NAME_0000`,
/// `NAME_0001`, …, or one file with an axis of channels. Without it, names with a number are channels where the label
/// map has the name without; a note says which scans only look like it.
///
/// Scans from an archive, converted to NIfTI, can be opened with this layout too; see
/// [`pancreas`](super::pancreas) for Pancreas-CT.
///
/// # Errors
///
/// [`DataError::Missing`] without `images/`; [`DataError::Unexpected`] if it is empty, if a label map has no
/// image, if `classes.txt` does not start with the background or has values on some lines only, and for
/// lists as in [`la::open`](super::la::open), and if segments contradict each other or the description. Without
/// a description of the classes also errors from reading the label maps, and [`DataError::LabelValues`] if most labels up to the largest are missing, or one is 255.
///
/// # Examples
///
/// See [`layout::open`](super::open).
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    with_classes(root, find(root)?)
}

/// Finds the cases without the classes, from file names alone.
pub(super) fn find(root: &Path) -> Result<Dataset, DataError> {
    let channels = own_description::channel_names(root)?;
    let used: &[&str] = if own_description::uses_json(root) {
        &[JSON]
    } else {
        &[]
    };
    let paired = pairing::paired(root, channels.as_ref().map(Vec::len), used)?;
    let mut dataset = assemble::by_lists(root, &["test.list", "val.list"], paired)?;
    dataset.channels = channels.unwrap_or(dataset.channels);
    dataset.name = root
        .file_name()
        .map_or("folder".into(), |name| name.to_string_lossy().into_owned());
    Ok(dataset)
}

/// Adds the classes from `classes.txt` or `dataset.json`, or from the label maps.
pub(super) fn with_classes(root: &Path, mut dataset: Dataset) -> Result<Dataset, DataError> {
    match named(root, &mut dataset)? {
        (_, Some(contradiction)) => return Err(contradiction),
        (true, None) => {}
        (false, None) => dataset.classes = found_classes(root, &dataset)?,
    }
    Ok(dataset)
}

/// Adds the classes that `classes.txt` or `dataset.json` names, or else the segments of the label maps.
///
/// Returns whether there are names, and an error if those of the segments contradict each other or `classes.txt`.
fn named(root: &Path, dataset: &mut Dataset) -> Result<(bool, Option<DataError>), DataError> {
    let segments = Segments::of(dataset);
    let (classes, note) = match own_description::of_classes(root) {
        Some(written) => {
            let classes = Classes::of_file(&written)?;
            let note = segments.compare(&written, &classes.names, &classes.values);
            (classes, note)
        }
        None if segments.is_empty() => return Ok((false, None)),
        None => match segments.classes(&root.join("labels")) {
            Ok(classes) => (classes, Ok(Some(segments.note()))),
            Err(contradiction) => return Ok((false, Some(contradiction))),
        },
    };
    classes.give(dataset);
    match note {
        Ok(note) => dataset.notes.extend(note),
        Err(contradiction) => return Ok((true, Some(contradiction))),
    }
    Ok((true, None))
}

/// Like [`with_classes`], but ignores unreadable label maps and returns an error about implausible label
/// values beside the data set, for an inspection.
pub(super) fn with_readable_classes(
    root: &Path,
    mut dataset: Dataset,
) -> Result<(Dataset, Option<DataError>), DataError> {
    let contradiction = match named(root, &mut dataset)? {
        (true, contradiction) => return Ok((dataset, contradiction)),
        (false, contradiction) => contradiction,
    };
    let found: BTreeSet<u8> = values(&dataset).into_iter().flatten().flatten().collect();
    dataset.classes = numbered(found.last().copied().unwrap_or(0));
    Ok((
        dataset,
        contradiction.or(expect_classes(root, &found).err()),
    ))
}

/// The values of each label map; label maps of unlabeled cases are not opened.
fn values(dataset: &Dataset) -> Vec<Result<Vec<u8>, DataError>> {
    let cases: Vec<&LabeledCase> = dataset.labeled.iter().chain(&dataset.test).collect();
    let read = |case: &&LabeledCase| Ok(io::read_label(&case.label)?.values());
    cases.par_iter().map(read).collect()
}

/// Class names up to the largest label found.
fn found_classes(root: &Path, dataset: &Dataset) -> Result<Vec<String>, DataError> {
    let found: Result<Vec<Vec<u8>>, DataError> = values(dataset).into_iter().collect();
    let found: BTreeSet<u8> = found?.into_iter().flatten().collect();
    expect_classes(root, &found)?;
    Ok(numbered(found.last().copied().unwrap_or(0)))
}

/// Returns an error if the values are implausible as class indices.
fn expect_classes(root: &Path, found: &BTreeSet<u8>) -> Result<(), DataError> {
    if !are_classes(&found.iter().copied().map(u32::from).collect()) {
        return Err(DataError::LabelValues {
            path: root.join("labels"),
            found: found.iter().map(|&value| value.into()).collect(),
        });
    }
    Ok(())
}

/// Returns whether values are plausible as class indices.
pub(super) fn are_classes(found: &BTreeSet<u32>) -> bool {
    let largest = found.last().copied().unwrap_or(0);
    let count = found.len() + usize::from(!found.contains(&0));
    // A class of the label of ignored voxels would not be trained.
    largest < IGNORED.into() && FEWEST * count >= largest as usize
}

fn numbered(largest: u8) -> Vec<String> {
    let names = (1..=largest).map(|label| format!("class {label}"));
    std::iter::once("background".to_string())
        .chain(names)
        .collect()
}
