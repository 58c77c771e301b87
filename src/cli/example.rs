//! The flags of the examples: one task, one method unless said otherwise.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;

use super::run::{self, SingleArguments, file_name, method_help};

#[derive(Debug, Args)]
struct Arguments {
    #[command(flatten)]
    single: SingleArguments,
    /// The method to train; supervised learns from the labeled cases alone.
    #[arg(long, help = method_help())]
    method: Option<String>,
}

/// A program that trains one method on one task unless `--method` says otherwise.
///
/// # Examples
/// ```no_run
/// # use std::process::ExitCode;
/// # use semivox::trainer::presets::Task;
/// fn main() -> ExitCode {
///     semivox::cli::train("SimCVD on the left atrium", Task::LeftAtrium, "simcvd")
/// }
/// ```
pub fn train(about: &'static str, task: Task, method: &str) -> ExitCode {
    let command = Arguments::augment_args(Command::new("train").about(about));
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    let method = arguments.method.as_deref().unwrap_or(method);
    let single = &arguments.single;
    let result = run(single, task, method);
    let finished = matches!(&result, Ok(code) if *code == ExitCode::SUCCESS);
    if finished && single.run.data.data.is_none() && !single.resume {
        eprintln!("Real scans: add --data FOLDER --preset compact --labeled 8");
    }
    super::exit_code(result)
}

fn run(single: &SingleArguments, task: Task, method: &str) -> Result<ExitCode, TrainError> {
    let fallback = || Path::new("runs").join(format!("{}_{task}", file_name(method)));
    let out = single.out.clone().unwrap_or_else(fallback);
    let config = match single.resume {
        true => None,
        false => Some(configuration(single, task, method)?),
    };
    run::train(single, &out, config)
}

fn configuration(
    arguments: &SingleArguments,
    task: Task,
    method: &str,
) -> Result<RunConfig, TrainError> {
    let survey = run::surveyed(&arguments.run, task, method)?;
    let mut config = run::configuration(&arguments.run, task, survey.as_ref(), method)?;
    config.seed = arguments.seed.unwrap_or(config.seed);
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_data::LabelBudget;
    use semivox_methods::method_config::MethodConfig;

    fn parse(line: &str) -> Arguments {
        let command = Arguments::augment_args(Command::new("train"));
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        Arguments::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn flags_override_the_preset() {
        let arguments = parse("train --labeled 3 --iterations 50 --seed 7").single;
        let config = configuration(&arguments, Task::LeftAtrium, "mean_teacher").unwrap();
        assert_eq!((config.preset.as_str(), config.seed), ("smoke", 7));
        assert_eq!(config.data.labeled, LabelBudget::Count(3));
        assert_eq!(config.method.settings().iterations(), 50);
        let line = "train --data scans --labeled 10% --test-list test.list --set method.bank=9";
        let config = configuration(&parse(line).single, Task::Acdc, "action").unwrap();
        let list = config.data.test_list.unwrap();
        assert!(list.is_absolute() && list.ends_with("test.list"));
        assert_eq!(config.data.labeled, LabelBudget::Percent(10.0));
        assert_eq!(config.preset, "compact");
        let MethodConfig::Action(action) = config.method else {
            panic!("another method");
        };
        assert_eq!(action.bank, 9);
    }

    #[test]
    fn the_help_names_every_method() {
        for &name in MethodConfig::NAMES {
            assert!(method_help().contains(name));
        }
    }
}
