//! The images and label maps of a data set to be mended, by case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::channels::{self, Numbers};
use super::super::classes::read_classes;
use super::super::description::Description;
use super::super::files::Listing;
use super::super::segments::Segments;
use super::names::pair;
use super::values::{described_values, found_values};
use crate::{DataError, LabelValues, Source, io};

/// An image, and its label map if there is one.
pub(super) struct Case {
    pub(super) image: Source,
    /// The image was read as several channels that no description names.
    pub(super) split: bool,
    pub(super) label: Option<PathBuf>,
}

/// The content of a data set.
pub(super) struct Found {
    pub(super) cases: BTreeMap<String, Case>,
    /// The values of the label maps.
    pub(super) values: LabelValues,
    /// Lines of `classes.txt`; none where values are class indices.
    pub(super) classes: Vec<String>,
    /// Lines of `channels.txt`; none for one channel.
    pub(super) channels: Vec<String>,
    pub(super) mends: Vec<String>,
    pub(super) left: Vec<String>,
}

impl Found {
    /// Finds images and label maps and pairs them.
    pub(super) fn read(root: &Path) -> Result<Self, DataError> {
        let json = root.join("dataset.json");
        let description = json
            .is_file()
            .then(|| Description::read(&json))
            .transpose()?;
        let (folders, label_folder) = match description {
            Some(_) => (vec!["imagesTr", "imagesTs"], "labelsTr"),
            None => (vec!["images"], "labels"),
        };
        let mut channels = match &description {
            Some(description) => description.channels(&json)?,
            None => channels::read_names(root)?.unwrap_or_default(),
        };
        let mut mends = match &description {
            Some(description) => lists(&json, description)?,
            None => Vec::new(),
        };
        let labels = Listing::read_if_any(&root.join(label_folder))?;
        let mut left = Vec::new();
        let (images, by_folder) = images(root, &folders, &mut channels, &labels, &mut left)?;
        let labels = match by_folder {
            Some(_) => Listing::read_beside(&root.join(label_folder), by_folder)?,
            None => labels,
        };
        left.extend(labels.not_read);
        let mut cases = split_channels(images, &mut channels, &mut mends);
        pair(&mut cases, labels.volumes, &mut mends, &mut left);
        let labels: Vec<&Path> = cases
            .values()
            .filter_map(|case| case.label.as_deref())
            .collect();
        let described = [root.join("classes.txt"), json];
        let described = described.iter().find(|path| path.is_file());
        let segments = Segments::read(&labels);
        let (values, classes) = match described {
            Some(path) => {
                let (names, values) = read_classes(path)?;
                mends.extend(segments.compare(path, &names, &values)?);
                described_values(&names, values)
            }
            None if segments.is_empty() => found_values(&labels, &mut mends)?,
            None => {
                let classes = segments.classes(&root.join(label_folder))?;
                mends.push(segments.note());
                described_values(&classes.names, classes.values)
            }
        };
        Ok(Self {
            cases,
            values,
            classes,
            channels,
            mends,
            left,
        })
    }
}

/// Returns notes on the lists of a description, which a copy by file names does not follow.
///
/// # Errors
/// If the description names files of its own.
fn lists(json: &Path, description: &Description) -> Result<Vec<String>, DataError> {
    if !description.dataset(json)?.is_empty() {
        return Err(DataError::unexpected(
            json,
            "a data set whose files pair by their names",
            "a `dataset` entry that pairs them otherwise",
            "mend the files that it names where they lie",
        ));
    }
    let listed = !description.training.is_empty() || !description.test.is_empty();
    let note = "the lists of `dataset.json` are not followed: every image of imagesTr/ and imagesTs/ is in the copy";
    Ok(listed.then(|| note.to_string()).into_iter().collect())
}

/// The images of some folders, and whether those in subfolders are named like these.
fn images(
    root: &Path,
    folders: &[&str],
    channels: &mut Vec<String>,
    labels: &Listing,
    left: &mut Vec<String>,
) -> Result<(BTreeMap<String, Source>, Option<bool>), DataError> {
    let (mut images, mut by_folder) = (BTreeMap::new(), None);
    // The numbers of all folders mean what they do in the first.
    let mut numbers = None;
    for (index, name) in folders.iter().enumerate() {
        let folder = root.join(name);
        let listing = match index {
            0 => Listing::read_some(&folder)?,
            _ => Listing::read_if_any(&folder)?,
        };
        by_folder = by_folder.or(listing.by_folder);
        left.extend(listing.not_read);
        let known = (!channels.is_empty()).then_some(channels.len());
        let count = known.or_else(|| channels::detected(&listing.volumes, &labels.volumes));
        let found = match count {
            Some(count) => {
                if channels.is_empty() {
                    *channels = channels::unnamed(count);
                }
                let numbers = *numbers
                    .get_or_insert_with(|| Numbers::of(&listing.volumes, &labels.volumes, count));
                channels::joined(&folder, listing.volumes, count, numbers)?
            }
            None => {
                let files = listing.volumes.into_iter();
                files.map(|(id, path)| (id, Source::File(path))).collect()
            }
        };
        for (id, image) in found {
            if images.insert(id.clone(), image).is_some() {
                return Err(DataError::unexpected(
                    root,
                    format!("one image `{id}`"),
                    format!("one in {}", folders.join(" and one in ")),
                    "rename one of them",
                ));
            }
        }
    }
    Ok((images, by_folder))
}

/// Makes cases of the images; those with a fourth axis, if all have one of one length, are split into channels.
fn split_channels(
    images: BTreeMap<String, Source>,
    channels: &mut Vec<String>,
    mends: &mut Vec<String>,
) -> BTreeMap<String, Case> {
    let count = |image: &Source| match image {
        // An unreadable file is reported when it is copied.
        Source::File(path) => io::channels_in(path).ok(),
        _ => Some(1),
    };
    let counts: BTreeSet<usize> = match channels.is_empty() {
        true => images.values().filter_map(count).collect(),
        false => BTreeSet::new(),
    };
    let split = match counts.into_iter().collect::<Vec<_>>()[..] {
        [count] if count > 1 => Some(count),
        _ => None,
    };
    if let Some(count) = split {
        *channels = channels::unnamed(count);
        mends.push(format!(
            "the fourth axis of all images, of length {count}, is taken for channels, a file for each, named in \
             channels.txt: correct the names there; if it is time, keep one of the files"
        ));
    }
    let case = |(id, image)| {
        let image = match (image, split) {
            (Source::File(path), Some(channels)) => Source::ChannelAxis { path, channels },
            (image, _) => image,
        };
        (
            id,
            Case {
                image,
                split: split.is_some(),
                label: None,
            },
        )
    };
    images.into_iter().map(case).collect()
}
