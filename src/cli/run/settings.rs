//! Settings of a run from its flags, and from the data set that they name.

use std::path::Path;

use semivox_data::layout::{self, HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget, Patients, Survey};
use semivox_inference::device;
use semivox_trainer::TrainError;
use semivox_trainer::config::{DataConfig, FromScans, RunConfig, TestLeaks, absolute};
use semivox_trainer::presets::{self, Task};

use super::{DataArguments, RunArguments};
use crate::cli::progress::Counter;

/// Returns the settings of the preset with the flags applied; those that depend on the scans come from the survey, if
/// there is one (see [`surveyed`]).
pub(in crate::cli) fn configuration(
    arguments: &RunArguments,
    task: Task,
    survey: Option<&Survey>,
    method: &str,
) -> Result<RunConfig, TrainError> {
    let preset = arguments.preset();
    let config = match survey {
        Some(survey) => task.fitted(survey, preset, method)?,
        None => task.preset(preset, method)?,
    };
    overridden(config, arguments)
}

/// Applies the flags to settings, and refuses another data set than the one whose label pairs the settings name.
pub(in crate::cli) fn overridden(
    mut config: RunConfig,
    arguments: &RunArguments,
) -> Result<RunConfig, TrainError> {
    let before = config.data.root.clone();
    config.data = arguments.data.applied_to(config.data)?;
    let pairs = &config.label_swap.pairs;
    if before.is_some() && before != config.data.root && !pairs.is_empty() {
        return Err(TrainError::unexpected(
            "label_swap",
            "the data set whose labels it pairs",
            format!("another one, with pairs {pairs:?}"),
            "leave label_swap out of the settings and set weak_view for the new data",
        ));
    }
    if let Some(device) = &arguments.device {
        config.device.clone_from(device);
    }
    if let Some(iterations) = arguments.iterations {
        config = presets::with_iterations(config, iterations);
    }
    let settings = arguments.settings.iter();
    config.with_values(settings.map(|(key, value)| (key.as_str(), value.as_str())))
}

impl DataArguments {
    /// Applies the flags to the data settings.
    pub(in crate::cli) fn applied_to(
        &self,
        mut config: DataConfig,
    ) -> Result<DataConfig, TrainError> {
        if let Some(data) = &self.data {
            let root = Some(absolute(data)?);
            if config.root != root {
                // They describe the data set that the settings came from.
                config.classes.clear();
                config.channels.clear();
                config.label_values = None;
                for taken in std::mem::take(&mut config.from_scans) {
                    match taken {
                        FromScans::Orientation => config.preprocess.orientation = None,
                        FromScans::SpacingMm => config.preprocess.spacing_mm = None,
                    }
                }
                config.layout = None;
            }
            config.root = root;
            config.layout = self.layout.or(config.layout);
        }
        if let Some(list) = &self.test_list {
            config.test_list = Some(absolute(list)?);
        }
        if let Some(labeled) = self.labeled {
            config.labeled = labeled;
        }
        if self.validation.is_some() {
            config.validation = self.validation;
        }
        match (self.exclude_duplicates, self.allow_leaks) {
            (true, _) => config.test_leaks = TestLeaks::Exclude,
            (_, true) => config.test_leaks = TestLeaks::Allow,
            _ => {}
        }
        Ok(config)
    }
}

/// Returns the task of the data set in a folder.
pub(in crate::cli) fn task_of(root: &Path, layout: Option<Layout>) -> Result<Task, TrainError> {
    let layout = layout.map_or_else(|| layout::detect(root), Ok)?;
    // Only this layout needs the name, and opening the others may read label maps.
    let name = match layout {
        Layout::Msd => layout::msd::open(root)?.name,
        _ => String::new(),
    };
    Ok(Task::of(layout, &name))
}

/// Surveys the labeled scans, if the settings of the task are derived from them.
///
/// Labels that the run does not use are not opened. A device that is unavailable is an error before, as the survey can take
/// minutes.
pub(in crate::cli) fn surveyed(
    arguments: &RunArguments,
    task: Task,
    method: &str,
) -> Result<Option<Survey>, TrainError> {
    if let Some(name) = &arguments.device {
        device::by_name(name)?;
    }
    let data = &arguments.data;
    let Some(root) = data.data.as_ref().filter(|_| task.follows_scans()) else {
        return Ok(None);
    };
    let mut config = task.preset(arguments.preset(), method)?;
    if task == Task::Own {
        config.data.labeled = LabelBudget::Percent(100.0);
    }
    let DataConfig {
        labeled,
        validation,
        ..
    } = overridden(config, arguments)?.data;
    let mut dataset = layout::open_split_as(root, data.layout, &hold_out(data)?, labeled)?;
    if let Some(budget) = validation {
        // The settings follow from scans that are trained on.
        let patients = Patients::open(root, &dataset)?;
        dataset.take_last(budget, &patients)?;
    }
    counted_survey(&dataset, arguments.quiet).map(Some)
}

/// Surveys the labeled scans of a data set with a progress bar, unless `quiet`.
pub(in crate::cli) fn counted_survey(dataset: &Dataset, quiet: bool) -> Result<Survey, TrainError> {
    let counter = Counter::new("measuring", quiet);
    let survey = Survey::read_reporting(&dataset.labeled, &dataset.classes, &|done, total| {
        counter.at(done, total);
    });
    counter.finish();
    Ok(survey?)
}

/// Returns the test cases that the flags name.
pub(in crate::cli) fn hold_out(data: &DataArguments) -> Result<HoldOut, TrainError> {
    Ok(match &data.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    })
}
