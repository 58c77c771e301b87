//! The finished runs that a comparison is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::run::folder::RunFolder;
use crate::run::metrics_log;
use semivox_inference::evaluation::{Evaluation, Means, summarize};

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
    /// Its evaluation on the test cases.
    pub evaluation: Evaluation,
    /// Seconds of all training steps and checkpoints, without evaluation; `None` if the folder has no `metrics.jsonl`.
    pub training_seconds: Option<f64>,
}

impl Run {
    /// Reads a run from its folder; the log may be absent, as in a folder that was copied without it.
    ///
    /// # Errors
    /// If the configuration, the evaluation or the log cannot be read.
    pub fn open(folder: &RunFolder) -> Result<Self, TrainError> {
        let log = (folder.metrics().exists())
            .then(|| metrics_log::read(folder.metrics()))
            .transpose()?;
        Ok(Self {
            config: RunConfig::from_toml(&folder.read_config()?)?,
            evaluation: Evaluation::read(folder.evaluation())?,
            training_seconds: log.map(|rows| rows.iter().map(|row| row.seconds_per_step).sum()),
        })
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
            dice_by_class: dice_by_class(&self.evaluation),
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
    /// Name and mean Dice of each test case.
    pub dice_by_case: Vec<(String, Option<f64>)>,
    /// Number of pairs of case and class whose HD95 is undefined.
    pub undefined: usize,
    /// Seconds of all training steps, without evaluation, where logged.
    pub training_seconds: Option<f64>,
    /// Source revision, where known.
    pub commit: Option<String>,
}

fn dice_by_class(evaluation: &Evaluation) -> BTreeMap<u32, Option<f64>> {
    let classes = || evaluation.cases.iter().flat_map(|case| &case.classes);
    let mean = |label| {
        summarize(classes().filter(|class| class.label == label))
            .0
            .dice
    };
    (classes()
        .map(|class| class.label)
        .collect::<BTreeSet<_>>()
        .into_iter())
    .map(|label| (label, mean(label)))
    .collect()
}
