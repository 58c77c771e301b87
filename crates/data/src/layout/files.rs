//! Looking into folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::DataError;

/// Names in a folder in ascending order, without hidden ones (among them the
/// `._name` files that macOS leaves in archives).
pub(super) fn names(folder: &Path) -> Result<Vec<String>, DataError> {
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

/// A file name without `.nii` or `.nii.gz`; `None` for other files.
pub(super) fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".nii.gz")
        .or_else(|| name.strip_suffix(".nii"))
}

/// The NIfTI files of a folder by name, without `.nii` or `.nii.gz`.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] if it has a scan
/// both compressed and not.
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
    let folder = folder.as_ref();
    let mut found = BTreeMap::new();
    for name in names(folder)? {
        let Some(id) = stem(&name) else { continue };
        if found.insert(id.to_string(), folder.join(&name)).is_some() {
            return Err(DataError::unexpected(
                folder,
                format!("one file for `{id}`"),
                format!("`{id}.nii` and `{id}.nii.gz`"),
                "remove one of them",
            ));
        }
    }
    Ok(found)
}

/// As [`volumes`], and at least one.
pub(super) fn some_volumes(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let found = volumes(folder)?;
    if found.is_empty() {
        let other = names(folder)?.len();
        return Err(DataError::unexpected(
            folder,
            "at least one .nii or .nii.gz file",
            format!("{other} other files"),
            "put the images there",
        ));
    }
    Ok(found)
}

/// As [`volumes`], and none if there is no such folder.
pub(super) fn volumes_if_any(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    if folder.is_dir() {
        volumes(folder)
    } else {
        Ok(BTreeMap::new())
    }
}
