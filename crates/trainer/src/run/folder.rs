//! The folder of one run.

use std::fs;
use std::path::{Path, PathBuf};

use semivox_inference::FILE_NAME;

use super::RunError;
use super::error::CONFIG;
use super::lock::RunLock;

pub use super::atomic::{make_writable, write_atomic, write_atomic_with};

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
        match (lock, run.expect_free()) {
            (Err(locked @ RunError::Locked { .. }), _) => Err(locked),
            (_, Err(occupied)) => Err(occupied),
            (lock, Ok(())) => {
                let lock = lock?;
                run.make_subfolders()?;
                make_writable(&run.root)?;
                Ok((run, lock))
            }
        }
    }

    /// Fails if the folder cannot become that of a new run, as it holds another; it is neither created nor kept locked.
    ///
    /// # Errors
    ///
    /// [`RunError::Occupied`] if it holds another run, [`RunError::Locked`] if a training is using that run.
    pub fn expect_new(path: impl AsRef<Path>) -> Result<(), RunError> {
        let run = Self {
            root: path.as_ref().to_path_buf(),
        };
        run.expect_free()
            .map_err(|occupied| match RunLock::acquire(&run.root) {
                Err(locked @ RunError::Locked { .. }) => locked,
                _ => occupied,
            })
    }

    fn expect_free(&self) -> Result<(), RunError> {
        match self.traces_of_a_run() {
            None => Ok(()),
            Some(found) => Err(RunError::Occupied {
                path: self.root.clone(),
                found,
            }),
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
        self.root.join(CONFIG)
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
        let files = [
            CONFIG,
            "metrics.jsonl",
            "evaluation.json",
            "validation.json",
            // Also that of an imported model, which the first checkpoint would replace.
            FILE_NAME,
        ];
        let mut files = files.into_iter();
        let file = files.find(|name| self.root.join(name).exists());
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

#[cfg(test)]
mod tests;
