//! `semivox train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::run::folder::RunFolder;

use super::run::{self, SingleArguments, file_name, method_help, task_of};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// The method to train.
    #[arg(help = method_help(), required_unless_present_any = ["resume", "config"])]
    method: Option<String>,
    #[command(flatten)]
    single: SingleArguments,
    /// la, acdc, hippocampus, pancreas or own [default: by the data].
    #[arg(long, conflicts_with_all = ["resume", "config"])]
    task: Option<Task>,
    /// Settings from a file, such as the config.toml of another run; flags override them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "preset", "resume"])]
    config: Option<PathBuf>,
}

const AFTER: &str = "\
Sizes follow from the labeled scans and are printed before the run starts; config.toml in the run
folder holds every setting. Ctrl-C saves a checkpoint, --resume goes on from it.

  semivox train supervised --data scans/                     labels alone: what others have to beat
  semivox train mean_teacher --data scans/ --out runs/mt     labels and the other scans
  semivox train action                                       generated phantoms, a few minutes
  semivox train --config runs/mt/config.toml --seed 1 --out runs/mt1
  semivox train --resume --out runs/mt";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let single = &arguments.single;
    if single.resume {
        let out = single.out.as_deref().unwrap_or_else(|| {
            super::wrong_usage("--resume: expected --out with the folder of the run, found none")
        });
        if let Some(method) = &arguments.method {
            expect_method(out, method)?;
        }
        return run::train(single, out, None);
    }
    let config = configuration(arguments)?;
    let name = format!("{}_{}", file_name(&config.method_name()), config.task);
    let fallback = || Path::new("runs").join(name);
    let out = single.out.clone().unwrap_or_else(fallback);
    run::train(single, &out, Some(config))
}

/// A run goes on with its own method, not with the one that the command names.
fn expect_method(out: &Path, method: &str) -> Result<(), TrainError> {
    let found = stored(&RunFolder::open_existing(out)?.config())?.method_name();
    match found == method {
        true => Ok(()),
        false => Err(TrainError::Input(format!(
            "{}: expected a run of {method}, found one of {found}; leave the method out to go on with it",
            out.display()
        ))),
    }
}

fn configuration(arguments: &Arguments) -> Result<RunConfig, TrainError> {
    let SingleArguments { run, seed, .. } = &arguments.single;
    let mut config = match (&arguments.config, &arguments.method) {
        (Some(file), _) => run::overridden(stored(file)?, run)?,
        (None, method) => {
            let task = match (arguments.task, &run.data.data) {
                (Some(task), _) => task,
                (None, Some(root)) => task_of(root, run.data.layout)?,
                (None, None) => Task::LeftAtrium,
            };
            let method = method.as_deref().unwrap_or_default();
            let survey = run::surveyed(run, task, method)?;
            run::configuration(run, task, survey.as_ref(), method)?
        }
    };
    config.seed = seed.unwrap_or(config.seed);
    Ok(config)
}

fn stored(file: &Path) -> Result<RunConfig, TrainError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        TrainError::Input(format!(
            "{}: expected a file of settings, found {error}; give the config.toml of a run",
            file.display()
        ))
    })?;
    RunConfig::from_toml(&text)
        .map_err(|error| TrainError::Input(format!("{}: {error}", file.display())))
}
