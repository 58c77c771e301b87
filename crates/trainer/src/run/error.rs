//! Errors of run folders.

use std::io;
use std::path::{Path, PathBuf};

use semivox_inference::FILE_NAME;

/// File name of the settings of a run, which marks its folder.
pub(super) const CONFIG: &str = "config.toml";

/// Describes what a folder holds in which a file was found.
fn occupant(found: &str) -> &'static str {
    match found {
        FILE_NAME => "a model",
        _ => "another run",
    }
}

/// A run folder that cannot be created, read or written.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::{RunError, folder::RunFolder};
///
/// let missing = RunFolder::open_existing("runs/never-made");
/// assert!(matches!(missing, Err(RunError::NotARun { .. })));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder for a new run holds another run.
    #[error(
        "{} holds {} ({found} found); choose another --out{}",
        path.display(),
        occupant(found),
        if *found == CONFIG { " or pass --resume" } else { "" }
    )]
    Occupied {
        /// The folder asked for.
        path: PathBuf,
        /// The file of the other run that was found.
        found: &'static str,
    },
    /// Another training is using the folder.
    #[error(
        "{}: expected a folder that no other training is using, found {holder}; \
         wait until it ends, stop it or choose another --out",
        path.display()
    )]
    Locked {
        /// The folder asked for.
        path: PathBuf,
        /// Description of the process that holds the lock.
        holder: String,
    },
    /// The folder holds no run to continue.
    #[error(
        "{} is not a run folder: expected {}, found none; give the folder that a training wrote",
        path.display(),
        path.join(CONFIG).display()
    )]
    NotARun {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The operating system reported an error, such as a full disk.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(action, source))]
    Io {
        /// The attempted action: "write", "read", "create folder".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file of the run folder is malformed.
    #[error("{}, line {line}: expected {expected}, found {found}; repair or delete the file", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: usize,
        /// The expected content.
        expected: &'static str,
        /// The parser's message.
        found: String,
    },
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

fn advice(action: &str, source: &io::Error) -> &'static str {
    match source.kind() {
        _ if action == "read" => "",
        io::ErrorKind::StorageFull => {
            "; free some space, then run the same command again; a training that had begun goes on with --resume"
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => "; choose a folder you may write to",
        _ => "",
    }
}
