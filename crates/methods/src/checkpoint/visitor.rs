//! A visitor that saves or loads the state of a stage.

use burn::module::Module;
use burn::prelude::Device;
use semivox_sampling::{ClassCenters, FeatureQueue, LabeledQueue};

use super::{CheckpointReader, CheckpointWriter};
use crate::error::MethodError;

/// Saves the parts of a [`State`](crate::stage::State) to a checkpoint, or loads them from one.
///
/// Both directions go through the same list of parts, so that no part is saved without being loaded.
pub struct StateVisitor<'a>(Direction<'a>);

enum Direction<'a> {
    Saving(&'a mut CheckpointWriter),
    Loading(&'a CheckpointReader, &'a Device),
}

impl<'a> StateVisitor<'a> {
    /// Creates a visitor that writes the parts to a checkpoint.
    pub(crate) fn saving(checkpoint: &'a mut CheckpointWriter) -> Self {
        Self(Direction::Saving(checkpoint))
    }

    /// Creates a visitor that overwrites the parts with those of a checkpoint.
    pub(crate) fn loading(checkpoint: &'a CheckpointReader, device: &'a Device) -> Self {
        Self(Direction::Loading(checkpoint, device))
    }

    /// Saves or loads the parameters and buffers of a module.
    ///
    /// # Errors
    /// If they cannot be written, or the checkpoint lacks them or holds those of another module.
    pub fn module<M: Module>(&mut self, name: &str, module: &mut M) -> Result<(), MethodError> {
        match &mut self.0 {
            Direction::Saving(checkpoint) => checkpoint.module(name, module),
            Direction::Loading(checkpoint, _) => {
                *module = checkpoint.module(name, module.clone())?;
                Ok(())
            }
        }
    }

    /// Saves or loads the entries of a memory bank.
    ///
    /// # Errors
    /// As [`module`](Self::module).
    pub fn queue(&mut self, name: &str, queue: &mut FeatureQueue) -> Result<(), MethodError> {
        match &mut self.0 {
            Direction::Saving(checkpoint) => checkpoint.queue(name, queue),
            Direction::Loading(checkpoint, device) => {
                *queue = checkpoint.queue(name, device)?;
                Ok(())
            }
        }
    }

    /// Saves or loads the entries of a memory bank and their classes, each under its own name.
    ///
    /// # Errors
    /// As [`module`](Self::module).
    pub fn labeled_queue(
        &mut self,
        [features, labels]: [&str; 2],
        queue: &mut LabeledQueue,
    ) -> Result<(), MethodError> {
        match &mut self.0 {
            Direction::Saving(checkpoint) => {
                checkpoint.queue(features, queue.features())?;
                checkpoint.json(labels, &queue.labels())
            }
            Direction::Loading(checkpoint, device) => {
                let features = checkpoint.queue(features, device)?;
                *queue = LabeledQueue::from_parts(features, checkpoint.json(labels)?)?;
                Ok(())
            }
        }
    }

    /// Saves or loads running class centers.
    ///
    /// # Errors
    /// As [`module`](Self::module).
    pub fn centers(&mut self, name: &str, centers: &mut ClassCenters) -> Result<(), MethodError> {
        match &mut self.0 {
            Direction::Saving(checkpoint) => checkpoint.values(name, centers.running()),
            Direction::Loading(checkpoint, _) => Ok(centers.restore(checkpoint.values(name)?)?),
        }
    }
}
