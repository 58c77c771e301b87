//! Comparison of methods on one data set: a table of means and standard deviations over seeds.

mod checks;
mod earlier;
mod files;
mod run;
mod shared;
mod spread;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use earlier::EarlierRuns;
pub use run::{Run, RunSummary};
pub use spread::Spread;

use crate::error::TrainError;
use semivox_inference::evaluation::{Evaluation, Means};

/// A row of the table: a method with a number of labeled cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The method, by name.
    pub method: String,
    /// Number of labeled training cases.
    pub labeled: Option<usize>,
    /// Seeds of its runs.
    pub seeds: Vec<u64>,
    /// Mean Dice of each run.
    pub dice: Option<Spread>,
    /// Difference in mean Dice from supervised training with the same seed; none for supervised training.
    pub over_supervised: Option<Spread>,
    /// Difference in mean Dice from the method's control with the same seed: supervised training with the method's
    /// augmentation. None if that is plain supervised training.
    pub over_control: Option<Spread>,
    /// HD95 in mm, pooled.
    pub hd95_mm: Option<Spread>,
    /// ASD in mm.
    pub asd_mm: Option<Spread>,
    /// Number of pairs of case and class whose HD95 is undefined, over all runs.
    pub undefined: usize,
    /// Mean minutes of training, without evaluation; `None` if a run has no log.
    pub minutes: Option<f64>,
}

/// A table of runs on one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Protocol that the runs share.
    pub protocol: String,
    /// Optimizer and batches of the runs, with the methods that have each where they differ.
    pub training: String,
    /// The kind of the cases that measure the runs: "test" or "validation".
    pub measured_on: &'static str,
    /// A row for every method and number of labeled cases, in order of appearance.
    pub rows: Vec<Row>,
    /// The runs.
    pub runs: Vec<RunSummary>,
}

impl Comparison {
    /// Groups runs by method and number of labeled cases.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] if two runs were measured on different cases, or trained on other cases or contents of files
    /// with the same number of labeled ones, as their means are not comparable, or if two
    /// runs of a method have one seed or settings that differ in more than the seed and the place of files, as they make no
    /// mean over seeds.
    pub fn new(runs: &[Run]) -> Result<Self, TrainError> {
        checks::check_same_cases(runs)?;
        checks::check_same_data(runs)?;
        let mut groups: Vec<Vec<&Run>> = Vec::new();
        for run in runs {
            match groups.iter_mut().find(|g| g[0].group() == run.group()) {
                Some(group) => group.push(run),
                None => groups.push(vec![run]),
            }
        }
        for group in &groups {
            checks::check_seeds(group)?;
        }
        Ok(Self {
            protocol: shared::protocol(runs),
            training: shared::training(runs),
            measured_on: shared::measured_on(runs),
            rows: groups.iter().map(|group| row(group, runs)).collect(),
            runs: runs.iter().map(Run::summary).collect(),
        })
    }
}

fn row(group: &[&Run], runs: &[Run]) -> Row {
    let of = |metric: fn(&Means) -> Option<f64>| {
        Spread::of(group.iter().map(|run| metric(&run.evaluation.mean)))
    };
    let (method, labeled) = group[0].group();
    let config = &group[0].config;
    let control = match (&config.own_method, config.method.settings().control()) {
        (Some(_), _) | (None, "supervised") => None,
        (None, control) => gain(group, runs, control),
    };
    let seconds: Option<f64> = group.iter().map(|run| run.training_seconds).sum();
    Row {
        method,
        labeled,
        seeds: group
            .iter()
            .map(|run| run.evaluation.protocol.seed)
            .collect(),
        dice: of(|m| m.dice),
        over_supervised: gain(group, runs, "supervised"),
        over_control: control,
        hd95_mm: of(|m| m.hd95_mm),
        asd_mm: of(|m| m.asd_mm),
        undefined: group.iter().map(|r| r.evaluation.undefined.hd95_mm).sum(),
        minutes: seconds.map(|seconds| seconds / 60.0 / group.len() as f64),
    }
}

/// Returns the difference in Dice from the runs of another method with the same seed and the same number of labeled
/// cases, over the seeds that both have.
fn gain(group: &[&Run], runs: &[Run], reference: &str) -> Option<Spread> {
    let difference = |run: &&Run| {
        let Evaluation { protocol, mean, .. } = &run.evaluation;
        let same = runs.iter().find(|other| {
            let other = &other.evaluation.protocol;
            other.method == reference
                && other.seed == protocol.seed
                && other.labeled == protocol.labeled
        });
        Some(mean.dice? - same?.evaluation.mean.dice?)
    };
    match group[0].evaluation.protocol.method == reference {
        true => None,
        false => Spread::of(group.iter().map(difference)),
    }
}
