//! A run from its configuration to its report.
//!
//! ```text
//! configuration → data set → prepared cases → training → evaluation → report
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use semivox_data::inspect::absent_classes;
use semivox_data::layout::{self, HoldOut};
use semivox_data::{Dataset, LabelMap, LabeledCase, phantom};
use semivox_inference::device;

use crate::config::{DataConfig, OwnMethod, RunConfig};
use crate::error::TrainError;
use crate::report;
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::training::{Observer, Outcome, Training};
use crate::training_set::TrainingSet;
use crate::{evaluating, specimens};
use semivox_inference::evaluation::Evaluation;
use semivox_methods::{Method, MethodContext};

/// A run folder with its configuration and data set, ready to train.
///
/// A session holds the folder's lock, so that no other one trains in it.
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
    set: Arc<TrainingSet>,
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
}

impl Summary {
    /// Mean Dice on the test cases after training.
    pub fn dice(&self) -> Option<f64> {
        self.evaluation.as_ref()?.mean.dice
    }
}

impl Session {
    /// Checks `config`, makes the run folder `out` and reads the training cases.
    ///
    /// # Errors
    /// A mistake in the configuration or in the data, or an `out` that holds
    /// another run, is used by another session or cannot be written. Only when all is read does `out`
    /// become a run, so it can be used again after a mistake.
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
        let (dataset, set) = open(&config, &run, observer)?;
        check_tests(&dataset)?;
        tell_of_labels(&dataset, &set, observer);
        let config = with_classes(config, &dataset)?;
        config.check()?;
        CaseList::of(&dataset).write(&run)?;
        run.write_config(&config.to_toml()?)?;
        Ok(Self {
            config,
            run,
            dataset,
            set,
            _lock: lock,
        })
    }

    /// Opens an earlier run to go on with it, with the settings stored there.
    ///
    /// # Errors
    /// If `out` holds no run or is used by another session, or its data set is not where it was or
    /// has other cases.
    pub fn resume(out: impl AsRef<Path>, observer: &dyn Observer) -> Result<Self, TrainError> {
        let run = RunFolder::open_existing(out)?;
        let lock = RunLock::acquire(run.root())?;
        tell_of(&lock, observer);
        run.make_subfolders()?;
        let config = RunConfig::from_toml(&run.read_config()?)?;
        config.check()?;
        let (dataset, set) = open(&config, &run, observer)?;
        CaseList::of(&dataset).expect_unchanged(&run)?;
        let config = with_classes(config, &dataset)?;
        Ok(Self {
            config,
            run,
            dataset,
            set,
            _lock: lock,
        })
    }

    /// The settings, resolved.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The data set.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Trains, evaluates the last checkpoint on the test cases and writes the
    /// report; after an interruption, the report of the steps done so far.
    ///
    /// # Errors
    /// Whatever stops it; the last checkpoint is then still there.
    pub fn run(
        &self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        if let Some(OwnMethod { name, .. }) = &self.config.own_method {
            return Err(TrainError::setting(
                "own_method",
                "no method of one's own",
                name,
                "only the program that has it can train it, with Session::run_method",
            ));
        }
        let mut method = self.config.method.settings().method(self.context()?)?;
        self.train(&mut method, observer, stop)
    }

    /// The inputs of a method in this session, for [`run_method`](Self::run_method).
    ///
    /// # Errors
    /// If the device is missing.
    pub fn context(&self) -> Result<MethodContext, TrainError> {
        let device = device::by_name(&self.config.device)?.autodiff();
        Ok(self.config.context(self.dataset.classes.len(), &device))
    }

    /// [`run`](Self::run) with a method of one's own instead of the configured one, made for [`context`](Self::context).
    ///
    /// The settings have to name it as `own_method`, so that log, report and evaluation do.
    ///
    /// # Errors
    /// If they do not; else as [`run`](Self::run).
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
        let training = Training {
            config,
            run: &self.run,
            set: self.set.clone(),
            device,
            stop,
        };
        let mut outcome = training.run(method, observer)?;
        let evaluation = match outcome {
            Outcome::Finished if self.dataset.test.is_empty() => {
                let model = config.model(method.network(), &training.device)?;
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
        })
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
        let (config, dataset) = (&self.config, &self.dataset);
        let model = config.model(method.network(), &device::by_name(&config.device)?)?;
        let evaluation = evaluating::evaluate(&model, dataset, config, run, observer, stop)?;
        if let (Some(run), Some(evaluation)) = (run, &evaluation) {
            evaluation.write(run.evaluation())?;
        }
        Ok(evaluation)
    }
}

/// How much is ignored, and which classes no label map has.
fn tell_of_labels(dataset: &Dataset, set: &TrainingSet, observer: &dyn Observer) {
    let maps = || set.labeled.iter().map(|case| &case.labels);
    let shares: Vec<f64> = maps().map(LabelMap::ignored_share).collect();
    let share = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    if share > 0.0 {
        observer.notice(&format!(
            "{share:.1} % of the voxels of labeled cases are ignored, as prepared for training"
        ));
    }
    let present = |map: &LabelMap| map.values().into_iter().map(|label| (label, ())).collect();
    let present: Vec<BTreeMap<u8, ()>> = maps().map(present).collect();
    if let Some(absent) = absent_classes(&dataset.classes, present.iter()) {
        observer.notice(&absent);
    }
}

/// Nothing guards the folder where files cannot be locked.
fn tell_of(lock: &RunLock, observer: &dyn Observer) {
    if let Some(sentence) = lock.warning() {
        observer.notice(sentence);
    }
}

/// Opens a run's data set, holds the listed cases out and takes the labels of
/// all but the first `labeled` others away.
pub(crate) fn open_dataset(config: &RunConfig, run: &RunFolder) -> Result<Dataset, TrainError> {
    let root = config.data.root.clone().unwrap_or_else(|| phantoms(run));
    let test = match &config.data.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let DataConfig {
        layout, labeled, ..
    } = &config.data;
    Ok(layout::open_split_as(root, *layout, &test, *labeled)?)
}

/// Opens a data set and reads the training cases.
fn open(
    config: &RunConfig,
    run: &RunFolder,
    observer: &dyn Observer,
) -> Result<(Dataset, Arc<TrainingSet>), TrainError> {
    let dataset = open_dataset(config, run)?;
    if dataset.classes.len() < 2 {
        return Err(TrainError::unexpected(
            &dataset.name,
            "label maps with at least one class",
            "background alone",
            "draw what is to be segmented, as 1, 2, …",
        ));
    }
    if config.method.settings().needs_unlabeled() && dataset.unlabeled.is_empty() {
        return Err(TrainError::setting(
            "method",
            format!(
                "unlabeled cases, which {} learns from",
                config.method_name()
            ),
            format!("none beside the {} labeled", dataset.labeled.len()),
            "lower the number of labeled cases or use method supervised",
        ));
    }
    let set = TrainingSet::load(&dataset, &config.data.preprocess, observer)?;
    Ok((dataset, Arc::new(set)))
}

/// A test case that cannot be evaluated is told before hours of training.
fn check_tests(dataset: &Dataset) -> Result<(), TrainError> {
    let classes = dataset.classes.len();
    let check = |case: &LabeledCase| case.load_checked(classes).map(drop);
    Ok(dataset.test.par_iter().try_for_each(check)?)
}

/// The settings with the names of the classes, which stay the same for a run's whole life.
fn with_classes(mut config: RunConfig, dataset: &Dataset) -> Result<RunConfig, TrainError> {
    let names = &mut config.data.classes;
    if !names.is_empty() && *names != dataset.classes {
        return Err(TrainError::setting(
            "data.classes",
            format!("those of the data set, {:?}", dataset.classes),
            format!("{names:?}"),
            "correct the list or leave it out",
        ));
    }
    names.clone_from(&dataset.classes);
    let found = dataset.label_values();
    if let Some(stored) = config
        .data
        .label_values
        .as_ref()
        .filter(|&v| Some(v) != found)
    {
        return Err(TrainError::setting(
            "data.label_values",
            format!(
                "those of the data set ({})",
                found.map_or("class indices".into(), ToString::to_string)
            ),
            stored,
            "correct the description of the data set or leave the setting out",
        ));
    }
    config.data.label_values = found.cloned();
    Ok(config)
}

fn phantoms(run: &RunFolder) -> PathBuf {
    run.root().join("phantoms")
}

/// Writes generated scans in the LA layout, so that they take the same way
/// as real ones and can be looked at with any viewer.
fn generate(config: &RunConfig, run: &RunFolder) -> Result<(), TrainError> {
    let [train, test] = config.data.phantoms;
    let settings = phantom::PhantomConfig {
        seed: config.seed,
        ..config.data.phantom
    };
    Ok(phantom::write_dataset(
        &phantoms(run),
        train,
        test,
        &settings,
    )?)
}
