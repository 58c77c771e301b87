//! Listing of folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::DataError;

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

/// File extensions of volumes.
const ENDINGS: [&str; 3] = [".nii.gz", ".nii", ".nrrd"];

/// A file name without its extension; `None` if it is not a volume.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::stem;
///
/// assert_eq!(stem("scan.nii.gz"), Some("scan"));
/// assert_eq!(stem("scan.seg.nrrd"), Some("scan.seg"));
/// assert_eq!(stem("scan.dcm"), None);
/// ```
pub fn stem(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// Finds the volumes of a folder, NIfTI or NRRD files, by name without extension.
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
    let folder = folder.as_ref();
    let mut found = BTreeMap::new();
    for name in names(folder)? {
        let Some(id) = stem(&name) else { continue };
        if let Some(other) = found.insert(id.to_string(), folder.join(&name)) {
            let other = other.file_name().unwrap_or_default().to_string_lossy();
            return Err(DataError::unexpected(
                folder,
                format!("one file for `{id}`"),
                format!("`{other}` and `{name}`"),
                "remove one of them",
            ));
        }
    }
    Ok(found)
}

/// Like [`volumes`], but at least one volume must exist.
pub(super) fn some_volumes(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let found = volumes(folder)?;
    if found.is_empty() {
        let other = names(folder)?.len();
        return Err(DataError::unexpected(
            folder,
            "at least one .nii, .nii.gz or .nrrd file",
            format!("{other} other files"),
            "put the images there",
        ));
    }
    Ok(found)
}

/// Like [`volumes`], but empty if there is no such folder.
pub(super) fn volumes_if_any(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    if folder.is_dir() {
        volumes(folder)
    } else {
        Ok(BTreeMap::new())
    }
}
