//! Listing of folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Headers};
use super::text::composed;
use crate::DataError;
use crate::io::{self, READABLE};
use crate::names::some_of;

/// Names in a folder in ascending order, without hidden files (including the `._name` files that macOS
/// adds to archives).
pub(super) fn names(folder: &Path) -> Result<Vec<String>, DataError> {
    if folder.is_file() {
        let hint = "pass the folder that contains it";
        return Err(DataError::unexpected(folder, "a folder", "a file", hint));
    }
    if !folder.is_dir() {
        return Err(DataError::missing(folder, "a folder", "check the path"));
    }
    let entries = std::fs::read_dir(folder).map_err(DataError::io("list", folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(DataError::io("list", folder))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A file name without its extension, in lower or upper case; `None` if it is not a volume.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::stem;
///
/// assert_eq!(stem("scan.nii.gz"), Some("scan"));
/// assert_eq!(stem("SCAN.NII.GZ"), Some("SCAN"));
/// assert_eq!(stem("scan.seg.nrrd"), Some("scan.seg"));
/// assert_eq!(stem("scan.dcm"), None);
/// ```
pub fn stem(name: &str) -> Option<&str> {
    io::stem_length(name).map(|length| &name[..length])
}

/// The content of a folder of volumes.
pub(super) struct Listing {
    /// Files by name without extension.
    pub(super) volumes: BTreeMap<String, PathBuf>,
    /// Notes about everything else in the folder, one for each reason.
    pub(super) notes: Vec<String>,
}

impl Listing {
    /// Lists a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let mut volumes: BTreeMap<String, PathBuf> = BTreeMap::new();
        let mut passed_over: BTreeMap<Cow<'_, str>, Vec<String>> = BTreeMap::new();
        let names = names(folder)?;
        let headers = Headers::among(&names);
        let mut slices = false;
        for name in &names {
            let path = folder.join(name);
            let id = match Entry::of(name, &path, &headers) {
                Entry::Volume(id) => composed(id),
                Entry::Slice => {
                    slices = true;
                    continue;
                }
                Entry::PartOfAnother => continue,
                Entry::Other(reason) => {
                    passed_over.entry(reason).or_default().push(name.clone());
                    continue;
                }
            };
            insert(&mut volumes, folder, id, path)?;
        }
        let mut series = Vec::new();
        if slices {
            let (found, notes) = io::series_in(folder)?;
            series = notes;
            for (id, path) in found {
                insert(&mut volumes, folder, composed(&id), path)?;
            }
        }
        let folder = folder.file_name().unwrap_or_default().to_string_lossy();
        let note = |(reason, names): (&Cow<'_, str>, &Vec<String>)| {
            format!("{folder}/: {} not read: {reason}", some_of(names))
        };
        let notes = passed_over.iter().map(note).chain(series).collect();
        Ok(Self { volumes, notes })
    }

    /// Like [`read`](Self::read), but empty if there is no such folder.
    pub(super) fn read_if_any(folder: &Path) -> Result<Self, DataError> {
        match folder.is_dir() {
            true => Self::read(folder),
            false => Ok(Self {
                volumes: BTreeMap::new(),
                notes: Vec::new(),
            }),
        }
    }

    /// Like [`read`](Self::read), but at least one volume must exist.
    pub(super) fn read_some(folder: &Path) -> Result<Self, DataError> {
        let found = Self::read(folder)?;
        if !found.volumes.is_empty() {
            return Ok(found);
        }
        let other = match found.notes.is_empty() {
            true => "an empty folder".to_string(),
            false => found.notes.join("; "),
        };
        Err(DataError::unexpected(
            folder,
            format!("at least one scan ({READABLE}, or a folder with a DICOM series)"),
            other,
            "put the images there",
        ))
    }
}

/// Adds a file or series by its name, which must be its own.
fn insert(
    volumes: &mut BTreeMap<String, PathBuf>,
    folder: &Path,
    id: String,
    path: PathBuf,
) -> Result<(), DataError> {
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let (expected, present) = (format!("one file for `{id}`"), name(&path));
    match volumes.insert(id, path) {
        None => Ok(()),
        Some(other) => {
            let found = format!("`{}` and `{present}`", name(&other));
            Err(DataError::unexpected(
                folder,
                expected,
                found,
                "remove one of them",
            ))
        }
    }
}

/// Finds the volumes of a folder by name without extension.
///
/// A subfolder with DICOM files is a volume of its name. DICOM files in the folder itself are a volume named like the
/// folder if they are one series, else a volume for each series, named by its description or number, whose path is that
/// of one of its files; [`read_volume`](crate::io::read_volume) takes both.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] if two files have the same
/// name without extension.
///
/// # Examples
///
/// ```
/// let root = tempfile::tempdir()?;
/// std::fs::write(root.path().join("scan1.nii.gz"), b"")?;
/// std::fs::write(root.path().join("notes.txt"), b"")?;
/// let found = semivox_data::layout::volumes(root.path())?;
/// assert_eq!(found.keys().collect::<Vec<_>>(), ["scan1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn volumes(folder: impl AsRef<Path>) -> Result<BTreeMap<String, PathBuf>, DataError> {
    Ok(Listing::read(folder.as_ref())?.volumes)
}
