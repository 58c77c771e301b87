//! Earlier runs in the folder of a comparison.

use semivox_data::{Dataset, LabeledCase};

use crate::config::{DataConfig, RunConfig};
use crate::error::TrainError;
use crate::opening::{open_dataset, remaining};
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;

/// Check that earlier runs have the settings of the runs wanted now, and began with the cases that their data set has now: the
/// mean of both would be one of different trainings. A data set that several runs share is opened once.
#[derive(Debug, Default)]
pub struct EarlierRuns {
    opened: Option<(DataConfig, Dataset, Vec<LabeledCase>)>,
}

impl EarlierRuns {
    /// Checks a run, finished or not.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] with the settings or the first case that differs; if the data set cannot be opened.
    pub fn expect_same(&mut self, run: &RunFolder, wanted: &RunConfig) -> Result<(), TrainError> {
        let found = RunConfig::from_toml(&run.read_config()?)?;
        let wanted = wanted.clone().completed(&found);
        if wanted == found {
            return self.expect_same_cases(run, &found);
        }
        Err(TrainError::unexpected(
            run.root().display(),
            "a run with the same settings",
            format!("other ones: {}", found.differences(&wanted)?.join("; ")),
            "remove it or choose another --out",
        ))
    }

    fn expect_same_cases(&mut self, run: &RunFolder, config: &RunConfig) -> Result<(), TrainError> {
        let known = self.opened.take();
        let known = known.filter(|(data, ..)| same_cases(data, &config.data));
        let (_, dataset, validation) = match known {
            Some(known) => self.opened.insert(known),
            None => {
                let (dataset, validation, _) = open_dataset(config, run)?;
                self.opened
                    .insert((config.data.clone(), dataset, validation))
            }
        };
        let dataset = remaining(dataset.clone(), run)?;
        CaseList::of(&dataset, validation).expect_unchanged(run)
    }
}

/// Returns whether two runs have their cases from one data set, split alike. Generated phantoms are those of one run.
fn same_cases(one: &DataConfig, other: &DataConfig) -> bool {
    let split = |data: &DataConfig| {
        (
            data.root.clone(),
            data.layout,
            data.test_list.clone(),
            data.labeled,
            data.validation,
        )
    };
    one.root.is_some() && split(one) == split(other)
}
