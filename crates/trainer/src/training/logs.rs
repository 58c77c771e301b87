//! The two logs of a run, kept in step with its checkpoints.

use crate::error::TrainError;
use crate::run::folder::RunFolder;
use crate::run::metrics_log::{MetricsLog, MetricsRow};
use crate::run::tfevents::EventWriter;

/// The two logs of a run, `metrics.jsonl` and the TensorBoard events.
pub(super) struct Log {
    rows: MetricsLog,
    events: EventWriter,
}

impl Log {
    pub(super) fn open(run: &RunFolder, done: u64) -> Result<Self, TrainError> {
        let mut rows = MetricsLog::open(run.metrics())?;
        rows.truncate_after(done)?;
        // Steps after the checkpoint, logged before an interruption, are dropped here too.
        let events = EventWriter::resume(run.root(), done)?;
        Ok(Self { rows, events })
    }

    pub(super) fn append(&mut self, row: &MetricsRow) -> Result<(), TrainError> {
        self.rows.append(row)?;
        self.events.row(row)?;
        Ok(())
    }

    /// Waits until all rows are on disk.
    pub(super) fn sync(&self) -> Result<(), TrainError> {
        Ok(self.rows.sync()?)
    }
}
