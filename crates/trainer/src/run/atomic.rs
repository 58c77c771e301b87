//! Atomic writing of files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::RunError;

/// Creates a folder with its parents and checks that it can be written, before a long computation.
///
/// # Errors
///
/// [`RunError::Io`] with the path and the system's reason.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::folder::make_writable;
///
/// # let dir = tempfile::tempdir().unwrap();
/// make_writable(&dir.path().join("a/b"))?;
/// assert!(dir.path().join("a/b").is_dir());
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
pub fn make_writable(folder: &Path) -> Result<(), RunError> {
    fs::create_dir_all(folder).map_err(|error| RunError::io("create folder", folder, error))?;
    // Another process may probe the same folder at this moment.
    let probe = folder.join(format!(".writable-{}", std::process::id()));
    write_atomic(&probe, b"").map_err(|error| in_folder(error, folder))?;
    fs::remove_file(&probe).map_err(|error| RunError::io("write", folder, error))
}

fn in_folder(error: RunError, folder: &Path) -> RunError {
    match error {
        RunError::Io { source, .. } => RunError::io("write in", folder, source),
        other => other,
    }
}

/// Replaces the contents of `path` by `bytes` atomically: as a whole or not at all.
///
/// Writes to a temporary name in the same folder, syncs it, renames it over
/// `path` and syncs the folder.
///
/// # Errors
///
/// [`RunError::Io`] naming `path`, also when the disk is full; the previous
/// file is then still there and the temporary one is removed.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::folder::write_atomic;
///
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("note.txt");
/// write_atomic(&path, b"whole")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// Replaces the contents of `path`, like [`write_atomic`], by what `write` streams out.
///
/// # Errors
///
/// [`RunError::Io`] naming `path`, with the system's or `write`'s reason.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use semivox_trainer::run::folder::write_atomic_with;
///
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("squares.txt");
/// write_atomic_with(&path, |file| (1..4).try_for_each(|n| writeln!(file, "{}", n * n)))?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n4\n9\n");
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
pub fn write_atomic_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), RunError> {
    let temporary = temporary_name(path);
    let result = write_synced(&temporary, write)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    result.map_err(|error| {
        // The first error is the one to report, whether or not the leftover can be removed.
        let _ = fs::remove_file(&temporary);
        RunError::io("write", path, error)
    })
}

fn temporary_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()))
}

fn write_synced(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    // A file of this name was left by an earlier process of the same id, such as the first process of a container.
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

/// Makes the rename itself durable; only Unix lets a folder be synced.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("left.tmp");
        fs::write(&path, "longer than what comes").unwrap();
        write_synced(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("config.toml") && message.contains("free some space"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
