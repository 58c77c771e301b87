//! The channels of images: a file for each, or an axis of one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{self, Listing};
use super::lists;
use crate::{DataError, Source};

/// Names of the channels, one a line, beside `images/`.
pub(super) const LIST: &str = "channels.txt";

/// Reads the names of the channels, if a folder has them.
pub(super) fn read_names(root: &Path) -> Result<Option<Vec<String>>, DataError> {
    let path = root.join(LIST);
    if !path.is_file() {
        return Ok(None);
    }
    let names = lists::lines(&path)?;
    lists::expect_distinct(&path, &names, "give each channel a unique name")?;
    Ok(Some(names))
}

/// Names for channels that nobody named; none for a single one.
pub(super) fn unnamed(count: usize) -> Vec<String> {
    match count {
        1 => Vec::new(),
        _ => (0..count).map(|n| format!("channel {n}")).collect(),
    }
}

/// The case and the channel number of a name such as `scan_0001`, by nnU-Net's rule.
pub(super) fn numbered(name: &str) -> Option<(&str, usize)> {
    let (case, number) = name.rsplit_once('_')?;
    let digits = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !case.is_empty()).then(|| Some((case, number.parse().ok()?)))?
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

/// A note about names that may be channels, where nothing says that they are.
pub(super) fn doubt(images: &BTreeMap<String, PathBuf>) -> Option<String> {
    let first = |name: &&String| numbered(name).is_some_and(|(_, channel)| channel == 0);
    let second = |name: &&String| {
        numbered(name).is_some_and(|(case, _)| images.contains_key(&format!("{case}_0001")))
    };
    let (case, _) = numbered(images.keys().filter(first).find(second)?)?;
    Some(format!(
        "images/: `{case}_0000` and `{case}_0001` are taken for scans of their own; if they are channels of `{case}`, \
         name its label map so, or name the channels, one a line, in {LIST}"
    ))
}

/// The images in `volumes`, files of `folder` by name, by case: files whose names end in a channel's number are joined,
/// others are whole images.
pub(super) fn joined(
    folder: &Path,
    volumes: BTreeMap<String, PathBuf>,
    count: usize,
) -> Result<BTreeMap<String, Source>, DataError> {
    let mut whole = BTreeMap::new();
    let mut parts: BTreeMap<String, BTreeMap<usize, PathBuf>> = BTreeMap::new();
    for (name, path) in volumes {
        match numbered(&name) {
            Some((case, channel)) if channel < count => {
                parts.entry(case.into()).or_default().insert(channel, path);
            }
            _ => {
                whole.insert(name, one_file(path, count));
            }
        }
    }
    for (case, files) in parts {
        if let Some(missing) = (0..count).find(|channel| !files.contains_key(channel)) {
            return Err(incomplete(folder, &case, count, missing));
        }
        let source = of_files(files.into_values().collect());
        if whole.insert(case.clone(), source).is_some() {
            return Err(DataError::unexpected(
                folder,
                format!("one image for `{case}`"),
                format!("`{case}` and `{case}_0000`"),
                "remove one of them",
            ));
        }
    }
    Ok(whole)
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

/// The image of `count` channels that a path names, without or with a channel's number, and the name of its case; `None`
/// if a file is not there.
///
/// # Examples
///
/// ```
/// use semivox_data::{Source, layout};
///
/// let root = tempfile::tempdir()?;
/// for name in ["a_0000.nii.gz", "a_0001.nii.gz"] {
///     std::fs::write(root.path().join(name), b"")?;
/// }
/// for name in ["a.nii.gz", "a_0001.nii.gz"] {
///     let (case, image) = layout::scan(&root.path().join(name), 2).ok_or("no such file")?;
///     assert_eq!((case.as_str(), image.files().len()), ("a", 2));
/// }
/// assert!(layout::scan(&root.path().join("b.nii.gz"), 2).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scan(path: &Path, count: usize) -> Option<(String, Source)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let stem = files::stem(&name).unwrap_or(&name);
    let ending = &name[stem.len()..];
    let case = match numbered(stem) {
        Some((case, channel)) if channel < count => case,
        _ => stem,
    };
    let channel = |number: usize| path.with_file_name(format!("{case}_{number:04}{ending}"));
    let parts: Vec<PathBuf> = (0..count).map(channel).collect();
    if parts.iter().all(|part| part.is_file()) {
        return Some((case.to_string(), of_files(parts)));
    }
    let file = path.to_path_buf();
    path.is_file()
        .then(|| (stem.to_string(), one_file(file, count)))
}

fn one_file(path: PathBuf, count: usize) -> Source {
    match count {
        1 => Source::File(path),
        channels => Source::ChannelAxis { path, channels },
    }
}

fn of_files(mut paths: Vec<PathBuf>) -> Source {
    match paths.len() {
        1 => Source::File(paths.remove(0)),
        _ => Source::Channels(paths),
    }
}

/// The images of a folder.
#[derive(Debug, Clone)]
pub struct Scans {
    /// The images by name.
    pub images: BTreeMap<String, Source>,
    /// Notes on files that are not read, and on names that come from folders.
    pub notes: Vec<String>,
}

/// Finds the images of a folder and its subfolders by name, of `channels` channels each; see
/// [`volumes`](super::volumes) for the names.
///
/// An image is a file, or one file for each channel with its number, `NAME_0000`, `NAME_0001`, …. With a single channel,
/// a number stays part of the name.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] if two images have the same
/// name, or a channel is missing.
///
/// # Examples
///
/// ```
/// use semivox_data::{Source, layout};
///
/// let root = tempfile::tempdir()?;
/// for name in ["a_0000.nii.gz", "a_0001.nii.gz", "notes.txt"] {
///     std::fs::write(root.path().join(name), b"")?;
/// }
/// let found = layout::scans(root.path(), 2)?;
/// assert!(matches!(&found.images["a"], Source::Channels(files) if files.len() == 2));
/// assert!(found.notes[0].contains("`notes.txt` not read"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scans(folder: impl AsRef<Path>, channels: usize) -> Result<Scans, DataError> {
    let folder = folder.as_ref();
    let listing = Listing::read(folder)?;
    let notes = listing.notes();
    let images = match channels {
        1 => {
            let files = listing.volumes.into_iter();
            files
                .map(|(name, path)| (name, Source::File(path)))
                .collect()
        }
        _ => joined(folder, listing.volumes, channels)?,
    };
    Ok(Scans { images, notes })
}
