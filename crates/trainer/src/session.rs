//! A training run, from its configuration to its report.
//!
//! ```text
//! configuration → data set → prepared cases → training → evaluation → report
//! ```

mod running;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semivox_data::inspect::Role;
use semivox_data::{Dataset, LabeledCase, Patients, leaks};
use semivox_inference::{TrainingData, device};

use crate::budget::{iterations_within, seconds_per_iteration};
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::opening::{
    Opened, check_cases, expect_data, expect_labels, generate, moved_to, open, tell_of_doubts,
    tell_of_labels, with_names,
};
use crate::presets::with_iterations;
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::test_leaks::{Accepted, exclude, settle};
use crate::training::{Observer, Outcome};
use crate::training_set::TrainingSet;
use semivox_inference::evaluation::Evaluation;

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
    /// Checks `config`, makes the run folder `out` and reads the training cases.
    ///
    /// # Errors
    /// If the configuration or the data has a mistake, or `out` holds another run, is used by another
    /// session or cannot be written. `out` becomes a run only after all data is read, so it can be used
    /// again after an error.
    pub fn start(
        config: RunConfig,
        out: impl AsRef<Path>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::begin(config, out.as_ref(), None, observer)
    }

    /// Begins a run, like [`start`](Self::start), with as many iterations as fit `budget` on this machine: a few steps of each
    /// stage are timed. The number is stored, so that the same settings repeat the run. Evaluation comes on top.
    ///
    /// # Errors
    /// As for [`start`](Self::start); also if not even one iteration fits.
    pub fn start_within(
        config: RunConfig,
        out: impl AsRef<Path>,
        budget: Duration,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::begin(config, out.as_ref(), Some(budget), observer)
    }

    fn begin(
        config: RunConfig,
        out: &Path,
        budget: Option<Duration>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        config.check()?;
        device::by_name(&config.device)?;
        let (run, lock) = RunFolder::begin(out)?;
        tell_of(&lock, observer);
        if config.data.root.is_none() {
            generate(&config, &run)?;
        }
        let Opened {
            mut dataset,
            validation,
            set,
        } = open(&config, &run, observer)?;
        let mut facts = set.facts();
        let classes = dataset.classes.len();
        facts.extend(check_cases(&dataset.test, Role::Test, classes)?);
        facts.extend(check_cases(&validation, Role::Labeled, classes)?);
        let patients = tell_of_doubts(&config, &mut dataset, &facts)?;
        let settled = settle(&config, &dataset, &leaks::between(&facts, &patients))?;
        let set = exclude(&settled.excluded, &config, &mut dataset, set)?;
        expect_labels(&dataset, &set)?;
        tell_of_labels(&dataset, &set, observer);
        let mut config = with_names(config, &dataset)?;
        config.check()?;
        if let Some(budget) = budget {
            let seconds = seconds_per_iteration(&config, &set, classes)?;
            let iterations = iterations_within(budget, seconds)?;
            let minutes = budget.as_secs_f64() / 60.0;
            observer.notice(&format!(
                "an iteration takes {seconds:.2} s here: {iterations} iterations in {minutes:.0} min of training"
            ));
            config = with_iterations(config, iterations);
            config.check()?;
        }
        let mut cases = CaseList::of(&dataset, &validation);
        (cases.excluded, cases.leaks) = (settled.excluded, settled.accepted.clone());
        cases.write(&run)?;
        run.write_config(&config.to_toml()?)?;
        Ok(Self {
            config,
            run,
            dataset,
            validation,
            set,
            patients,
            leaks: settled.accepted,
            _lock: lock,
        })
    }

    /// Opens an earlier run to continue it with the settings stored there.
    ///
    /// # Errors
    /// If `out` holds no run or is used by another session, or its data set is missing or has other
    /// cases than before.
    pub fn resume(out: impl AsRef<Path>, observer: &dyn Observer) -> Result<Self, TrainError> {
        Self::resumed(out.as_ref(), None, observer)
    }

    /// Opens an earlier run, like [`resume`](Self::resume), whose data set was moved to `root`. The new path is stored
    /// in `config.toml`.
    ///
    /// Names and order of the cases must be unchanged; the contents of their files are not compared. The path of a list
    /// of test cases inside the data set changes with it.
    ///
    /// # Errors
    /// As for [`resume`](Self::resume); also if the run trains on phantoms.
    pub fn resume_moved(
        out: impl AsRef<Path>,
        root: impl Into<PathBuf>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::resumed(out.as_ref(), Some(root.into()), observer)
    }

    fn resumed(
        out: &Path,
        moved: Option<PathBuf>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        let run = RunFolder::open_existing(out)?;
        let lock = RunLock::acquire(run.root())?;
        tell_of(&lock, observer);
        run.make_subfolders()?;
        let mut config = RunConfig::from_toml(&run.read_config()?)?;
        let is_moved = moved.is_some();
        if let Some(root) = moved {
            moved_to(&mut config.data, root)?;
        }
        config.check()?;
        expect_data(&config.data)?;
        let Opened {
            mut dataset,
            validation,
            set,
        } = open(&config, &run, observer)?;
        let (excluded, leaks) = match CaseList::read(&run)? {
            Some(began) => (began.excluded, began.leaks),
            None => Default::default(),
        };
        let patients = tell_of_doubts(&config, &mut dataset, &set.facts())?;
        let set = exclude(&excluded, &config, &mut dataset, set)?;
        let set = with_earlier(set, &run);
        CaseList::of(&dataset, &validation).expect_unchanged(&run)?;
        let config = with_names(config, &dataset)?;
        if is_moved {
            run.write_config(&config.to_toml()?)?;
            observer.notice(
                "the data set was moved: its cases have the names that the run began with; the contents of their files \
                 were not compared",
            );
        }
        Ok(Self {
            config,
            run,
            dataset,
            validation,
            set,
            patients,
            leaks,
            _lock: lock,
        })
    }

    /// Returns the resolved configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Returns the data set.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Returns the number of patients that the labeled cases are of.
    pub fn labeled_patients(&self) -> usize {
        let cases = self.dataset.labeled.iter();
        self.patients.count(cases.map(|case| case.id.as_str()))
    }
}

/// Adds the training data of the model in the run folder, from before the run was resumed.
fn with_earlier(set: Arc<TrainingSet>, run: &RunFolder) -> Arc<TrainingSet> {
    match TrainingData::read(run.root()) {
        Ok(Some(earlier)) => Arc::new(set.resumed(earlier)),
        // There is no model yet, or a damaged one, which the training writes anew.
        _ => set,
    }
}

/// Reports a folder that is not protected because its file system cannot lock files.
fn tell_of(lock: &RunLock, observer: &dyn Observer) {
    if let Some(sentence) = lock.warning() {
        observer.notice(sentence);
    }
}
