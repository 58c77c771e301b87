//! Layout of the Medical Segmentation Decathlon.

use std::collections::HashSet;
use std::path::Path;

use super::Layout;
use super::assemble::{self, Found};
use super::channels::{self, Numbers};
use super::description::{Description, Image, Pair};
use super::files::Listing;
use super::pairing::{self, Paired};
use super::scans;
use crate::names::some_of;
use crate::{DataError, Dataset, Source, UnlabeledCase};

/// Opens a folder with `dataset.json`, `imagesTr/`, `labelsTr/` and `imagesTs/`.
///
/// The classes come from `labels`, either `"1": "name"` or `"name": 1`. The numbers are voxel values; if
/// they are not 0, 1, 2, …, as in `"205": "myocardium"`, the classes are numbered in ascending order of
/// their values. Values with the same name are one class, and voxels of the value named `ignore`, as by nnU-Net, take
/// no part in losses and metrics. The training cases and their order come from `training`, or else from the files of
/// `imagesTr/`, which are labeled if `labelsTr/` has a file of the same name. An image is one file, with an axis of
/// channels if `modality` or `channel_names` has several, or one file for each channel, `NAME_0000`, `NAME_0001`, …, as
/// nnU-Net names them, whether lists have the numbers or not. The cases of `test`, or else the files of `imagesTs/`, have no public
/// labels and become unlabeled cases; those that are missing are noted. No case is held out.
///
/// # Errors
///
/// [`DataError::Missing`] for files that are listed but absent, [`DataError::Unexpected`] for an unreadable
/// `dataset.json`, labels without a 0 for the background, regions (labels of several values), a missing channel, and no
/// images.
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
    let path = root.join("dataset.json");
    let description = Description::read(&path)?;
    let mut dataset = assemble::empty();
    let classes = description.classes(&path)?;
    dataset.layout = Layout::Msd;
    dataset.name = match description.name.as_str() {
        "" => "msd".into(),
        name => name.into(),
    };
    let channels = description.channels(&path)?;
    let count = channels.len().max(1);
    if count > 1 {
        dataset.channels = channels;
    }
    let numbers = match description.training.is_empty() {
        true => scan(root, count, &mut dataset)?,
        false => description.numbers(count),
    };
    for Pair { image, label } in &description.training {
        let (id, image) = source(root, image, count, numbers)?;
        let label = label.as_ref();
        let label = label.map(|label| source(root, label, 1, Numbers::Ids));
        let label = label.transpose()?.map(|(_, label)| label);
        assemble::train_on(&mut dataset, id, Found { image, label });
    }
    if !description.training.is_empty() {
        dataset.notes.extend(unlisted(root, &dataset)?);
    }
    add_test_images(root, (count, numbers), &description.test, &mut dataset)?;
    classes.give(&mut dataset);
    Ok(dataset)
}

/// Adds the images without public labels: those that are listed, or else those of `imagesTs/`.
fn add_test_images(
    root: &Path,
    (count, numbers): (usize, Numbers),
    listed: &[Image],
    dataset: &mut Dataset,
) -> Result<(), DataError> {
    if listed.is_empty() {
        let folder = root.join("imagesTs");
        let images = Listing::read_if_any(&folder)?;
        dataset.notes.extend(images.notes());
        let cases = channels::joined(&folder, images.volumes, count, numbers)?;
        let cases = cases
            .into_iter()
            .map(|(id, image)| UnlabeledCase { id, image });
        dataset.unlabeled.extend(cases);
    }
    let mut missing = Vec::new();
    for Image::Path(image) | Image::Entry { image } in listed {
        match source(root, image, count, numbers) {
            Ok((id, image)) => dataset.unlabeled.push(UnlabeledCase { id, image }),
            // Training needs none of them.
            Err(_) => missing.push(image),
        }
    }
    if !missing.is_empty() {
        let missing = some_of(&missing);
        dataset.notes.push(format!(
            "test images of `dataset.json` that are not there: {missing}"
        ));
    }
    Ok(())
}

/// Finds the training cases by file name; returns the meaning of numbers in the names.
fn scan(root: &Path, count: usize, dataset: &mut Dataset) -> Result<Numbers, DataError> {
    let folders = ["imagesTr", "labelsTr"];
    let Paired {
        cases,
        notes,
        numbers,
        ..
    } = pairing::pair(root, folders, Some(count))?;
    dataset.notes.extend(notes);
    for (id, found) in cases {
        assemble::train_on(dataset, id, found);
    }
    Ok(numbers)
}

/// Notes about the files of the training folders that `dataset.json` does not list.
fn unlisted(root: &Path, dataset: &Dataset) -> Result<Vec<String>, DataError> {
    let labeled = dataset.labeled.iter();
    let sources = labeled.flat_map(|case| [&case.image, &case.label]);
    let sources = sources.chain(dataset.unlabeled.iter().map(|case| &case.image));
    let listed: HashSet<&Path> = sources.flat_map(Source::files).collect();
    let mut notes = Vec::new();
    for folder in ["imagesTr", "labelsTr"] {
        let found = Listing::read_if_any(&root.join(folder))?;
        notes.extend(found.notes());
        let others: Vec<&String> = found
            .volumes
            .iter()
            .filter(|(_, path)| !listed.contains(path.as_path()))
            .map(|(name, _)| name)
            .collect();
        if !others.is_empty() {
            notes.push(format!(
                "{folder}/: {} not in `dataset.json`, and not used",
                some_of(&others)
            ));
        }
    }
    Ok(notes)
}

/// Name and source of an entry such as `./imagesTr/a.nii.gz`, an image of `count` channels.
fn source(
    root: &Path,
    entry: &str,
    count: usize,
    numbers: Numbers,
) -> Result<(String, Source), DataError> {
    let path = root.join(entry.trim_start_matches("./"));
    scans::numbered_scan(&path, count, numbers).ok_or_else(|| {
        let hint = "add the file or remove it from `dataset.json`";
        DataError::missing(&path, "a file named in `dataset.json`", hint)
    })
}
