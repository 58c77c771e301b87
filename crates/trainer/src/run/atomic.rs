//! Replacing files of a run's folder as a whole, and the check that a folder can be written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

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
    semivox_data::io::replace_file(path, write).map_err(|error| RunError::io("write", path, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
