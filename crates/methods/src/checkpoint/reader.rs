//! Reading a checkpoint, once its files have been verified by their checksums.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::prelude::Device;
use burn::store::ModuleRecord;
use semivox_sampling::{FeatureQueue, QueueState};
use serde::de::DeserializeOwned;

use super::checksum::{Refusal, verify};
use super::state::State;
use super::{Position, failed};
use crate::error::MethodError;
use crate::optimizer::Optimizer;

/// Reads the files of one checkpoint.
#[derive(Debug)]
pub struct CheckpointReader {
    folder: PathBuf,
    position: Position,
}

impl CheckpointReader {
    /// Opens the checkpoint in `folder` and verifies the checksums of all its files.
    ///
    /// # Errors
    /// If a file is missing, damaged or cannot be read, which the error names, or the checkpoint has the format of
    /// another version.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, MethodError> {
        Ok(Self::verified(folder.into())?)
    }

    /// Does the same as [`open`](Self::open), but tells damage from other errors.
    pub(super) fn verified(folder: PathBuf) -> Result<Self, Refusal> {
        let state = State::read(&folder)?;
        verify(&folder, &state.files)?;
        let position = state.position();
        Ok(Self { folder, position })
    }

    /// Returns the position of the run when the checkpoint was written.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Loads the saved parameters and buffers into `module`.
    ///
    /// # Errors
    /// If the file is missing or belongs to another network.
    pub fn module<M: Module>(&self, name: &str, module: M) -> Result<M, MethodError> {
        let path = self.path(name, "bpk");
        let record = ModuleRecord::load(&path).map_err(|e| unsuitable(&path, e))?;
        let loaded = module.try_load_record(record);
        loaded.map_err(|e| unsuitable(&path, e))
    }

    /// Loads the saved state into `optimizer`.
    ///
    /// # Errors
    /// If the file is missing or holds no optimizer state.
    pub fn optimizer(
        &self,
        name: &str,
        mut optimizer: Optimizer,
    ) -> Result<Optimizer, MethodError> {
        let path = self.path(name, "bpk");
        let loaded = optimizer.rule.load(&path);
        optimizer.rule = loaded.map_err(|e| unsuitable(&path, e))?;
        Ok(optimizer)
    }

    /// Restores a feature queue on `device`.
    ///
    /// # Errors
    /// If a file is missing or holds no queue.
    pub fn queue(&self, name: &str, device: &Device) -> Result<FeatureQueue, MethodError> {
        let mut state: QueueState = self.json(name)?;
        state.values = self.values(name)?;
        Ok(FeatureQueue::from_state(state, device)?)
    }

    /// Reads a value from `NAME.json`.
    ///
    /// # Errors
    /// If the file is missing or holds no value of this type.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, MethodError> {
        let path = self.path(name, "json");
        let text = fs::read(&path).map_err(|e| unsuitable(&path, e))?;
        serde_json::from_slice(&text).map_err(|e| unsuitable(&path, e))
    }

    /// Reads the 32-bit floats of `NAME.f32`.
    ///
    /// # Errors
    /// If the file is missing or its length is no multiple of 4 bytes.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, MethodError> {
        let path = self.path(name, "f32");
        let bytes = fs::read(&path).map_err(|e| unsuitable(&path, e))?;
        let (numbers, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            let found = bytes.len();
            return Err(unsuitable(
                &path,
                format_args!("{found} bytes, which is no multiple of 4"),
            ));
        }
        Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }
}

/// The error for an undamaged file that does not fit the network or method of the run's settings.
fn unsuitable(path: &Path, reason: impl std::fmt::Display) -> MethodError {
    // Burn's message lists every tensor on one line.
    let first: String = reason.to_string().chars().take(200).collect();
    let reason = format!(
        "expected the state of the network and method that config.toml describes, found another ({first}); \
         set them back to what the run was trained with"
    );
    failed(path, reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{linear, optimizer, save};
    use super::super::write;
    use super::*;
    use burn::tensor::Tensor;

    /// A checkpoint of every kind of file, and the names of its files.
    fn of_every_kind(folder: &Path) -> (PathBuf, Vec<String>) {
        let device = Device::flex();
        let mut queue = FeatureQueue::new(4, &[3], 1, "test", &device).unwrap();
        queue.enqueue(Tensor::<2>::ones([2, 3], &device)).unwrap();
        let checkpoint = write(folder, Position::new(5, 1), |writer| {
            writer.module("student", &linear(2))?;
            writer.optimizer("optimizer", &optimizer())?;
            writer.queue("bank", &queue)
        });
        let checkpoint = checkpoint.unwrap();
        let entries = fs::read_dir(&checkpoint).unwrap();
        let names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 5);
        (checkpoint, names)
    }

    /// Asserts that a checkpoint is refused with the name of the damaged file.
    #[track_caller]
    fn assert_refused(checkpoint: &Path, name: &str) -> String {
        let error = CheckpointReader::open(checkpoint).unwrap_err();
        let MethodError::Checkpoint { path, reason } = error else {
            panic!("{error}");
        };
        assert_eq!(path, checkpoint.join(name), "{reason}");
        assert!(
            reason.contains("expected") && reason.contains("found"),
            "{reason}"
        );
        reason
    }

    /// All bits of the first, the last and every hundredth byte, and all of the small files.
    #[test]
    fn a_flipped_bit_of_any_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, names) = of_every_kind(folder.path());
        for name in &names {
            let path = checkpoint.join(name);
            let whole = fs::read(&path).unwrap();
            let stride = if whole.len() > 2_000 { 100 } else { 1 };
            for at in (0..whole.len()).step_by(stride).chain([whole.len() - 1]) {
                for bit in 0..8 {
                    let mut bytes = whole.clone();
                    bytes[at] ^= 1 << bit;
                    fs::write(&path, bytes).unwrap();
                    assert_refused(&checkpoint, name);
                }
            }
            fs::write(&path, whole).unwrap();
            CheckpointReader::open(&checkpoint).unwrap();
        }
    }

    #[test]
    fn a_truncated_or_missing_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, names) = of_every_kind(folder.path());
        for name in &names {
            let path = checkpoint.join(name);
            let whole = fs::read(&path).unwrap();
            for length in [0, 1, whole.len() / 2, whole.len() - 1] {
                fs::write(&path, &whole[..length]).unwrap();
                assert_refused(&checkpoint, name);
            }
            fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
            assert_refused(&checkpoint, name);
            fs::remove_file(&path).unwrap();
            assert_refused(&checkpoint, name);
            fs::write(&path, whole).unwrap();
        }
        CheckpointReader::open(&checkpoint).unwrap();
    }

    #[test]
    fn the_sentence_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, _) = of_every_kind(folder.path());
        fs::write(checkpoint.join("student.bpk"), "12").unwrap();
        let reason = assert_refused(&checkpoint, "student.bpk");
        let checksum = format!("found 2 bytes with checksum {:08x}", crc32c::crc32c(b"12"));
        assert!(reason.contains(&checksum), "{reason}");
        assert!(
            reason.contains("remove the checkpoint's folder"),
            "{reason}"
        );
    }

    #[test]
    fn another_format_is_told_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, _) = of_every_kind(folder.path());
        let state = r#"{"format":2,"step":5,"stage":1}"#;
        fs::write(checkpoint.join("state.json"), state).unwrap();
        let reason = assert_refused(&checkpoint, "state.json");
        assert_eq!(
            reason,
            "expected format 4, found 2; resume with the version of Semivox that wrote it, or start a new run in another --out"
        );
    }

    #[test]
    fn another_networks_record_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let reader = CheckpointReader::open(save(folder.path(), 5)).unwrap();
        reader.module("net", linear(2)).unwrap();
        let message = reader.module("net", linear(3)).unwrap_err().to_string();
        assert!(message.contains("net.bpk") && message.contains("config.toml"));
        let message = reader.module("other", linear(2)).unwrap_err().to_string();
        assert!(message.contains("other.bpk"), "{message}");
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = write(folder.path(), Position::new(5, 0), |writer| {
            writer.optimizer("net", &optimizer())?;
            writer.json("bank", &"no queue")
        });
        let checkpoint = checkpoint.unwrap();
        fs::write(checkpoint.join("odd.f32"), [0; 9]).unwrap();
        let reader = CheckpointReader::open(checkpoint).unwrap();
        let messages = [
            reader.module("net", linear(2)).unwrap_err(),
            reader.queue("bank", &Device::flex()).unwrap_err(),
            reader.values("odd").unwrap_err(),
        ];
        let files = ["net.bpk", "bank.json", "odd.f32"];
        for (message, file) in messages.iter().zip(files) {
            assert!(message.to_string().contains(file), "{message}");
        }
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
        let reader = CheckpointReader::open(checkpoint).unwrap();
        assert_eq!(
            reader.queue("bank", &device).unwrap().to_state(),
            queue.to_state()
        );
    }
}
