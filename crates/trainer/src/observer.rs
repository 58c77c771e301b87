//! Events of a run.

use crate::run::metrics_log::MetricsRow;
use semivox_methods::plan::StagePlan;

/// Receives the events of a run; a progress bar, for instance.
///
/// Every method has a default that ignores its event.
pub trait Observer: Sync {
    /// `done` of `total` scans are read and prepared; called from several threads.
    fn reading(&self, _done: usize, _total: usize) {}
    /// A stage begins (or goes on, after a resume) at `step` of `total`.
    fn stage(&mut self, _stage: &StagePlan, _step: u64, _total: u64) {}
    /// A step is done.
    fn step(&mut self, _row: &MetricsRow) {}
    /// `done` of `total` test cases are evaluated.
    fn evaluating(&mut self, _done: usize, _total: usize) {}
    /// Something that a person should know, in one sentence, while the run goes on: a
    /// damaged checkpoint that was passed over, for instance.
    fn notice(&self, _sentence: &str) {}
}

/// Ignores all events.
impl Observer for () {}
