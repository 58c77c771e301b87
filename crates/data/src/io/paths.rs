//! Places of files and folders that may not exist yet.

use std::path::{Path, PathBuf};

/// Returns whether a path, which need not exist, is a folder or lies in it, by whatever links and `..` either is named.
///
/// # Examples
///
/// ```
/// use semivox_data::io::is_within;
///
/// let folder = tempfile::tempdir()?;
/// let data = folder.path().join("data");
/// std::fs::create_dir(&data)?;
/// assert!(is_within(&data.join("new/folder"), &data));
/// assert!(!is_within(&data.join("../new"), &data));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_within(path: &Path, folder: &Path) -> bool {
    whole(path).starts_with(whole(folder))
}

/// The path without links and `..` in the part of it that exists.
fn whole(path: &Path) -> PathBuf {
    let known = path.ancestors().find_map(|known| {
        let rest = path.strip_prefix(known).ok()?;
        // The parent of a bare file name is the empty path.
        Some(Path::new(".").join(known).canonicalize().ok()?.join(rest))
    });
    known.unwrap_or_else(|| path.to_path_buf())
}
