//! Pairing of images with the label maps of their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::assemble::{Cases, Found};
use super::channels::{self, Numbers};
use super::file_names::{self, without_ending};
use super::files::Listing;
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
/// Entries beside the two folders that no layout reads, nor are among those `used`, are noted: one of them may be a misspelt
/// `labels/`. `channels` is the number of channels of every image where it is known.
pub(super) fn paired(
    root: &Path,
    channels: Option<usize>,
    used: &[&str],
) -> Result<Paired, DataError> {
    let mut paired = pair(root, ["images", "labels"], channels)?;
    let mut others = file_names::names(root)?;
    others.retain(|name| !KNOWN.iter().chain(used).any(|known| known == name));
    if !others.is_empty() {
        let others = some_of(&others);
        let note = format!("beside images/ and labels/, and not used: {others}");
        paired.notes.push(note);
    }
    Ok(paired)
}

/// Entries of a data set's folder that have a meaning.
const KNOWN: [&str; 8] = [
    "images",
    "labels",
    "classes.txt",
    channels::LIST,
    "train.list",
    "test.list",
    "val.list",
    "patients.csv",
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
    let mut notes = notes_of(&found, &labels);
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
    notes.extend(misplaced(images, &cases));
    Ok(Paired {
        cases,
        notes,
        channels,
        numbers,
    })
}

/// Notes on files of both folders.
fn notes_of(images: &Listing, labels: &Listing) -> Vec<String> {
    let mut notes = images.notes();
    notes.extend_from_slice(&labels.named);
    let unread = labels.not_read.iter();
    notes.extend(
        unread
            .map(|note| format!("{note}; a scan whose label map is not read counts as unlabeled")),
    );
    notes
}

/// A note about scans that may be channels of a case.
fn doubt(case: &str) -> String {
    format!(
        "images/: `{case}_0000` and `{case}_0001` are taken for scans of their own; if they are channels of `{case}`, \
         name its label map so, or name the channels, one a line, in {}",
        channels::LIST
    )
}

/// A note about images that are named like the label map of another.
fn misplaced(images: &str, cases: &Cases) -> Option<String> {
    let image_of = |(name, found): (&String, &Found)| {
        let image = without_ending(name)?;
        let known = cases.contains_key(image) || cases.contains_key(&format!("{image}_0000"));
        (known && found.label.is_none()).then(|| (name.clone(), image.to_string()))
    };
    let found: Vec<(String, String)> = cases.iter().filter_map(image_of).collect();
    let (label, image) = found.first()?;
    let names: Vec<&String> = found.iter().map(|(name, _)| name).collect();
    Some(format!(
        "{images}/: {} named like label maps of other images, but read as scans without a label map; move them to the folder of \
         the label maps under the names of their images (`{label}` as `{image}`), or remove them",
        some_of(&names)
    ))
}

/// An error about label maps that have no image of their name, with the image that the first may belong to.
fn without_image(
    folder: &Path,
    images: &str,
    labels: &BTreeMap<String, PathBuf>,
    cases: &Cases,
) -> DataError {
    let alone: Vec<&String> = labels.keys().collect();
    let hint = match &like(alone[0], cases)[..] {
        [] => format!("rename it, or add the image to `{images}/`"),
        [name] => format!(
            "rename `{}`, perhaps to `{name}`, the name of an image without a label map (semivox inspect --fix FOLDER writes a \
             copy with such names mended)",
            alone[0]
        ),
        several => format!(
            "rename `{}` to the name of its image, one of {}",
            alone[0],
            some_of(several)
        ),
    };
    let verb = if alone.len() == 1 { "has" } else { "have" };
    let found = format!("{}, which {verb} no image", some_of(&alone));
    DataError::unexpected(
        folder,
        "only label maps with the name of an image",
        found,
        hint,
    )
}

/// The images without a label map that a label map may belong to: that of its name without the ending of label maps, or
/// else those whose names begin like it.
fn like<'a>(label: &str, cases: &'a Cases) -> Vec<&'a String> {
    let unlabeled = cases.iter().filter(|(_, found)| found.label.is_none());
    let names: Vec<&String> = unlabeled.map(|(name, _)| name).collect();
    let label = label.to_lowercase();
    let short = without_ending(&label).unwrap_or(&label);
    let alike = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a String> {
        let names = names.iter().copied();
        names.filter(|name| fits(&name.to_lowercase())).collect()
    };
    let same = alike(&|name| name == short);
    match same.is_empty() {
        true => alike(&|name| name.starts_with(&label) || label.starts_with(name)),
        false => same,
    }
}
