//! Checkpoints: the complete state of a run in one folder, written atomically.
//!
//! ```text
//! checkpoints/step-00000400/
//!   state.json      step, stage, format
//!   student.bpk …   one file per network, optimizer or queue, as the recipe names them
//! ```
//!
//! A checkpoint is written under a temporary name, every file and the folder
//! are synced, and only then is the folder renamed. A killed run therefore
//! leaves either the whole checkpoint or none, and the one before it stays.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use semivox_sampling::{FeatureQueue, QueueState};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

const FORMAT: u32 = 1;
const PREFIX: &str = "step-";
const TEMPORARY: &str = "writing";

/// Where the run stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Version of the layout.
    pub format: u32,
    /// Steps done.
    pub step: u64,
    /// Stage of the last step done.
    pub stage: usize,
}

impl Position {
    /// After `step` steps, the last one in `stage`.
    pub fn new(step: u64, stage: usize) -> Self {
        Self {
            format: FORMAT,
            step,
            stage,
        }
    }
}

/// Collects the files of one checkpoint under a temporary name.
#[derive(Debug)]
pub struct CheckpointWriter {
    folder: PathBuf,
}

impl CheckpointWriter {
    /// Writes a network's parameters and buffers.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn module<M: Module>(&mut self, name: &str, module: &M) -> Result<(), TrainError> {
        let path = self.path(name);
        // `valid` merges pending updates of running statistics, which a plain
        // record of a network in training would lag behind.
        let saved = module.valid().into_record().save(&path);
        saved.map_err(|e| failed(&path, e))
    }

    /// Writes an optimizer's state.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn optimizer(&mut self, name: &str, optimizer: &ModuleOptimizer) -> Result<(), TrainError> {
        let path = self.path(name);
        optimizer.save(&path).map_err(|e| failed(&path, e))
    }

    /// Writes a feature queue.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn queue(&mut self, name: &str, queue: &FeatureQueue) -> Result<(), TrainError> {
        let path = self.folder.join(format!("{name}.json"));
        let json = serde_json::to_vec(&queue.to_state()).map_err(|e| failed(&path, e))?;
        fs::write(&path, json).map_err(|e| failed(&path, e))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bpk"))
    }
}

/// Reads the files of one checkpoint.
#[derive(Debug)]
pub struct CheckpointReader {
    folder: PathBuf,
}

impl CheckpointReader {
    /// A reader of the checkpoint in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The saved position.
    ///
    /// # Errors
    /// If the file is missing, damaged or of another format.
    pub fn position(&self) -> Result<Position, TrainError> {
        let path = self.folder.join("state.json");
        let text = fs::read(&path).map_err(|e| failed(&path, e))?;
        let position: Position = serde_json::from_slice(&text).map_err(|e| failed(&path, e))?;
        if position.format != FORMAT {
            let found = position.format;
            let reason = format!("expected format {FORMAT}, found {found}; start a new run");
            return Err(failed(&path, reason));
        }
        Ok(position)
    }

    /// Loads the saved parameters and buffers into `module`.
    ///
    /// # Errors
    /// If the file is missing, damaged or of another network.
    pub fn module<M: Module>(&self, name: &str, module: M) -> Result<M, TrainError> {
        let path = self.path(name);
        let record = ModuleRecord::load(&path).map_err(|e| failed(&path, e))?;
        module.try_load_record(record).map_err(|e| failed(&path, e))
    }

    /// Loads the saved state into `optimizer`.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn optimizer(
        &self,
        name: &str,
        optimizer: ModuleOptimizer,
    ) -> Result<ModuleOptimizer, TrainError> {
        let path = self.path(name);
        optimizer.load(&path).map_err(|e| failed(&path, e))
    }

    /// Restores a feature queue on `device`.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn queue(
        &self,
        name: &str,
        device: &burn::prelude::Device,
    ) -> Result<FeatureQueue, TrainError> {
        let path = self.folder.join(format!("{name}.json"));
        let text = fs::read(&path).map_err(|e| failed(&path, e))?;
        let state: QueueState = serde_json::from_slice(&text).map_err(|e| failed(&path, e))?;
        Ok(FeatureQueue::from_state(state, device)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bpk"))
    }
}

/// Writes a checkpoint into `folder` (a run's `checkpoints/`) and removes all
/// but the newest two.
///
/// # Errors
/// If the disk does not take it; earlier checkpoints are then still there.
pub fn write(
    folder: &Path,
    position: Position,
    save: impl FnOnce(&mut CheckpointWriter) -> Result<(), TrainError>,
) -> Result<PathBuf, TrainError> {
    let temporary = folder.join(TEMPORARY);
    let target = folder.join(format!("{PREFIX}{:08}", position.step));
    remove_if_there(&temporary)?;
    fs::create_dir_all(&temporary).map_err(|e| failed(&temporary, e))?;
    let mut writer = CheckpointWriter {
        folder: temporary.clone(),
    };
    save(&mut writer)?;
    let state = temporary.join("state.json");
    let json = serde_json::to_vec_pretty(&position).map_err(|e| failed(&state, e))?;
    fs::write(&state, json).map_err(|e| failed(&state, e))?;
    sync_files(&temporary)?;
    remove_if_there(&target)?;
    fs::rename(&temporary, &target).map_err(|e| failed(&target, e))?;
    sync(folder)?;
    for old in list(folder)?.into_iter().rev().skip(2) {
        remove_if_there(&old)?;
    }
    Ok(target)
}

/// The newest checkpoint in `folder`, if there is one.
///
/// # Errors
/// If the folder cannot be read.
pub fn newest(folder: &Path) -> Result<Option<PathBuf>, TrainError> {
    Ok(list(folder)?.pop())
}

/// Complete checkpoints, oldest first; the fixed-width step makes names sort.
fn list(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|e| failed(folder, e))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|n| n.to_str());
            name.is_some_and(|n| n.starts_with(PREFIX))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn remove_if_there(folder: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(folder, e)),
        _ => Ok(()),
    }
}

fn sync_files(folder: &Path) -> Result<(), TrainError> {
    for entry in fs::read_dir(folder).map_err(|e| failed(folder, e))? {
        sync(&entry.map_err(|e| failed(folder, e))?.path())?;
    }
    sync(folder)
}

fn sync(path: &Path) -> Result<(), TrainError> {
    // Folders cannot be opened for syncing on Windows, where a rename is
    // durable without it.
    if cfg!(windows) && path.is_dir() {
        return Ok(());
    }
    let file = File::open(path).map_err(|e| failed(path, e))?;
    file.sync_all().map_err(|e| failed(path, e))
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
