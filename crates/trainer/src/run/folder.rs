//! The folder of one run, and atomic writing of files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::RunError;
use super::lock::RunLock;

/// The folder of one training run.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::folder::RunFolder;
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("first");
/// let run = RunFolder::create(&path)?;
/// run.write_config("seed = 1\n")?;
/// assert!(RunFolder::create(&path).is_err()); // never overwrites a run
/// assert_eq!(RunFolder::open_existing(&path)?, run); // but can continue it
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Creates the folder of a new run, with its parents and subfolders.
    ///
    /// An existing folder is used if it holds no run.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn create(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::begin(path).map(|(run, _)| run)
    }

    /// Creates the folder of a new run, like [`create`](Self::create), and locks it: of two
    /// programs that begin a run in one folder at the same time, one is refused.
    ///
    /// # Errors
    ///
    /// [`RunError::Locked`] if a training is using the folder,
    /// [`RunError::Occupied`] if it holds another run, [`RunError::Io`] with
    /// the path and the system's reason if it cannot be created or written.
    pub fn begin(path: impl AsRef<Path>) -> Result<(Self, RunLock), RunError> {
        let root = path.as_ref().to_path_buf();
        fs::create_dir_all(&root).map_err(|error| RunError::io("create folder", &root, error))?;
        // Locked before checking: otherwise two programs could both find the folder free.
        let lock = RunLock::acquire(&root);
        let run = Self { root };
        match (lock, run.traces_of_a_run()) {
            (Err(locked @ RunError::Locked { .. }), _) => Err(locked),
            (_, Some(found)) => Err(RunError::Occupied {
                path: run.root,
                found,
            }),
            (lock, None) => {
                let lock = lock?;
                run.make_subfolders()?;
                make_writable(&run.root)?;
                Ok((run, lock))
            }
        }
    }

    /// Opens the folder of an earlier run, to continue or evaluate it.
    ///
    /// # Errors
    ///
    /// [`RunError::NotARun`] if there is no `config.toml` in it.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let run = Self {
            root: path.as_ref().to_path_buf(),
        };
        if !run.config().is_file() {
            return Err(RunError::NotARun { path: run.root });
        }
        Ok(run)
    }

    /// Returns the path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of `config.toml`: every setting, resolved.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Returns the path of `metrics.jsonl`: one JSON object per logged step.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// Returns the path of `cases.json`: the names of the cases, in order.
    pub fn cases(&self) -> PathBuf {
        self.root.join("cases.json")
    }

    /// Returns the path of `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Returns the path of `predictions/`.
    pub fn predictions(&self) -> PathBuf {
        self.root.join("predictions")
    }

    /// Returns the path of `evaluation.json`.
    pub fn evaluation(&self) -> PathBuf {
        self.root.join("evaluation.json")
    }

    /// Returns the path of `validation.json`: metrics on the labeled cases of `data.validation`.
    pub fn validation(&self) -> PathBuf {
        self.root.join("validation.json")
    }

    /// Returns the path of `report.html`.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// Writes `config.toml`, which marks the folder as a run.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn write_config(&self, toml: &str) -> Result<(), RunError> {
        write_atomic(&self.config(), toml.as_bytes())
    }

    /// Reads the text of `config.toml`.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn read_config(&self) -> Result<String, RunError> {
        let path = self.config();
        fs::read_to_string(&path).map_err(|error| RunError::io("read", &path, error))
    }

    fn traces_of_a_run(&self) -> Option<&'static str> {
        let file = ["config.toml", "metrics.jsonl", "evaluation.json"]
            .into_iter()
            .find(|name| self.root.join(name).exists());
        // A new run would continue from a checkpoint found there.
        let saved = fs::read_dir(self.checkpoints()).is_ok_and(|mut found| found.next().is_some());
        file.or(saved.then_some("checkpoints"))
    }

    /// Creates `checkpoints/` and `predictions/` if they are missing, as git does not keep empty folders.
    pub(crate) fn make_subfolders(&self) -> Result<(), RunError> {
        for folder in [&self.root, &self.checkpoints(), &self.predictions()] {
            fs::create_dir_all(folder)
                .map_err(|error| RunError::io("create folder", folder, error))?;
        }
        Ok(())
    }
}

fn in_folder(error: RunError, folder: &Path) -> RunError {
    match error {
        RunError::Io { source, .. } => RunError::io("write in", folder, source),
        other => other,
    }
}

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
mod tests;
