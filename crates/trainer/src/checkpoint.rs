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

use std::fs::{self, File, OpenOptions};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use semivox_sampling::{FeatureQueue, QueueState};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::optimizer::Optimizer;
use semivox_inference::panics::catch;

const FORMAT: u32 = 2;
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
    pub fn optimizer(&mut self, name: &str, optimizer: &Optimizer) -> Result<(), TrainError> {
        let path = self.path(name);
        optimizer.rule.save(&path).map_err(|e| failed(&path, e))
    }

    /// Writes a feature queue: `NAME.json` with its shape and pointer, `NAME.f32` with its values.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn queue(&mut self, name: &str, queue: &FeatureQueue) -> Result<(), TrainError> {
        let mut state = queue.to_state();
        let values = std::mem::take(&mut state.values);
        self.json(name, &state)?;
        self.values(name, &values)
    }

    /// Writes `NAME.json`.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn json<T: Serialize>(&mut self, name: &str, value: &T) -> Result<(), TrainError> {
        let path = json_path(&self.folder, name);
        let json = serde_json::to_vec(value).map_err(|e| failed(&path, e))?;
        fs::write(&path, json).map_err(|e| failed(&path, e))
    }

    /// Writes numbers bit by bit, in little-endian order: `NAME.f32`.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn values(&mut self, name: &str, values: &[f32]) -> Result<(), TrainError> {
        let path = values_path(&self.folder, name);
        let bytes: Vec<u8> = values.iter().copied().flat_map(f32::to_le_bytes).collect();
        fs::write(&path, bytes).map_err(|e| failed(&path, e))
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
        let record = ModuleRecord::load(&path).map_err(|e| damaged(&path, e))?;
        module.try_load_record(record).map_err(|e| {
            // Burn lists every tensor, on one line.
            let first: String = e.to_string().chars().take(200).collect();
            let reason = format!(
                "expected the weights of the network that config.toml describes, found others ({first}); \
                 set its network and method back to what the run was trained with"
            );
            failed(&path, reason)
        })
    }

    /// Loads the saved state into `optimizer`.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn optimizer(&self, name: &str, mut optimizer: Optimizer) -> Result<Optimizer, TrainError> {
        let path = self.path(name);
        // Burn panics on a record whose names were damaged.
        let load = AssertUnwindSafe(|| optimizer.rule.clone().load(&path));
        let loaded = catch(load).map_err(|e| damaged(&path, e))?;
        optimizer.rule = loaded.map_err(|e| damaged(&path, e))?;
        Ok(optimizer)
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
        let mut state: QueueState = self.json(name)?;
        state.values = self.values(name)?;
        Ok(FeatureQueue::from_state(state, device)?)
    }

    /// Reads `NAME.json`.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, TrainError> {
        let path = json_path(&self.folder, name);
        let text = fs::read(&path).map_err(|e| failed(&path, e))?;
        serde_json::from_slice(&text).map_err(|e| failed(&path, e))
    }

    /// Reads the numbers of `NAME.f32`.
    ///
    /// # Errors
    /// If the file is missing or cut short.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, TrainError> {
        let path = values_path(&self.folder, name);
        let bytes = fs::read(&path).map_err(|e| failed(&path, e))?;
        let (numbers, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            let found = bytes.len();
            let reason = format!("expected 4 bytes a value, found {found} bytes; it is cut short");
            return Err(failed(&path, reason));
        }
        Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
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
    if let Err(error) = write_files(&temporary, position, save) {
        // What failed is already an error; a full disk gets back what it can.
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

fn advised(error: TrainError) -> TrainError {
    match error {
        TrainError::Checkpoint { path, reason } => TrainError::Checkpoint {
            path,
            reason: format!(
                "{reason}; the checkpoint before it is untouched: free some space or mend the folder, then pass --resume"
            ),
        },
        other => other,
    }
}

/// All files of a checkpoint, synced.
fn write_files(
    temporary: &Path,
    position: Position,
    save: impl FnOnce(&mut CheckpointWriter) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    remove_if_there(temporary)?;
    fs::create_dir_all(temporary).map_err(|e| failed(temporary, e))?;
    let mut writer = CheckpointWriter {
        folder: temporary.to_path_buf(),
    };
    save(&mut writer)?;
    let state = temporary.join("state.json");
    let json = serde_json::to_vec_pretty(&position).map_err(|e| failed(&state, e))?;
    fs::write(&state, json).map_err(|e| failed(&state, e))?;
    sync_files(temporary)
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
            let step = name.and_then(|n| n.strip_prefix(PREFIX));
            // Copies that people made under names of their own are theirs.
            step.is_some_and(|step| !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn json_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn values_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.f32"))
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
    // Windows syncs only what may be written.
    let file = match path.is_dir() {
        true => File::open(path),
        false => OpenOptions::new().write(true).open(path),
    };
    let synced = file.and_then(|file| file.sync_all());
    synced.map_err(|e| failed(path, e))
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> TrainError {
    let reason = format!(
        "expected a whole checkpoint, found a damaged file ({reason}); remove its folder, so that the one before it counts"
    );
    failed(path, reason)
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::{BatchNormConfig, LinearConfig};
    use burn::prelude::*;

    fn save(folder: &Path, step: u64) -> PathBuf {
        let module = LinearConfig::new(2, 2).init(&Device::flex());
        write(folder, Position::new(step, 0), |w| w.module("net", &module)).unwrap()
    }

    #[test]
    fn the_newest_two_stay_and_the_newest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(newest(folder.path()).unwrap().is_none());
        for step in [5, 10, 100, 1_000] {
            save(folder.path(), step);
        }
        assert_eq!(list(folder.path()).unwrap().len(), 2);
        let reader = CheckpointReader::new(newest(folder.path()).unwrap().unwrap());
        assert_eq!(reader.position().unwrap(), Position::new(1_000, 0));
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
        let failure = || TrainError::Config("full disk".into());
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
    fn damage_is_told_by_file() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = save(folder.path(), 5);
        let net = checkpoint.join("net.bpk");
        let bytes = fs::read(&net).unwrap();
        fs::write(&net, &bytes[..bytes.len() / 2]).unwrap();
        let module = LinearConfig::new(2, 2).init(&Device::flex());
        let reader = CheckpointReader::new(checkpoint);
        let message = reader.module("net", module).unwrap_err().to_string();
        assert!(message.contains("net.bpk"), "{message}");
    }

    #[test]
    fn queues_come_back_bit_equal() {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::flex();
        let mut queue = FeatureQueue::new(4, &[3], 1, "test", &device).unwrap();
        let rows = Tensor::<2>::from_floats([[0.1, f32::MIN_POSITIVE, -1e30]], &device);
        queue.enqueue(rows).unwrap();
        let position = Position::new(1, 0);
        let checkpoint = write(folder.path(), position, |w| w.queue("bank", &queue)).unwrap();
        let reader = CheckpointReader::new(&checkpoint);
        assert_eq!(
            reader.queue("bank", &device).unwrap().to_state(),
            queue.to_state()
        );
        fs::write(checkpoint.join("bank.f32"), [0; 9]).unwrap();
        let message = reader.queue("bank", &device).unwrap_err().to_string();
        assert!(message.contains("bank.f32"), "{message}");
    }

    /// A plain record of a network in training lags one update behind.
    #[test]
    fn running_statistics_are_saved_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig::new(1).init(&device);
        let _ = norm.forward(Tensor::<3>::from_floats([[[1.0, 3.0]]], &device));
        let position = Position::new(1, 0);
        let checkpoint = write(folder.path(), position, |w| w.module("norm", &norm)).unwrap();
        let fresh = BatchNormConfig::new(1).init(&device);
        let loaded = CheckpointReader::new(checkpoint)
            .module("norm", fresh)
            .unwrap();
        let mean = loaded.running_mean.value().into_scalar::<f32>();
        assert!((mean - 0.2).abs() < 1e-6, "{mean}");
    }
}
