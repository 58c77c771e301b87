//! Earlier runs in the folder of a comparison.

use std::collections::BTreeSet;
use std::path::Path;

use semivox_data::{Dataset, LabeledCase};

use crate::config::{DataConfig, RunConfig};
use crate::error::TrainError;
use crate::opening::{is_same_folder, open_dataset, remaining};
use crate::run::cases::CaseList;
use crate::run::contents::{Changes, listed};
use crate::run::folder::RunFolder;

/// Check that earlier runs have the settings of the runs wanted now, and began with the cases that their data set has now: the
/// mean of both would be one of different trainings. A data set that several runs share is opened once; files that were
/// written since a run began are read again, to compare their contents.
#[derive(Debug, Default)]
pub struct EarlierRuns {
    opened: Option<(DataConfig, Dataset, Vec<LabeledCase>)>,
    changes: Changes,
}

impl EarlierRuns {
    /// Checks a run, finished or not. Its data set may have been moved, and its device and the threads of its loader may be
    /// others.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] with the settings, the first case or the files that differ; if the data set cannot be opened.
    pub fn expect_same(&mut self, run: &RunFolder, wanted: &RunConfig) -> Result<(), TrainError> {
        let found = RunConfig::from_toml(&run.read_config()?)?;
        let wanted = wanted.clone().completed(&found);
        let here = wanted.clone().at_place_of(&found);
        if here == found {
            let place = |config: &RunConfig| config.data.root.clone().unwrap_or_default();
            let is_moved = !is_same_folder(&place(&found), &place(&wanted));
            return self.expect_same_cases(run, &wanted, is_moved);
        }
        Err(TrainError::unexpected(
            run.root().display(),
            "a run with the same settings",
            format!("other ones: {}", found.differences(&here)?.join("; ")),
            "remove it or choose another --out",
        ))
    }

    fn expect_same_cases(
        &mut self,
        run: &RunFolder,
        config: &RunConfig,
        is_moved: bool,
    ) -> Result<(), TrainError> {
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
        CaseList::of(&dataset, validation).expect_unchanged(run)?;
        let began = CaseList::read(run)?.unwrap_or_default();
        let now = self.changes.since(&began.contents, &dataset, validation)?;
        let changed: BTreeSet<String> = began.changed.into_iter().chain(now).collect();
        match (changed.is_empty(), is_moved && began.contents.is_empty()) {
            (true, false) => Ok(()),
            (true, true) => Err(TrainError::unexpected(
                run.root().display(),
                "a run that began on the data set in its place",
                "one on another folder, of an earlier version that does not know the contents of its files",
                moved_by_hand(run.root(), config),
            )),
            (false, _) => Err(TrainError::unexpected(
                run.root().display(),
                "a run on the files that the data set has now",
                format!("one on others: {} changed since it began", listed(&changed)),
                "restore the files, or choose another --out, where all runs are trained on the new ones",
            )),
        }
    }
}

/// Tells how a run is taken to another folder of its data set.
fn moved_by_hand(run: &Path, config: &RunConfig) -> String {
    let root = config.data.root.as_deref().unwrap_or(Path::new(""));
    format!(
        "if the data set was moved: semivox train --resume --out \"{}\" --data \"{}\"; else choose another --out",
        run.display(),
        root.display()
    )
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
