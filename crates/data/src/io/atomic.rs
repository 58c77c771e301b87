//! Replacing a file as a whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::DataError;

/// Replaces the file at `path` by `bytes`, as a whole or not at all.
///
/// The bytes go to a temporary name in the same folder, are synced to the disk and renamed; then the folder is synced.
///
/// # Errors
///
/// [`DataError::Io`]; an older file of that name is then untouched, unless the folder alone could not be synced.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("note.txt");
/// semivox_data::io::write_atomic(&path, b"whole")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), DataError> {
    write(path.as_ref(), |file| file.write_all(bytes))
}

/// Replaces the file at `path`, like [`write_atomic`], by what `content` writes.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DataError> {
    replace_file(path, content).map_err(DataError::io("write", path))
}

/// Replaces the file at `path`, like [`write_atomic`], by what `content` writes; for callers with errors of their own.
///
/// # Errors
///
/// The system's error, or that of `content`; an older file of that name is then untouched, unless the folder alone could
/// not be synced.
pub fn replace_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_name(path);
    let outcome = write_synced(&temporary, content)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    outcome.inspect_err(|_| {
        // The first error is reported; the temporary file may not exist.
        let _ = fs::remove_file(&temporary);
    })
}

fn write_synced(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    // An existing file is left over from a process with the same ID, which is common in containers.
    let mut writer = BufWriter::new(File::create(path)?);
    content(&mut writer)?;
    writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

/// Makes the rename itself durable. Only Unix lets a folder be synced, and there too some network file systems and
/// folders without read permission do not.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(e) if matches!(e.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A hidden name in the same folder that no other writer uses.
fn temporary_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{count}.partial", std::process::id()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.partial");
        std::fs::write(&path, "longer than what comes").unwrap();
        write_synced(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nii");
        write(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write(&path, |file| {
            file.write_all(b"new")?;
            Err(std::io::ErrorKind::StorageFull.into())
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("a.nii") && message.contains("free some space"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
