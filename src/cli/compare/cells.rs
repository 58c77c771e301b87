//! The runs of a comparison: every method and control with every seed.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::PathBuf;

use semivox_data::{LabelBudget, layout};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;

use super::Arguments;
use crate::cli::run::{self, DataArguments, RunArguments, file_name, task_of};

/// One run of the comparison: a method with a seed.
pub(super) struct Cell {
    pub(super) config: RunConfig,
    pub(super) folder: PathBuf,
}

/// Returns all runs of the comparison, with settings that were checked before the first run starts.
pub(super) fn cells(arguments: &Arguments) -> Result<Vec<Cell>, TrainError> {
    let RunArguments { data, .. } = &arguments.run;
    let task = match &data.data {
        Some(root) => task_of(root, data.layout)?,
        None => Task::LeftAtrium,
    };
    expect_once("--methods", &arguments.methods)?;
    expect_once("--seeds", &arguments.seeds)?;
    let survey = match arguments.methods.first() {
        Some(method) => run::surveyed(&arguments.run, task, method)?,
        None => None,
    };
    let methods = match arguments.without_controls {
        true => arguments.methods.clone(),
        false => with_controls(&arguments.methods, &|method| {
            run::configuration(&arguments.run, task, survey.as_ref(), method)
        })?,
    };
    let of_controls = without_settings_of_methods(&arguments.run);
    let mut cells = Vec::new();
    for &seed in &arguments.seeds {
        for method in &methods {
            let flags = match arguments.methods.contains(method) {
                true => &arguments.run,
                false => &of_controls,
            };
            let config = run::configuration(flags, task, survey.as_ref(), method)?;
            let config = RunConfig { seed, ..config };
            config.check()?;
            let labeled = match config.data.labeled {
                LabelBudget::Percent(100.0) => "all".into(),
                some => some.to_string().replace('%', "percent"),
            };
            let name = format!("{}_{labeled}_{seed}", file_name(method));
            let folder = arguments.out.join(name);
            cells.push(Cell { config, folder });
        }
    }
    expect_cases(data, &cells)?;
    Ok(cells)
}

/// Returns the flags for controls that were not asked for: settings of methods, such as `method.threshold`, are left out
/// as the control lacks them; those of the optimizer stay, also of ACTION++, which has them in a table.
fn without_settings_of_methods(arguments: &RunArguments) -> RunArguments {
    let mut arguments = arguments.clone();
    for (key, _) in &mut arguments.settings {
        if let Some(rest) = key.strip_prefix("method.action.optimizer") {
            *key = format!("method.optimizer{rest}");
        }
    }
    arguments.settings.retain(|(key, _)| {
        !key.starts_with("method.") || format!("{key}.").starts_with("method.optimizer.")
    });
    arguments
}

/// Returns the methods, before them those on labels alone over which their gain is to be shown with these settings.
fn with_controls(
    methods: &[String],
    settings: &dyn Fn(&str) -> Result<RunConfig, TrainError>,
) -> Result<Vec<String>, TrainError> {
    let mut all = Vec::new();
    for method in methods {
        let control = settings(method)?.method.settings().control();
        all.extend(["supervised".to_string(), control.to_string()]);
    }
    all.extend(methods.iter().cloned());
    let mut seen = HashSet::new();
    all.retain(|method| seen.insert(method.clone()));
    Ok(all)
}

/// Fails if a value is given twice, since a run counted twice would make the spread too small.
fn expect_once<T: PartialEq + Display>(flag: &str, values: &[T]) -> Result<(), TrainError> {
    let again = values.iter().enumerate();
    let mut again = again.filter(|(at, value)| values[..*at].contains(value));
    match again.next() {
        None => Ok(()),
        Some((_, value)) => Err(TrainError::unexpected(
            flag,
            "each once",
            format!("{value} twice"),
            "leave one out",
        )),
    }
}

/// Fails before the first run if nothing would measure the runs, a method does not fit the network or the classes, or there
/// are no unlabeled cases and a method needs them.
///
/// Phantoms have both.
fn expect_cases(data: &DataArguments, cells: &[Cell]) -> Result<(), TrainError> {
    let (Some(root), Some(first)) = (&data.data, cells.first()) else {
        return Ok(());
    };
    let dataset = layout::open_split_as(
        root,
        data.layout,
        &run::hold_out(data)?,
        first.config.data.labeled,
    )?;
    for Cell { config, .. } in cells {
        config.check_method(dataset.classes.len())?;
    }
    if dataset.test.is_empty() && first.config.data.validation.is_none() {
        return Err(TrainError::unexpected(
            "compare",
            "test or validation cases",
            "none in the data set",
            "name some with --test-list, or keep labeled cases out of the training with --validation",
        ));
    }
    let needs = |cell: &&Cell| cell.config.method.settings().needs_unlabeled();
    match cells.iter().find(needs) {
        Some(cell) if dataset.unlabeled.is_empty() => Err(TrainError::unexpected(
            "compare",
            format!(
                "unlabeled cases, which {} learns from",
                cell.config.method_title()
            ),
            format!("none beside the {} labeled", dataset.labeled.len()),
            "keep the label maps of fewer cases with --labeled, which sets the others aside, add scans without a label map, or \
             compare supervised training alone",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn controls_take_the_optimizer_and_no_other_setting_of_the_method() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            run: RunArguments,
        }
        let kept = |setting: &str| {
            let line: Line = clap::Parser::parse_from(["x", "--set", setting]);
            !without_settings_of_methods(&line.run).settings.is_empty()
        };
        for (setting, expected) in [
            ("method.optimizer.learning_rate=0.1", true),
            ("method.optimizer={ learning_rate = 0.1 }", true),
            ("method.action.optimizer.momentum=0.5", true),
            ("method.action.bank=9", false),
            ("network.filters=2", true),
            ("method.threshold=0.9", false),
            ("method.optimizers=1", false),
        ] {
            assert_eq!(kept(setting), expected, "{setting}");
        }
    }

    #[test]
    fn controls_come_first_and_once() {
        let of = |methods: &[&str]| {
            let methods: Vec<String> = methods.iter().map(|method| method.to_string()).collect();
            with_controls(&methods, &|method| Task::LeftAtrium.preset("smoke", method))
        };
        assert_eq!(
            of(&[
                "bcp:all_components",
                "mean_teacher",
                "unimatch",
                "supervised"
            ])
            .unwrap(),
            [
                "supervised",
                "supervised:copy_paste",
                "supervised:strong_copy_paste",
                "bcp:all_components",
                "mean_teacher",
                "unimatch",
            ]
        );
        assert!(of(&["magic"]).unwrap_err().to_string().contains("'magic'"));
    }
}
