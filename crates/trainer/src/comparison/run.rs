//! The finished runs that a comparison is made of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::run::metrics_log;
use semivox_inference::evaluation::{Evaluation, Means};

/// A finished run: its settings, its evaluation and the time of its training.
///
/// # Examples
/// ```no_run
/// use semivox_trainer::{comparison::{Comparison, Run}, run::folder::RunFolder};
///
/// let folders = ["runs/compare/supervised_8_0", "runs/compare/bcp_8_0"];
/// let runs: Result<Vec<Run>, _> = folders.iter().map(|f| Run::open(&RunFolder::open_existing(f)?)).collect();
/// println!("{}", Comparison::new(&runs?)?);
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its settings.
    pub config: RunConfig,
    /// Its evaluation on the test cases or, if there are none, on the validation cases.
    pub evaluation: Evaluation,
    /// Whether the evaluation is that on the validation cases.
    pub validated: bool,
    /// Seconds of all training steps and checkpoints, without evaluation; `None` if the folder has no `metrics.jsonl`.
    pub training_seconds: Option<f64>,
    /// The cases that it began with, where its folder lists them.
    pub(crate) cases: Option<CaseList>,
}

impl Run {
    /// Reads a run from its folder; the log may be absent, as in a folder that was copied without it.
    ///
    /// # Errors
    /// If the configuration, the evaluation, the log or the list of cases cannot be read.
    pub fn open(folder: &RunFolder) -> Result<Self, TrainError> {
        let log = (folder.metrics().exists())
            .then(|| metrics_log::read(folder.metrics()))
            .transpose()?;
        let tested = folder.evaluation().exists();
        let validated = !tested && folder.validation().exists();
        let evaluation = match validated {
            true => folder.validation(),
            false => folder.evaluation(),
        };
        Ok(Self {
            config: RunConfig::from_toml(&folder.read_config()?)?,
            evaluation: Evaluation::read(evaluation)?,
            validated,
            cases: CaseList::read(folder)?,
            training_seconds: log.map(|rows| rows.iter().map(|row| row.seconds_per_step).sum()),
        })
    }

    /// Reads a run that is finished; `None` if its evaluation is still to come.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_finished(folder: &RunFolder) -> Result<Option<Self>, TrainError> {
        let cases = CaseList::read(folder)?;
        let untested = cases.is_some_and(|cases| cases.has_no_test());
        let last = match untested {
            true => folder.validation(),
            false => folder.evaluation(),
        };
        last.exists().then(|| Self::open(folder)).transpose()
    }

    /// Returns the method and the number of labeled cases, by which runs are grouped.
    pub(super) fn group(&self) -> (String, Option<usize>) {
        let protocol = &self.evaluation.protocol;
        (protocol.method.clone(), protocol.labeled)
    }

    pub(super) fn summary(&self) -> RunSummary {
        let Evaluation {
            protocol,
            cases,
            mean,
            undefined,
            ..
        } = &self.evaluation;
        RunSummary {
            method: protocol.method.clone(),
            labeled: protocol.labeled,
            seed: protocol.seed,
            iterations: protocol.iterations,
            mean: mean.clone(),
            dice_by_class: (self.evaluation.mean_by_class().into_iter())
                .map(|(label, means)| (label, means.dice))
                .collect(),
            dice_by_case: (cases.iter())
                .map(|case| (case.id.clone(), case.mean_dice()))
                .collect(),
            undefined: undefined.hd95_mm,
            training_seconds: self.training_seconds,
            commit: protocol.commit.clone(),
        }
    }
}

/// One run of a comparison, as `comparison.json` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The method, by name.
    pub method: String,
    /// Number of labeled training cases.
    pub labeled: Option<usize>,
    /// Seed of the run.
    pub seed: u64,
    /// Number of training steps.
    pub iterations: u64,
    /// Means over all pairs of case and class for which a metric is defined.
    pub mean: Means,
    /// Mean Dice of each class, by label.
    pub dice_by_class: BTreeMap<u32, Option<f64>>,
    /// Name and mean Dice of each case that measures the run.
    pub dice_by_case: Vec<(String, Option<f64>)>,
    /// Number of pairs of case and class whose HD95 is undefined.
    pub undefined: usize,
    /// Seconds of all training steps, without evaluation, where logged.
    pub training_seconds: Option<f64>,
    /// Source revision, where known.
    pub commit: Option<String>,
}
