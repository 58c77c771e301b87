//! The images and label maps of a data set to be mended, by case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::channels::{self, Numbers};
use super::super::classes::read_classes;
use super::super::described::{TEST_IMAGES, TEST_LABELS};
use super::super::description::Description;
use super::super::files::Listing;
use super::super::own_description;
use super::super::segments::Segments;
use super::names::{key, pair};
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
        let own = own_description::json(root).is_some();
        let description = (json.is_file() && !own)
            .then(|| Description::read(&json))
            .transpose()?;
        let (folders, label_folder) = match description {
            Some(_) => (vec!["imagesTr", TEST_IMAGES], "labelsTr"),
            None => (vec!["images"], "labels"),
        };
        let mut channels = match &description {
            Some(description) => description.channels(&json)?,
            None => own_description::channel_names(root)?.unwrap_or_default(),
        };
        let mut mends = match &description {
            Some(description) => lists(&json, description)?,
            None => Vec::new(),
        };
        let listings = listed(root, &folders)?;
        let by_folder = listings.iter().find_map(|listing| listing.by_folder);
        let labels = Listing::read_beside(&root.join(label_folder), by_folder)?;
        let unread = listings.iter().chain([&labels]);
        let mut left: Vec<String> = unread
            .flat_map(|listing| listing.not_read.clone())
            .collect();
        let images = images(root, &folders, listings, &mut channels, &labels)?;
        let mut cases = split_channels(images, &mut channels, &mut mends);
        if description.is_some() {
            leave_test_cases(root, &mut cases, &mut left)?;
        }
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
    let note = "the lists of `dataset.json` are not followed: every image of imagesTr/ is in the copy, and of imagesTs/ every one \
                without a label map in labelsTs/";
    Ok(listed.then(|| note.to_string()).into_iter().collect())
}

/// Takes out the images of `imagesTs/` with a label map in `labelsTs/`, on which nothing may train.
fn leave_test_cases(
    root: &Path,
    cases: &mut BTreeMap<String, Case>,
    left: &mut Vec<String>,
) -> Result<(), DataError> {
    let labels = Listing::read_if_any(&root.join(TEST_LABELS))?;
    let labeled: BTreeSet<String> = labels.volumes.keys().map(|name| key(name)).collect();
    let folder = root.join(TEST_IMAGES);
    let tested = cases.extract_if(.., |id, case| {
        let of_test = case
            .image
            .files()
            .iter()
            .all(|file| file.starts_with(&folder));
        of_test && labeled.contains(&key(id))
    });
    left.extend(tested.map(|(id, _)| {
        format!(
            "{id}: a test case, with a label map in {TEST_LABELS}/, on which the copy would train"
        )
    }));
    Ok(())
}

/// Lists folders of images, of which the first must hold some.
fn listed(root: &Path, folders: &[&str]) -> Result<Vec<Listing>, DataError> {
    let listing = |(index, name): (usize, &&str)| match index {
        0 => Listing::read_some(&root.join(name)),
        _ => Listing::read_if_any(&root.join(name)),
    };
    folders.iter().enumerate().map(listing).collect()
}

/// The images of some folders by name; sets `channels` if the names of files show that there are several.
fn images(
    root: &Path,
    folders: &[&str],
    listings: Vec<Listing>,
    channels: &mut Vec<String>,
    labels: &Listing,
) -> Result<BTreeMap<String, Source>, DataError> {
    let mut images = BTreeMap::new();
    // The numbers of all folders mean what they do in the first.
    let mut numbers = None;
    for (name, listing) in folders.iter().zip(listings) {
        let known = (!channels.is_empty()).then_some(channels.len());
        let count = known.or_else(|| channels::detected(&listing.volumes, &labels.volumes));
        let meant = || match count {
            Some(count) => Numbers::of(&listing.volumes, &labels.volumes, count),
            None => Numbers::Ids,
        };
        let numbers = *numbers.get_or_insert_with(meant);
        let count = count.unwrap_or(1);
        if channels.is_empty() {
            *channels = channels::unnamed(count);
        }
        let found = channels::joined(&root.join(name), listing.volumes, count, numbers)?;
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
    Ok(images)
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
