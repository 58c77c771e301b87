//! Layout of the Medical Segmentation Decathlon.

use std::path::Path;

use super::Layout;
use super::assemble::{self, Cases};
use super::described::{Described, TEST_LABELS};
use super::description::Description;
use super::description::JSON;
use super::lists::{HELD_OUT, List, Lists};
use super::pairing::Paired;
use super::segments::Segments;
use crate::{DataError, Dataset, LabelValues};

/// Opens a folder with `dataset.json`, `imagesTr/`, `labelsTr/`, `imagesTs/` and `labelsTs/`.
///
/// The classes come from `labels`, either `"1": "name"` or `"name": 1`. The numbers are voxel values; if
/// they are not 0, 1, 2, …, as in `"205": "myocardium"`, the classes are numbered in ascending order of
/// their values. Values with the same name are one class, and voxels of the value named `ignore`, as by nnU-Net, take
/// no part in losses and metrics.
///
/// The training cases come from nnU-Net's `dataset`, or else from `training` in its order, or else from the files of
/// `imagesTr/`, which are labeled if `labelsTr/` has a file of the same name. An image is one file, with an axis of
/// channels if `modality` or `channel_names` has several, or one file for each channel, `NAME_0000`, `NAME_0001`, …, as
/// nnU-Net names them, whether lists have the numbers or not; where the label map of a single channel has the number
/// too, it is a part of the name. Of the images of `test`, or else of `imagesTs/`, those with a label map in `labelsTs/` are
/// test cases; the others become unlabeled cases. Notes name these and any that are missing. The cases of a
/// `test.list` or else `val.list` are held out too; beside test cases of `labelsTs/`, those of a `val.list` are set aside.
///
/// Label maps are not opened. [`layout::open`](super::open) also compares the segments that 3D Slicer names in them with
/// `labels`.
///
/// # Errors
///
/// [`DataError::Missing`] for files that are listed but absent, [`DataError::Unexpected`] for an unreadable
/// `dataset.json`, labels without a 0 for the background, regions (labels of several values), a missing channel, two
/// images of one name, lists as in [`la::open`](super::la::open), and no images.
///
/// # References
///
/// Antonelli et al., "The Medical Segmentation Decathlon", Nature
/// Communications, 2022.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::msd;
///
/// let root = tempfile::tempdir()?;
/// let text = r#"{"name": "T", "labels": {"0": "background", "1": "organ"},
///     "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}], "test": []}"#;
/// std::fs::write(root.path().join("dataset.json"), text)?;
/// let message = msd::open(root.path()).unwrap_err().to_string();
/// assert!(message.contains("imagesTr") && message.contains("a.nii.gz"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let path = root.join(JSON);
    let description = Description::read(&path)?;
    let classes = description.classes(&path)?;
    let channels = description.channels(&path)?;
    let found = Described::find(root, &description, channels.len().max(1))?;
    let mut dataset = split(root, found)?;
    dataset.layout = Layout::Msd;
    dataset.name = match description.name.as_str() {
        "" => "msd".into(),
        name => name.into(),
    };
    dataset.channels = match channels.len() {
        1 => Vec::new(),
        _ => channels,
    };
    classes.give(&mut dataset);
    Ok(dataset)
}

/// Compares the segments that 3D Slicer names in the label maps with the classes, and notes names that only differ.
///
/// # Errors
///
/// [`DataError::Unexpected`] if the two contradict each other.
pub(super) fn compare_segments(root: &Path, dataset: &mut Dataset) -> Result<(), DataError> {
    let indices = || (0..=u8::MAX).take(dataset.classes.len());
    let values = match dataset.label_values() {
        Some(values) => values.clone(),
        None => LabelValues::new(indices().map(|class| (class.into(), class))),
    };
    let segments = Segments::of(dataset);
    let note = segments.compare(&root.join(JSON), &dataset.classes, &values)?;
    dataset.notes.extend(note);
    Ok(())
}

/// Holds out the cases of the lists beside the description.
fn split(root: &Path, mut found: Described<'_>) -> Result<Dataset, DataError> {
    let train = "train.list";
    found.notes.extend(root.join(train).is_file().then(|| {
        format!(
            "{train} is not read: {JSON} says which cases train; a {} takes some of them out",
            HELD_OUT[0]
        )
    }));
    let mut lists = Lists::with_training(None, root, &HELD_OUT)?;
    lists.add_test(found.tested, root.join(TEST_LABELS));
    let names = found.cases.iter().map(|(id, _)| id.clone());
    let names = names.filter(|id| !lists.holds_out(id)).collect();
    lists.train = Some(List {
        path: root.join(JSON),
        names,
    });
    let paired = Paired {
        notes: found.notes,
        ..Paired::from(found.cases.into_iter().collect::<Cases>())
    };
    assemble::by_these_lists(&lists, paired)
}
