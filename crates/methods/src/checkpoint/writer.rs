//! Writing a checkpoint atomically.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use burn::module::Module;
use semivox_sampling::FeatureQueue;
use serde::Serialize;

use super::checksum::{Checksum, Checksums};
use super::state::{self, State};
use super::{PREFIX, Position, failed, list, remove_if_there};
use crate::error::MethodError;
use crate::optimizer::Optimizer;

const TEMPORARY: &str = "writing";

/// Writes the files of one checkpoint into a folder with a temporary name.
#[derive(Debug)]
pub struct CheckpointWriter {
    folder: PathBuf,
    names: Vec<String>,
}

impl CheckpointWriter {
    /// Writes a network's parameters and buffers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn module<M: Module>(&mut self, name: &str, module: &M) -> Result<(), MethodError> {
        let path = self.add(name, "bpk");
        // `valid` merges pending updates of running statistics; the record of a network in training
        // lacks the last one.
        let saved = module.valid().into_record().save(&path);
        saved.map_err(|e| failed(&path, e))
    }

    /// Writes an optimizer's state.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn optimizer(&mut self, name: &str, optimizer: &Optimizer) -> Result<(), MethodError> {
        let path = self.add(name, "bpk");
        optimizer.rule.save(&path).map_err(|e| failed(&path, e))
    }

    /// Writes a feature queue: `NAME.json` with its shape and pointer, `NAME.f32` with its values.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn queue(&mut self, name: &str, queue: &FeatureQueue) -> Result<(), MethodError> {
        let mut state = queue.to_state();
        let values = std::mem::take(&mut state.values);
        self.json(name, &state)?;
        self.values(name, &values)
    }

    /// Writes a value to `NAME.json`.
    ///
    /// # Errors
    /// If the file cannot be written, or the name is `state`, which is taken by `state.json`.
    pub fn json<T: Serialize>(&mut self, name: &str, value: &T) -> Result<(), MethodError> {
        let path = self.add(name, "json");
        if path.ends_with(state::NAME) {
            let reason = "expected another name than `state`, which is the checkpoint's own file; choose another in the method's `visit_state`";
            return Err(failed(&path, reason));
        }
        let json = serde_json::to_vec(value).map_err(|e| failed(&path, e))?;
        fs::write(&path, json).map_err(|e| failed(&path, e))
    }

    /// Writes 32-bit floats to `NAME.f32`, in little-endian order.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn values(&mut self, name: &str, values: &[f32]) -> Result<(), MethodError> {
        let path = self.add(name, "f32");
        let bytes: Vec<u8> = values.iter().copied().flat_map(f32::to_le_bytes).collect();
        fs::write(&path, bytes).map_err(|e| failed(&path, e))
    }

    /// Registers a file, whose checksum [`finish`](Self::finish) computes, and returns its path.
    fn add(&mut self, name: &str, ending: &str) -> PathBuf {
        let name = format!("{name}.{ending}");
        let path = self.folder.join(&name);
        self.names.push(name);
        path
    }

    /// Writes `state.json` with the checksums of all files, and waits until everything is on disk.
    fn finish(self, position: Position) -> Result<(), MethodError> {
        let mut checksums = Checksums::new();
        for name in self.names {
            let path = self.folder.join(&name);
            let checksum = Checksum::of_file(&path).map_err(|e| failed(&path, e))?;
            sync(&path)?;
            checksums.insert(name, checksum);
        }
        let path = self.folder.join(state::NAME);
        let text = State::new(position, checksums).sealed();
        let text = text.map_err(|e| failed(&path, e))?;
        fs::write(&path, text).map_err(|e| failed(&path, e))?;
        sync(&path)?;
        sync(&self.folder)
    }
}

/// Writes a checkpoint into `folder` (a run's `checkpoints/`) and removes all
/// but the newest two.
///
/// # Errors
/// If the checkpoint cannot be written; earlier checkpoints are then still there.
pub fn write(
    folder: &Path,
    position: Position,
    save: impl FnOnce(&mut CheckpointWriter) -> Result<(), MethodError>,
) -> Result<PathBuf, MethodError> {
    let temporary = folder.join(TEMPORARY);
    let target = folder.join(format!("{PREFIX}{:08}", position.step));
    if let Err(error) = write_files(&temporary, position, save) {
        // The failure itself is reported; removing the files only gives a full disk its space back.
        let _ = fs::remove_dir_all(&temporary);
        return Err(advised(error));
    }
    remove_if_there(&target)?;
    fs::rename(&temporary, &target).map_err(|e| failed(&target, e))?;
    sync(folder)?;
    for old in list(folder)?.into_iter().rev().skip(2) {
        remove_if_there(&old)?;
    }
    Ok(target)
}

fn advised(error: MethodError) -> MethodError {
    match error {
        MethodError::Checkpoint { path, reason } => MethodError::Checkpoint {
            path,
            reason: format!(
                "{reason}; the checkpoint before it is untouched: free some space or make the folder writable, then pass --resume"
            ),
        },
        other => other,
    }
}

/// Writes and syncs all files of a checkpoint.
fn write_files(
    temporary: &Path,
    position: Position,
    save: impl FnOnce(&mut CheckpointWriter) -> Result<(), MethodError>,
) -> Result<(), MethodError> {
    remove_if_there(temporary)?;
    fs::create_dir_all(temporary).map_err(|e| failed(temporary, e))?;
    let mut writer = CheckpointWriter {
        folder: temporary.to_path_buf(),
        names: Vec::new(),
    };
    save(&mut writer)?;
    writer.finish(position)
}

fn sync(path: &Path) -> Result<(), MethodError> {
    // Folders cannot be opened for syncing on Windows, where a rename is
    // durable without it.
    if cfg!(windows) && path.is_dir() {
        return Ok(());
    }
    // Windows syncs only files that are open for writing.
    let file = match path.is_dir() {
        true => File::open(path),
        false => OpenOptions::new().write(true).open(path),
    };
    let synced = file.and_then(|file| file.sync_all());
    synced.map_err(|e| failed(path, e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::save;
    use super::super::{CheckpointReader, newest};
    use super::*;
    use burn::nn::BatchNormConfig;
    use burn::prelude::*;

    #[test]
    fn the_newest_two_stay_and_the_newest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(newest(folder.path()).unwrap().is_none());
        for step in [5, 10, 100, 1_000] {
            save(folder.path(), step);
        }
        assert_eq!(list(folder.path()).unwrap().len(), 2);
        let newest = newest(folder.path()).unwrap().unwrap();
        let reader = CheckpointReader::open(newest).unwrap();
        assert_eq!(reader.position(), Position::new(1_000, 0));
    }

    #[test]
    fn copies_under_other_names_stay() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("step-00000005-best");
        fs::create_dir(&copy).unwrap();
        let last = [5, 10, 100].map(|step| save(folder.path(), step));
        assert_eq!(newest(folder.path()).unwrap().as_ref(), last.last());
        assert!(copy.exists());
    }

    #[test]
    fn a_write_that_fails_leaves_the_last_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let last = save(folder.path(), 5);
        let failure = || MethodError::setting("disk", "space", "none");
        let result = write(folder.path(), Position::new(6, 0), |_| Err(failure()));
        assert!(result.is_err());
        assert_eq!(newest(folder.path()).unwrap(), Some(last));
        assert!(
            !folder.path().join(TEMPORARY).exists(),
            "its files are gone"
        );
        save(folder.path(), 7);
        assert_eq!(
            list(folder.path()).unwrap().len(),
            2,
            "the remains do not disturb"
        );
    }

    #[test]
    fn the_checkpoints_own_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let position = Position::new(5, 0);
        let error = write(folder.path(), position, |w| w.json("state", &1)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("expected another name"), "{message}");
    }

    /// The record of a network in training lacks the last update of its running statistics.
    #[test]
    fn running_statistics_are_saved_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let device = crate::testing::device();
        let norm = BatchNormConfig::new(1).init(&device);
        let _ = norm.forward(Tensor::<3>::from_floats([[[1.0, 3.0]]], &device));
        let position = Position::new(1, 0);
        let checkpoint = write(folder.path(), position, |w| w.module("norm", &norm)).unwrap();
        let fresh = BatchNormConfig::new(1).init(&device);
        let loaded = CheckpointReader::open(checkpoint)
            .unwrap()
            .module("norm", fresh)
            .unwrap();
        let mean = loaded.running_mean.value().into_scalar::<f32>();
        assert!((mean - 0.2).abs() < 1e-6, "{mean}");
    }
}
