//! Scans named by a path, or found in a folder, without label maps beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::channels::{self, Numbers};
use super::file_names::{self, numbered};
use super::files::Listing;
use crate::{DataError, Source};

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
    numbered_scan(path, count, Numbers::Channels)
}

/// Like [`scan`], where the meaning of numbers is known.
///
/// The channels of `a_0000` may be `a_0000_0000`, `a_0000_0001`, …: files with a number after the whole name come first.
pub(super) fn numbered_scan(
    path: &Path,
    count: usize,
    numbers: Numbers,
) -> Option<(String, Source)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let stem = file_names::stem(&name).unwrap_or(&name);
    let ending = &name[stem.len()..];
    let files_of = |case: &str| {
        let file = |number: usize| path.with_file_name(format!("{case}_{number:04}{ending}"));
        let files: Vec<PathBuf> = (0..count).map(file).collect();
        let all = files.iter().all(|file| file.is_file());
        all.then(|| (case.to_string(), channels::of_files(files)))
    };
    // An image of one channel may be listed with or without its number; a file of the very name is meant.
    let exact = count == 1 && path.is_file() && numbered(stem).is_none();
    if let Some(found) = files_of(stem).filter(|_| !exact) {
        return Some(found);
    }
    let whole = numbers == Numbers::Ids || channels::has_axis(path, count);
    let case = numbered(stem).filter(|(_, channel)| !whole && *channel < count);
    if let Some(found) = case.and_then(|(case, _)| files_of(case)) {
        return Some(found);
    }
    let file = path.to_path_buf();
    path.is_file()
        .then(|| (stem.to_string(), channels::one_file(file, count)))
}

/// The images of a folder.
#[derive(Debug, Clone)]
pub struct Scans {
    /// The images by name.
    pub images: BTreeMap<String, Source>,
    /// Notes on files that are not read, on names that come from folders, and on scans that may be channels.
    pub notes: Vec<String>,
}

/// Finds the images of a folder and its subfolders by name, of `count` channels each; see
/// [`volumes`](super::volumes) for the names.
///
/// An image is a file, or one file for each channel with its number, `NAME_0000`, `NAME_0001`, …. With a single channel, or
/// where a numbered file holds all channels, a number stays part of the name.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] if two images have the same
/// name, or a channel is missing or too many.
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
pub fn scans(folder: impl AsRef<Path>, count: usize) -> Result<Scans, DataError> {
    let folder = folder.as_ref();
    let listing = Listing::read(folder)?;
    let mut notes = listing.notes();
    let images = match count {
        1 => {
            notes.extend(channels::doubtful(&listing.volumes).map(|case| {
                format!(
                    "`{case}_0000` and `{case}_0001` are taken for scans of their own, of one channel each; if they are \
                     channels of `{case}`, leave only the files of the wanted channel there"
                )
            }));
            let files = listing.volumes.into_iter();
            files
                .map(|(name, path)| (name, Source::File(path)))
                .collect()
        }
        _ => {
            let labels = BTreeMap::<String, PathBuf>::new();
            let numbers = Numbers::of(&listing.volumes, &labels, count);
            channels::joined(folder, listing.volumes, count, numbers)?
        }
    };
    Ok(Scans { images, notes })
}
