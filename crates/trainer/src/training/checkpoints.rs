//! Checkpoints of a training: written together with the model of the student, and restored to resume it.

use semivox_methods::checkpoint::{self, CheckpointReader, Position};
use semivox_methods::finite::is_finite;
use semivox_methods::method::Method;
use semivox_methods::plan::StagePlan;

use super::Training;
use super::logs::Log;
use crate::error::TrainError;

impl Training<'_> {
    /// Saves the log, then a checkpoint and the model: a checkpoint on disk never has steps that the log lacks.
    pub(super) fn save(
        &self,
        method: &Method,
        log: &Log,
        step: u64,
        stage: usize,
    ) -> Result<(), TrainError> {
        log.sync()?;
        if !is_finite(method.network()) {
            return Err(TrainError::NonFiniteWeights { step });
        }
        let position = Position::new(step, stage);
        checkpoint::write(&self.run.checkpoints(), position, |w| method.save(w))?;
        self.save_model(method)
    }

    /// Writes the model of the student, with the fingerprints of its training scans, to the run folder.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn save_model(&self, method: &Method) -> Result<(), TrainError> {
        let model = self.config.model(method.network(), &self.device)?;
        let data = self.set.training_data(&method.stages());
        model.with_training_data(data).save(self.run.root())?;
        Ok(())
    }
}

/// Restores a method's state from a checkpoint; returns the checkpoint's position.
pub(super) fn restore(
    checkpoint: &CheckpointReader,
    method: &mut Method,
) -> Result<Position, TrainError> {
    let position = checkpoint.position();
    expect_stage(&method.stages(), position)?;
    method.begin_stage(position.stage)?;
    method.load(checkpoint)?;
    Ok(position)
}

/// Checks that the stage of a checkpoint contains its step: with other stage lengths than the run began with, the
/// training would continue in another stage.
fn expect_stage(stages: &[StagePlan], position: Position) -> Result<(), TrainError> {
    let first: u64 = stages.iter().take(position.stage).map(|s| s.steps).sum();
    let steps = stages.get(position.stage).map_or(0, |stage| stage.steps);
    if (first + 1..=first + steps).contains(&position.step) {
        return Ok(());
    }
    Err(TrainError::setting(
        "method.iterations",
        format!(
            "those that the run began with, as its checkpoint of step {} lies in stage {} of the method",
            position.step,
            position.stage + 1
        ),
        format!("{} to {} for that stage", first + 1, first + steps),
        "set them back, or start a new run in another --out",
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// With stages of 3 and 2 steps, step 3 is the last of the first stage and does not belong to the second.
    #[test]
    fn a_checkpoint_of_another_stage_is_refused() {
        let stages = [3, 2].map(|steps| StagePlan::weak("one", steps, [1, 0]));
        let check = |step, stage| expect_stage(&stages, Position::new(step, stage));
        for (step, stage) in [(1, 0), (3, 0), (4, 1), (5, 1)] {
            check(step, stage).unwrap();
        }
        let message = check(4, 0).unwrap_err().to_string();
        assert!(message.contains("step 4 lies in stage 1") && message.contains("1 to 3"));
        for (step, stage) in [(6, 1), (2, 1), (3, 1), (1, 2), (5, 2)] {
            assert!(check(step, stage).is_err(), "{step} in {stage}");
        }
    }
}
