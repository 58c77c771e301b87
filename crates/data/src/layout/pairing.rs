//! Pairing of images with the label maps of their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::assemble::{Cases, Found};
use super::channels::{self, Numbers};
use super::files::{self, Listing};
use crate::names::some_of;
use crate::{DataError, Source};

/// Cases, and notes about files beside them.
pub(super) struct Paired {
    pub(super) cases: Cases,
    pub(super) notes: Vec<String>,
    /// The number of channels of every image.
    pub(super) channels: usize,
    /// The meaning of numbers in the names of images.
    pub(super) numbers: Numbers,
}

impl From<Cases> for Paired {
    fn from(cases: Cases) -> Self {
        Self {
            cases,
            notes: Vec::new(),
            channels: 1,
            numbers: Numbers::Channels,
        }
    }
}

/// Pairs the files of `images/` with those of the same name in `labels/`.
///
/// Entries beside the two folders that no layout reads are noted: one of them may be a misspelt `labels/`. `channels`
/// is the number of channels of every image where it is known.
pub(super) fn paired(root: &Path, channels: Option<usize>) -> Result<Paired, DataError> {
    let mut paired = pair(root, ["images", "labels"], channels)?;
    let mut others = files::names(root)?;
    others.retain(|name| !KNOWN.contains(&name.as_str()));
    if !others.is_empty() {
        let others = some_of(&others);
        let note = format!("beside images/ and labels/, and not used: {others}");
        paired.notes.push(note);
    }
    Ok(paired)
}

/// Entries of a data set's folder that have a meaning.
const KNOWN: [&str; 7] = [
    "images",
    "labels",
    "classes.txt",
    channels::LIST,
    "train.list",
    "test.list",
    "val.list",
];

/// Pairs the files of two folders, images of `channels` channels each; where the number is not known, the names tell.
pub(super) fn pair(
    root: &Path,
    [images, labels]: [&str; 2],
    channels: Option<usize>,
) -> Result<Paired, DataError> {
    let found = Listing::read_some(&root.join(images))?;
    let folder = root.join(labels);
    let labels = Listing::read_beside(&folder, found.by_folder)?;
    let mut notes = found.notes();
    notes.extend(labels.named);
    let unread = labels.not_read.into_iter();
    notes.extend(
        unread.map(|note| note + "; a scan whose label map is not read counts as unlabeled"),
    );
    let mut labels = labels.volumes;
    let channels = channels.or_else(|| channels::detected(&found.volumes, &labels));
    if channels.is_none() {
        notes.extend(channels::doubtful(&found.volumes).map(doubt));
    }
    // Files of their own where no number of channels is known.
    let (channels, numbers) = match channels {
        Some(count) => (count, Numbers::of(&found.volumes, &labels, count)),
        None => (1, Numbers::Ids),
    };
    let found = channels::joined(&root.join(images), found.volumes, channels, numbers)?;
    let with_label = |(id, image): (String, Source)| {
        let label = labels.remove(&id).map(Source::File);
        (id, Found { image, label })
    };
    let cases: Cases = found.into_iter().map(with_label).collect();
    if !labels.is_empty() {
        return Err(without_image(&folder, images, &labels, &cases));
    }
    Ok(Paired {
        cases,
        notes,
        channels,
        numbers,
    })
}

/// A note about scans that may be channels of a case.
fn doubt(case: &str) -> String {
    format!(
        "images/: `{case}_0000` and `{case}_0001` are taken for scans of their own; if they are channels of `{case}`, \
         name its label map so, or name the channels, one a line, in {}",
        channels::LIST
    )
}

/// An error about label maps that have no image of their name, with the image that the first may belong to.
fn without_image(
    folder: &Path,
    images: &str,
    labels: &BTreeMap<String, PathBuf>,
    cases: &Cases,
) -> DataError {
    let alone: Vec<&String> = labels.keys().collect();
    let like = |name: &str| {
        let (name, first) = (name.to_lowercase(), alone[0].to_lowercase());
        name.starts_with(&first) || first.starts_with(&name)
    };
    let unlabeled = cases.iter().filter(|(_, found)| found.label.is_none());
    let alike = unlabeled.filter(|(name, _)| like(name));
    let hint = match alike.max_by_key(|(name, _)| name.len()) {
        Some((name, _)) => format!(
            "rename `{}`, perhaps to `{name}`, the name of an image without a label map",
            alone[0]
        ),
        None => format!("rename it, or add the image to `{images}/`"),
    };
    let found = format!("{}, which has no image", some_of(&alone));
    DataError::unexpected(
        folder,
        "only label maps with the name of an image",
        found,
        hint,
    )
}
