//! The channels of images: a file for each, or an axis of one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file_names::numbered;
use crate::{DataError, Source, io};

/// Names of the channels, one a line, beside `images/`.
pub(super) const LIST: &str = "channels.txt";

/// Names for channels that nobody named; none for a single one.
pub(super) fn unnamed(count: usize) -> Vec<String> {
    match count {
        1 => Vec::new(),
        _ => (0..count).map(|n| format!("channel {n}")).collect(),
    }
}

/// The number of channels that the names of image files show: some end in a channel's number, and their label maps do not.
pub(super) fn detected<T>(
    images: &BTreeMap<String, PathBuf>,
    labels: &BTreeMap<String, T>,
) -> Option<usize> {
    let known = |case: &str| labels.contains_key(case) && !images.contains_key(case);
    let shown = images.keys().filter_map(|name| numbered(name));
    let of_labeled = shown.filter(|(case, _)| known(case));
    of_labeled.map(|(_, channel)| channel + 1).max()
}

/// A case whose channels may be among these images, where nothing says that they are.
pub(super) fn doubtful(images: &BTreeMap<String, PathBuf>) -> Option<&str> {
    let first = |name: &&String| numbered(name).is_some_and(|(_, channel)| channel == 0);
    let second = |name: &&String| {
        numbered(name).is_some_and(|(case, _)| images.contains_key(&format!("{case}_0001")))
    };
    let (case, _) = numbered(images.keys().filter(first).find(second)?)?;
    Some(case)
}

/// Meaning of a number at the end of the names of images, such as `scan_0001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// The channel that a file holds.
    Channels,
    /// A part of the case's name.
    Ids,
}

impl Numbers {
    /// The meaning in a data set of images of `count` channels: ids if single-channel images and their label maps have
    /// them, or if a numbered file holds all channels of an image.
    pub(super) fn of<T>(
        images: &BTreeMap<String, PathBuf>,
        labels: &BTreeMap<String, T>,
        count: usize,
    ) -> Self {
        let mut numbered = images.iter().filter(|(name, _)| numbered(name).is_some());
        let ids = match count {
            1 => numbered.any(|(name, _)| labels.contains_key(name)),
            _ => numbered
                .next()
                .is_some_and(|(_, path)| has_axis(path, count)),
        };
        if ids { Self::Ids } else { Self::Channels }
    }
}

/// Whether a file has an axis of `count` channels, more than one.
pub(super) fn has_axis(path: &Path, count: usize) -> bool {
    count > 1 && path.is_file() && io::channels_in(path).is_ok_and(|found| found == count)
}

/// The images in `volumes`, files of `folder` by name, by case: files whose names end in a channel's number are joined,
/// others are whole images.
pub(super) fn joined(
    folder: &Path,
    volumes: BTreeMap<String, PathBuf>,
    count: usize,
    numbers: Numbers,
) -> Result<BTreeMap<String, Source>, DataError> {
    let mut whole = BTreeMap::new();
    let mut parts: BTreeMap<String, BTreeMap<usize, PathBuf>> = BTreeMap::new();
    for (name, path) in volumes {
        match numbered(&name).filter(|_| numbers == Numbers::Channels) {
            Some((case, channel)) if channel < count => {
                parts.entry(case.into()).or_default().insert(channel, path);
            }
            _ => {
                whole.insert(name, one_file(path, count));
            }
        }
    }
    for (case, files) in parts {
        expect_all(folder, &case, &files, &whole, count)?;
        whole.insert(case, of_files(files.into_values().collect()));
    }
    Ok(whole)
}

/// Returns an error unless `files` are the `count` channels of a case, with no further one and no image of the case's
/// name among `others`.
fn expect_all(
    folder: &Path,
    case: &str,
    files: &BTreeMap<usize, PathBuf>,
    others: &BTreeMap<String, Source>,
    count: usize,
) -> Result<(), DataError> {
    if let Some(missing) = (0..count).find(|channel| !files.contains_key(channel)) {
        return Err(incomplete(folder, case, count, missing));
    }
    if others.contains_key(&format!("{case}_{count:04}")) {
        return Err(further(folder, case, count));
    }
    match others.contains_key(case) {
        false => Ok(()),
        true => Err(DataError::unexpected(
            folder,
            format!("one image for `{case}`"),
            format!("`{case}` and `{case}_0000`"),
            "remove one of them",
        )),
    }
}

fn incomplete(folder: &Path, case: &str, count: usize, missing: usize) -> DataError {
    DataError::unexpected(
        folder,
        format!(
            "{count} channels of `{case}`, `{case}_0000` to `{case}_{:04}`",
            count - 1
        ),
        format!("no `{case}_{missing:04}`"),
        "add the file, or remove the other channels of that case",
    )
}

/// An error about a channel beyond those that are described, or that the labeled images have.
fn further(folder: &Path, case: &str, count: usize) -> DataError {
    let expected = match count {
        1 => format!("`{case}_0000` as the only channel of `{case}`"),
        _ => format!(
            "{count} channels of `{case}`, `{case}_0000` to `{case}_{:04}`",
            count - 1
        ),
    };
    DataError::unexpected(
        folder,
        expected,
        format!("`{case}_{count:04}` too"),
        format!(
            "if every image has it, name all channels, one a line in {LIST} or in `channel_names` of dataset.json; else \
             remove the file, or rename it if it is another scan"
        ),
    )
}

/// An image of `count` channels in one file.
pub(super) fn one_file(path: PathBuf, count: usize) -> Source {
    match count {
        1 => Source::File(path),
        channels => Source::ChannelAxis { path, channels },
    }
}

/// An image of one file for each channel.
pub(super) fn of_files(mut paths: Vec<PathBuf>) -> Source {
    match paths.len() {
        1 => Source::File(paths.remove(0)),
        _ => Source::Channels(paths),
    }
}
