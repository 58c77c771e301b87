//! The command `semivox train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::run::folder::RunFolder;

use super::run::{self, SingleArguments, default_folder, method_help, task_of};
use super::training;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// The method to train.
    #[arg(help = method_help(), required_unless_present_any = ["resume", "config"])]
    method: Option<String>,
    #[command(flatten)]
    single: SingleArguments,
    /// Task: la, acdc, hippocampus, pancreas or own [default: detected from the data, la for phantoms].
    #[arg(long, conflicts_with = "config")]
    task: Option<Task>,
    /// File of settings, such as the config.toml of another run; flags override it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "preset", "resume"])]
    config: Option<PathBuf>,
}

const AFTER: &str = "\
Voxel and patch size are derived from the labeled scans and printed before training starts; config.toml
in the run folder has every setting. Ctrl-C saves a checkpoint, and --resume continues from it.

  semivox train supervised --data scans/                     labeled scans only: the baseline
  semivox train bcp --data scans/ --out runs/mine            labeled and unlabeled scans
  semivox train action                                       generated phantoms, a few minutes
  semivox train action --task acdc                           phantoms of cardiac MR, slice by slice
  semivox train --config runs/mine/config.toml --seed 1 --out runs/mine1
  semivox train --resume --out runs/mine";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let single = &arguments.single;
    if single.resume {
        let out = resumed(arguments)?;
        expect_same(&out, arguments)?;
        return training::train(single, &out, None);
    }
    let config = configuration(arguments)?;
    let fallback = || default_folder(&config.method_name(), config.task);
    let out = single.out.clone().unwrap_or_else(fallback);
    training::train(single, &out, Some(config))
}

/// Returns the folder of the run to resume: `--out`, or the default folder of the method and task.
fn resumed(arguments: &Arguments) -> Result<PathBuf, TrainError> {
    match (&arguments.single.out, &arguments.method) {
        (Some(out), _) => Ok(out.clone()),
        (None, Some(method)) => Ok(default_folder(method, task(arguments)?)),
        (None, None) => super::wrong_usage(
            "--resume: expected --out with the folder of the run, or its method and --task, found neither",
        ),
    }
}

/// Returns the task: `--task`, else that of the data set, else the left atrium.
fn task(arguments: &Arguments) -> Result<Task, TrainError> {
    let data = &arguments.single.run.data;
    match (arguments.task, &data.data) {
        (Some(task), _) => Ok(task),
        (None, Some(root)) => task_of(root, data.layout),
        (None, None) => Ok(Task::LeftAtrium),
    }
}

/// Checks that the run to resume has the method and the task given on the command line, if any.
fn expect_same(out: &Path, arguments: &Arguments) -> Result<(), TrainError> {
    let found = stored(&RunFolder::open_existing(out)?.config())?;
    let named = arguments.task.map(|task| task.to_string());
    for (what, named, found) in [
        ("method", &arguments.method, found.method_name()),
        ("task", &named, found.task.to_string()),
    ] {
        if let Some(named) = named.as_ref().filter(|named| **named != found) {
            return Err(TrainError::unexpected(
                out.display(),
                format!("a run of {named}"),
                format!("one of {found}"),
                format!("leave the {what} out to resume it"),
            ));
        }
    }
    Ok(())
}

fn configuration(arguments: &Arguments) -> Result<RunConfig, TrainError> {
    let SingleArguments { run, seed, .. } = &arguments.single;
    let mut config = match (&arguments.config, &arguments.method) {
        (Some(file), _) => run::overridden(stored(file)?, run)?,
        (None, method) => {
            let task = task(arguments)?;
            let method = method.as_deref().unwrap_or_default();
            let out = arguments.single.out.clone();
            // Also the session refuses a folder that is taken, but only after this survey, which can take minutes.
            RunFolder::expect_new(out.unwrap_or_else(|| default_folder(method, task)))?;
            let survey = run::surveyed(run, task, method)?;
            run::configuration(run, task, survey.as_ref(), method)?
        }
    };
    config.seed = seed.unwrap_or(config.seed);
    Ok(config)
}

fn stored(file: &Path) -> Result<RunConfig, TrainError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        TrainError::unexpected(
            file.display(),
            "a file of settings",
            error,
            "give the config.toml of a run",
        )
    })?;
    RunConfig::from_toml(&text)
        .map_err(|error| TrainError::Document(format!("{}: {error}", file.display())))
}
