//! A training run, from its configuration to its report.
//!
//! ```text
//! configuration → data set → prepared cases → training → evaluation → report
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::prelude::Device;
use semivox_data::cache::LabeledScan;
use semivox_data::inspect::{Role, absent_classes};
use semivox_data::{Dataset, LabelMap, LabeledCase, Patients, leaks};
use semivox_inference::{Model, TrainingData, device};

use crate::config::{OwnMethod, RunConfig};
use crate::error::TrainError;
use crate::opening::{
    Opened, check_cases, expect_data, generate, moved_to, open, tell_of_doubts, with_names,
};
use crate::report;
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::test_leaks::{Accepted, exclude, settle};
use crate::training::{Observer, Outcome, Training};
use crate::training_set::TrainingSet;
use crate::{evaluating, specimens};
use semivox_inference::evaluation::Evaluation;
use semivox_methods::{Method, MethodContext};

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
        let config = with_names(config, &dataset)?;
        config.check()?;
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

    /// Trains, evaluates the last checkpoint on the test cases and writes the
    /// report; after an interruption, the report of the steps done so far.
    ///
    /// # Errors
    /// If training, evaluation or the report fails; the last checkpoint is kept.
    pub fn run(
        &self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        if let Some(OwnMethod { name, .. }) = &self.config.own_method {
            return Err(TrainError::setting(
                "own_method",
                "no custom method",
                name,
                "train it from the program that defines it, with Session::run_method",
            ));
        }
        let mut method = self.config.method.settings().method(self.context()?)?;
        self.train(&mut method, observer, stop)
    }

    /// Returns the inputs from which a custom method is made, for [`run_method`](Self::run_method).
    ///
    /// # Errors
    /// If the device is unavailable.
    pub fn context(&self) -> Result<MethodContext, TrainError> {
        let device = device::by_name(&self.config.device)?.autodiff();
        Ok(self.config.context(self.dataset.classes.len(), &device))
    }

    /// Runs, like [`run`](Self::run), but with a custom method made for [`context`](Self::context).
    ///
    /// The settings must name the method as `own_method`, for log, report and evaluation.
    ///
    /// # Errors
    /// If they do not, and as for [`run`](Self::run).
    pub fn run_method(
        &self,
        method: &mut Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        let steps: u64 = method.stages().iter().map(|stage| stage.steps).sum();
        match &self.config.own_method {
            Some(own) if own.iterations == steps => {}
            own => {
                let found = own.as_ref().map(|own| own.iterations.to_string());
                return Err(TrainError::setting(
                    "own_method",
                    format!("name and iterations ({steps}) of the method that this program runs"),
                    found.unwrap_or("none".into()),
                    "set it before the session starts",
                ));
            }
        }
        self.train(method, observer, stop)
    }

    fn train(
        &self,
        method: &mut Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        let config = &self.config;
        let device = device::by_name(&config.device)?.autodiff();
        let dice_before = match config.data.root {
            None => self
                .evaluate(method, None, observer, stop)?
                .and_then(|e| e.mean.dice),
            Some(_) => None,
        };
        let training = self.training(device, stop);
        let mut outcome = training.run(method, observer)?;
        let validation = match outcome {
            Outcome::Finished => self.validate(method, observer, stop)?,
            Outcome::Interrupted { .. } => None,
        };
        let evaluation = match outcome {
            Outcome::Finished if self.dataset.test.is_empty() => {
                let model = self.model(method, &training.device)?;
                specimens::predict(&model, &self.dataset, &self.run, observer)?;
                None
            }
            Outcome::Finished => {
                let found = self.evaluate(method, Some(&self.run), observer, stop)?;
                if found.is_none() {
                    let step = method.stages().iter().map(|stage| stage.steps).sum();
                    outcome = Outcome::Interrupted { step };
                }
                found
            }
            Outcome::Interrupted { .. } => None,
        };
        report::write_for(&self.run, config, Ok(&self.dataset), evaluation.as_ref())?;
        Ok(Summary {
            outcome,
            dice_before,
            evaluation,
            validation,
        })
    }

    /// Returns the training alone, without evaluation and report.
    pub(crate) fn training<'a>(&'a self, device: Device, stop: &'a AtomicBool) -> Training<'a> {
        Training {
            config: &self.config,
            run: &self.run,
            set: self.set.clone(),
            device,
            stop,
        }
    }

    /// Returns the model of the method's network, with the fingerprints of its training scans.
    fn model(&self, method: &Method, device: &Device) -> Result<Model, TrainError> {
        let model = self.config.model(method.network(), device)?;
        Ok(model.with_training_data(self.set.training_data(&method.stages())))
    }

    fn evaluate(
        &self,
        method: &Method,
        run: Option<&RunFolder>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.dataset.test.is_empty() {
            return Ok(None);
        }
        let folder = run.map(RunFolder::predictions);
        let evaluation = self.evaluate_on(&self.dataset.test, folder, (method, observer), stop)?;
        if let (Some(run), Some(evaluation)) = (run, &evaluation) {
            evaluation.write(run.evaluation())?;
        }
        Ok(evaluation)
    }

    /// Evaluates on the validation cases and writes `validation.json`; none without such cases or if `stop` was set.
    fn validate(
        &self,
        method: &Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let found = self.evaluate_on(&self.validation, None, (method, observer), stop)?;
        if let Some(found) = &found {
            found.write(self.run.validation())?;
        }
        Ok(found)
    }

    fn evaluate_on(
        &self,
        cases: &[LabeledCase],
        folder: Option<PathBuf>,
        (method, observer): (&Method, &mut dyn Observer),
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        let (config, dataset) = (&self.config, &self.dataset);
        let model = self.model(method, &device::by_name(&config.device)?)?;
        let known = evaluating::Known {
            protocol: evaluating::protocol(config, dataset, &self.patients),
            leaks: &self.leaks,
        };
        evaluating::evaluate_as(&model, cases, known, folder, observer, stop)
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

/// Checks that some labeled case has a voxel of a class beside the background.
fn expect_labels(dataset: &Dataset, set: &TrainingSet) -> Result<(), TrainError> {
    let drawn = |case: &Arc<LabeledScan>| case.facts.labels.keys().any(|&label| label > 0);
    match set.labeled.is_empty() || set.labeled.iter().any(drawn) {
        true => Ok(()),
        false => Err(TrainError::unexpected(
            &dataset.name,
            format!(
                "voxels of a class ({}) in some label map",
                dataset.classes[1..].join(", ")
            ),
            "background and ignored voxels alone in all of them",
            "check the label maps, and that their values are those of classes.txt or dataset.json",
        )),
    }
}

/// Reports the share of ignored voxels and the classes that no label map has.
fn tell_of_labels(dataset: &Dataset, set: &TrainingSet, observer: &dyn Observer) {
    let maps = || set.labeled.iter().map(|case| &case.labels);
    let shares: Vec<f64> = maps().map(LabelMap::ignored_share).collect();
    let share = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    if share > 0.0 {
        observer.notice(&format!(
            "{share:.1} % of the voxels of labeled cases are ignored, as prepared for training"
        ));
    }
    let present = maps().flat_map(LabelMap::values).collect();
    if let Some(absent) = absent_classes(&dataset.classes, &present) {
        observer.notice(&absent);
    }
}

/// Reports a folder that is not protected because its file system cannot lock files.
fn tell_of(lock: &RunLock, observer: &dyn Observer) {
    if let Some(sentence) = lock.warning() {
        observer.notice(sentence);
    }
}
