//! The images and label maps of a data set to be mended, by case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::super::channels::{self, Numbers};
use super::super::classes::read_classes;
use super::super::description::Description;
use super::super::files::Listing;
use super::super::folder::are_classes;
use super::super::segments::Segments;
use crate::names::some_named;
use crate::{DataError, LabelValues, Source, io};

/// Endings of names by which files of label maps differ from their case.
pub(in crate::layout) const LABEL_ENDINGS: [&str; 12] = [
    "_seg",
    "-seg",
    ".seg",
    "_segmentation",
    "_label",
    "-label",
    "_labels",
    "_labelmap",
    "_mask",
    "-mask",
    "_gt",
    "_roi",
];

/// Endings of names by which files of images differ from their case.
const IMAGE_ENDINGS: [&str; 4] = ["_0000", "_image", "_img", "_ct"];

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
        let (images, by_folder) = images(root, &folders, &mut channels, &labels)?;
        let labels = match by_folder {
            Some(_) => Listing::read_beside(&root.join(label_folder), by_folder)?,
            None => labels,
        };
        let mut left = Vec::new();
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
) -> Result<(BTreeMap<String, Source>, Option<bool>), DataError> {
    let (mut images, mut by_folder) = (BTreeMap::new(), None);
    for (index, name) in folders.iter().enumerate() {
        let folder = root.join(name);
        let listing = match index {
            0 => Listing::read_some(&folder)?,
            _ => Listing::read_if_any(&folder)?,
        };
        by_folder = by_folder.or(listing.by_folder);
        let known = (!channels.is_empty()).then_some(channels.len());
        let count = known.or_else(|| channels::detected(&listing.volumes, &labels.volumes));
        let found = match count {
            Some(count) => {
                if channels.is_empty() {
                    *channels = channels::unnamed(count);
                }
                let numbers = Numbers::of(&listing.volumes, &labels.volumes, count);
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
        Source::File(path) => io::channels_in(path).unwrap_or(1),
        _ => 1,
    };
    let counts: BTreeSet<usize> = match channels.is_empty() {
        true => images.values().map(count).collect(),
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

/// Gives each case the label map of its name, or of a name that differs by a usual ending.
fn pair(
    cases: &mut BTreeMap<String, Case>,
    labels: BTreeMap<String, PathBuf>,
    mends: &mut Vec<String>,
    left: &mut Vec<String>,
) {
    let mut others = Vec::new();
    for (name, path) in labels {
        match cases.get_mut(&name) {
            Some(case) => case.label = Some(path),
            None => others.push((name, path)),
        }
    }
    let key = |name: &str| {
        let lower = name.to_lowercase();
        let mut endings = LABEL_ENDINGS.iter().chain(&IMAGE_ENDINGS);
        let short = endings.find_map(|ending| lower.strip_suffix(ending));
        short.map_or_else(|| lower.clone(), String::from)
    };
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, _) in cases.iter().filter(|(_, case)| case.label.is_none()) {
        wanted.entry(key(id)).or_default().push(id.clone());
    }
    let keys: Vec<String> = others.iter().map(|(name, _)| key(name)).collect();
    for (name, path) in others {
        let key = key(&name);
        let once = keys.iter().filter(|other| **other == key).count() == 1;
        match wanted.get(&key).map(Vec::as_slice) {
            Some([id]) if once => {
                mends.push(format!("label map `{name}` renamed to `{id}`"));
                if let Some(case) = cases.get_mut(id) {
                    case.label = Some(path);
                }
            }
            _ => left.push(format!(
                "label map `{name}`: expected the name of an image, found none like it without a label map; rename it"
            )),
        }
    }
}

/// The values that a description names, and the lines of `classes.txt` for them.
fn described_values(names: &[String], values: LabelValues) -> (LabelValues, Vec<String>) {
    let lines = values
        .pairs()
        .map(|(value, class)| match names.get(usize::from(class)) {
            Some(name) => format!("{value} {name}"),
            None => format!("{value} ignore"),
        });
    let lines = lines.collect();
    (values, lines)
}

/// The values that occur in the label maps, in ascending order, and the lines of `classes.txt` where they are no class
/// indices.
fn found_values(
    labels: &[&Path],
    mends: &mut Vec<String>,
) -> Result<(LabelValues, Vec<String>), DataError> {
    // Label maps that cannot be read are reported when they are copied.
    let read = |path: &&Path| io::read_label_values(path).unwrap_or_default();
    let found: Vec<Vec<u32>> = labels.par_iter().map(read).collect();
    let found: BTreeSet<u32> = found.into_iter().flatten().chain([0]).collect();
    if are_classes(&found) {
        let largest = found.last().copied().unwrap_or(0).min(254) as u8;
        return Ok((
            LabelValues::new((0..=largest).map(|v| (v.into(), v))),
            Vec::new(),
        ));
    }
    if found.len() > 255 {
        let path = labels.first().copied().unwrap_or(Path::new("labels"));
        return Err(DataError::unexpected(
            path,
            "at most 255 different values in all label maps",
            found.len().to_string(),
            "are these label maps?",
        ));
    }
    let name = |&value: &u32| match value {
        0 => "0 background".to_string(),
        value => format!("{value} class {value}"),
    };
    let lines: Vec<String> = found.iter().map(name).collect();
    mends.push(format!(
        "label values are described in classes.txt ({}): correct the names there",
        some_named(&lines, "values")
    ));
    Ok((LabelValues::new(found.into_iter().zip(0..)), lines))
}
