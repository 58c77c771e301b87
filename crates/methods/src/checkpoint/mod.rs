//! Checkpoints: the complete state of a run in one folder, written atomically.
//!
//! ```text
//! checkpoints/step-00000400/
//!   state.json      format, step, stage, length and CRC-32C of every file
//!   student.bpk …   one file per network, optimizer or queue, as the stage's state names them
//! ```
//!
//! A checkpoint is written under a temporary name, every file and the folder
//! are synced, and only then is the folder renamed. A killed run therefore
//! leaves either the whole checkpoint or none, and the one before it stays.
//! Later damage by a disk or a copy is found by the checksums before
//! anything is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::MethodError;

mod checksum;
mod reader;
mod recovery;
mod state;
mod visitor;
mod writer;

pub use reader::CheckpointReader;
pub use recovery::newest_whole;
pub use visitor::StateVisitor;
pub use writer::{CheckpointWriter, write};

const PREFIX: &str = "step-";

/// Position of a run: the number of steps done, and the stage of the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number of steps done.
    pub step: u64,
    /// Stage of the last step done.
    pub stage: usize,
}

impl Position {
    /// Creates the position after `step` steps, the last of them in `stage`.
    pub fn new(step: u64, stage: usize) -> Self {
        Self { step, stage }
    }
}

/// Returns the newest checkpoint in `folder`, if there is one.
///
/// # Errors
/// If the folder cannot be read.
pub fn newest(folder: &Path) -> Result<Option<PathBuf>, MethodError> {
    Ok(list(folder)?.pop())
}

/// Lists complete checkpoints, oldest first; names sort by step, as the step has a fixed width in them.
fn list(folder: &Path) -> Result<Vec<PathBuf>, MethodError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|e| failed(folder, e))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|n| n.to_str());
            let step = name.and_then(|n| n.strip_prefix(PREFIX));
            // Folders with other names, such as a copy that a person made, are not ours to use or remove.
            step.is_some_and(|step| !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn remove_if_there(folder: &Path) -> Result<(), MethodError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(folder, e)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> MethodError {
    MethodError::Checkpoint {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::GradientsParams;
    use burn::prelude::*;

    use crate::optimizer::{Optimizer, OptimizerConfig};

    pub(super) fn linear(inputs: usize) -> Linear {
        LinearConfig::new(inputs, 2).init(&crate::testing::device().inner())
    }

    /// Creates an optimizer with momentum, whose state has to be saved.
    pub(super) fn optimizer() -> Optimizer {
        let device = crate::testing::device();
        let module = LinearConfig::new(2, 2).init(&device);
        let loss = module.forward(Tensor::<2>::ones([1, 2], &device)).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &module);
        let mut optimizer = OptimizerConfig::default().init();
        optimizer.step(0.1, module, gradients);
        optimizer
    }

    /// Writes a checkpoint of one small network and returns its folder.
    pub(super) fn save(folder: &Path, step: u64) -> PathBuf {
        write(folder, Position::new(step, 0), |w| {
            w.module("net", &linear(2))
        })
        .unwrap()
    }
}
