//! Events of a run.

use crate::run::metrics_log::MetricsRow;
use semivox_methods::plan::StagePlan;

/// Receives the events of a run; a progress bar, for instance.
///
/// Every method has a default that ignores its event.
pub trait Observer: Sync {
    /// Called when `done` of `total` scans are read and preprocessed, from several threads.
    fn reading(&self, _done: usize, _total: usize) {}
    /// Called when a stage begins (or continues after a resume) at `step` of `total`.
    fn stage(&mut self, _stage: &StagePlan, _step: u64, _total: u64) {}
    /// Called after every training step.
    fn step(&mut self, _row: &MetricsRow) {}
    /// Called when `done` of `total` test cases are evaluated.
    fn evaluating(&mut self, _done: usize, _total: usize) {}
    /// Receives a notice for the user, in one sentence, such as that a damaged checkpoint was
    /// skipped; the run continues.
    fn notice(&self, _sentence: &str) {}
}

/// Ignores all events.
impl Observer for () {}
