//! A training run, from its configuration to its report.
//!
//! ```text
//! configuration → data set → prepared cases → training → evaluation → report
//! ```

mod beginning;
mod resuming;
mod running;

use std::sync::Arc;

use semivox_data::{Dataset, LabeledCase, Patients};

use crate::config::RunConfig;
use crate::memory;
use crate::observer::Observer;
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::test_leaks::Accepted;
use crate::training::Outcome;
use crate::training_set::TrainingSet;
use semivox_inference::evaluation::Evaluation;

pub use beginning::FOLDERS_OF_SCANS;
pub use resuming::Moved;

/// A training run, opened in its folder with its configuration and data set.
///
/// A session holds the folder's lock, so that no other session trains in it.
///
/// # Examples
/// ```no_run
/// use std::sync::atomic::AtomicBool;
/// use semivox_trainer::{presets::preset, session::Session};
///
/// let config = preset("smoke", "action")?;
/// let session = Session::start(config, "runs/first", &())?;
/// let summary = session.run(&mut (), &AtomicBool::new(false))?;
/// println!("{:?}", summary.evaluation.map(|e| e.mean.dice));
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Session {
    config: RunConfig,
    run: RunFolder,
    dataset: Dataset,
    /// Labeled cases on which the result is measured.
    validation: Vec<LabeledCase>,
    set: Arc<TrainingSet>,
    patients: Patients,
    /// Test cases whose scan or patient is in the training data, which the run was told to accept.
    leaks: Accepted,
    _lock: RunLock,
}

/// Result of a run.
#[derive(Debug)]
pub struct Summary {
    /// Outcome of the training.
    pub outcome: Outcome,
    /// Mean Dice of the untrained network, measured on phantoms only.
    pub dice_before: Option<f64>,
    /// Metrics on the test cases; none after an interruption or without test cases.
    pub evaluation: Option<Evaluation>,
    /// Metrics on the labeled cases of `data.validation`; none after an interruption or without them.
    pub validation: Option<Evaluation>,
}

impl Summary {
    /// Returns the mean Dice on the test cases after training.
    pub fn dice(&self) -> Option<f64> {
        self.evaluation.as_ref()?.mean.dice
    }
}

impl Session {
    /// Returns the resolved configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Returns the data set.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Returns the number of training cases and the memory in bytes that their preprocessed scans take.
    pub fn scans(&self) -> (usize, f64) {
        let count = self.set.labeled.len() + self.set.unlabeled.len();
        (count, memory::of_set(&self.set))
    }

    /// Returns the number of patients that the labeled cases are of.
    pub fn labeled_patients(&self) -> usize {
        let cases = self.dataset.labeled.iter();
        self.patients.count(cases.map(|case| case.id.as_str()))
    }
}

/// Reports a folder that is not protected because its file system cannot lock files.
fn tell_of(lock: &RunLock, observer: &dyn Observer) {
    if let Some(sentence) = lock.warning() {
        observer.notice(sentence);
    }
}
