//! Layout of the Medical Segmentation Decathlon.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Layout;
use super::assemble::{self, Found};
use super::description::{Description, Image, Pair};
use super::files::{self, Listing};
use super::pairing::{self, Paired};
use crate::{DataError, Dataset, Source, UnlabeledCase};

/// Suffix of nnU-Net's images for the first and only channel.
const CHANNEL: &str = "_0000";

/// Opens a folder with `dataset.json`, `imagesTr/`, `labelsTr/` and `imagesTs/`.
///
/// The classes come from `labels`, either `"1": "name"` or `"name": 1`. The numbers are voxel values; if
/// they are not 0, 1, 2, …, as in `"205": "myocardium"`, the classes are numbered in ascending order of
/// their values. Values with the same name are one class, and voxels of the value named `ignore`, as by nnU-Net, take
/// no part in losses and metrics. The training cases and their order come from `training`, or else from the files of `imagesTr/`, which are
/// labeled if `labelsTr/` has a file of the same name. If `dataset.json` has `channel_names`, as nnU-Net's,
/// images are named `NAME_0000`. The cases of `test`, or else the files of `imagesTs/`, have no public
/// labels and become unlabeled cases; those that are missing are noted. No case is held out.
///
/// # Errors
///
/// [`DataError::Missing`] for files that are listed but absent, [`DataError::Unexpected`] for an unreadable
/// `dataset.json`, more than one modality, labels without a 0 for the background, regions (labels of
/// several values), and no images.
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
    dataset.name = if description.name.is_empty() {
        "msd".into()
    } else {
        description.name
    };
    let suffix = match description.channel_names.is_empty() {
        true => "",
        false => CHANNEL,
    };
    match description.training.is_empty() {
        true => scan(root, suffix, &mut dataset)?,
        false => dataset.notes = unlisted(root, &description.training)?,
    }
    for Pair { image, label } in description.training {
        let image = source(root, &image)?;
        let label = label
            .map(|label| source(root, &label))
            .transpose()?
            .map(|(_, label)| label);
        assemble::train_on(
            &mut dataset,
            image.0,
            Found {
                image: image.1,
                label,
            },
        );
    }
    if description.test.is_empty() {
        let images = Listing::read_if_any(&root.join("imagesTs"))?;
        dataset.notes.extend(images.notes);
        let cases = images.volumes.into_iter().map(|(id, image)| UnlabeledCase {
            id: case(&id, suffix),
            image: Source::File(image),
        });
        dataset.unlabeled.extend(cases);
    }
    let mut missing = Vec::new();
    for Image::Path(image) | Image::Entry { image } in description.test {
        match source(root, &image) {
            Ok((id, image)) => dataset.unlabeled.push(UnlabeledCase { id, image }),
            // Training needs none of them.
            Err(_) => missing.push(image),
        }
    }
    if !missing.is_empty() {
        let missing = files::some_of(&missing);
        dataset.notes.push(format!(
            "test images of `dataset.json` that are not there: {missing}"
        ));
    }
    classes.give(&mut dataset);
    Ok(dataset)
}

/// Finds the training cases by file name.
fn scan(root: &Path, suffix: &str, dataset: &mut Dataset) -> Result<(), DataError> {
    let folders = ["imagesTr", "labelsTr"];
    let Paired { cases, notes } = pairing::pair(root, folders, |name| case(name, suffix))?;
    dataset.notes.extend(notes);
    for (id, found) in cases {
        assemble::train_on(dataset, id, found);
    }
    Ok(())
}

/// Notes about the files of the training folders that `dataset.json` does not list.
fn unlisted(root: &Path, training: &[Pair]) -> Result<Vec<String>, DataError> {
    let entries = training
        .iter()
        .flat_map(|pair| [Some(&pair.image), pair.label.as_ref()]);
    let listed: HashSet<PathBuf> = entries
        .flatten()
        .map(|entry| located(root, entry))
        .collect();
    let mut notes = Vec::new();
    for folder in ["imagesTr", "labelsTr"] {
        let found = Listing::read_if_any(&root.join(folder))?;
        notes.extend(found.notes);
        let others: Vec<&String> = found
            .volumes
            .iter()
            .filter(|(_, path)| !listed.contains(*path))
            .map(|(name, _)| name)
            .collect();
        if !others.is_empty() {
            notes.push(format!(
                "{folder}/: {} not in `dataset.json`, and not used",
                files::some_of(&others)
            ));
        }
    }
    Ok(notes)
}

/// The case name of an image name.
fn case(name: &str, suffix: &str) -> String {
    name.strip_suffix(suffix).unwrap_or(name).to_string()
}

/// The path of an entry of `dataset.json`.
fn located(root: &Path, entry: &str) -> PathBuf {
    root.join(entry.trim_start_matches("./"))
}

/// Name and file of an entry such as `./imagesTr/a.nii.gz`.
fn source(root: &Path, entry: &str) -> Result<(String, Source), DataError> {
    let path = located(root, entry);
    if !path.is_file() {
        let hint = "add the file or remove it from `dataset.json`";
        return Err(DataError::missing(
            &path,
            "a file named in `dataset.json`",
            hint,
        ));
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((
        files::stem(&name).unwrap_or(&name).to_string(),
        Source::File(path),
    ))
}
