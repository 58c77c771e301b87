//! The flags that all training programs share, and what they do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches};
use semivox_data::layout::{self, HoldOut};
use semivox_data::{Labeled, Survey};
use semivox_trainer::config::RunConfig;
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::session::{Session, Summary};
use semivox_trainer::training::Outcome;
use semivox_trainer::{TrainError, interrupt, progress::Progress};

/// The flags.
#[derive(Debug, Args)]
struct Arguments {
    /// Folder of scans: images/, labels/, train.list and test.list, or case folders with
    /// mri_norm2.h5. Without it, phantoms are generated.
    #[arg(long)]
    data: Option<PathBuf>,
    /// smoke (phantoms, minutes), compact (scans on a CPU) or paper (scans on a GPU).
    #[arg(long)]
    preset: Option<String>,
    /// How many training cases keep their label, such as 8 or 10%; the others are used without.
    /// ACDC counts patients.
    #[arg(long)]
    labeled: Option<Labeled>,
    /// A file with the cases to test on, one a line; they do not train.
    #[arg(long, value_name = "FILE")]
    test_list: Option<PathBuf>,
    /// The method to train; supervised learns from the labeled cases alone.
    #[arg(long, help = method_help())]
    method: Option<String>,
    /// Training iterations in all, over all stages.
    #[arg(long)]
    iterations: Option<u64>,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal where compiled in.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Folder for everything the run leaves behind [default: runs/METHOD_TASK].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on with the run in --out, with the settings stored there.
    #[arg(long)]
    resume: bool,
}

fn method_help() -> String {
    format!("One of {}", MethodConfig::NAMES.join(", "))
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
    run(&arguments, task, method).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments, task: Task, method: &str) -> Result<ExitCode, TrainError> {
    let fallback = || Path::new("runs").join(format!("{method}_{task}"));
    let out = arguments.out.clone().unwrap_or_else(fallback);
    let mut progress = Progress::new();
    let session = match arguments.resume {
        true => Session::resume(&out, &progress)?,
        false => Session::start(configuration(arguments, task, method)?, &out, &progress)?,
    };
    let stop = interrupt::stop_on_ctrl_c()?;
    let summary = session.run(&mut progress, &stop)?;
    if let Outcome::Interrupted { step } = summary.outcome {
        println!(
            "Stopped after step {step}, saved. Add --resume --out {} to go on.",
            out.display()
        );
        return Ok(ExitCode::from(130));
    }
    print_results(&summary, &out);
    if arguments.data.is_none() && !arguments.resume {
        println!("Real scans: add --data FOLDER --preset compact --labeled 8");
    }
    Ok(ExitCode::SUCCESS)
}

/// The preset with what the command line says otherwise.
fn configuration(arguments: &Arguments, task: Task, method: &str) -> Result<RunConfig, TrainError> {
    let fallback = if arguments.data.is_some() {
        "compact"
    } else {
        "smoke"
    };
    let name = arguments.preset.as_deref().unwrap_or(fallback);
    let mut config = match &arguments.data {
        Some(root) if task == Task::Own => task.fitted(&survey(root, arguments)?, name, method)?,
        _ => task.preset(name, method)?,
    };
    config.seed = arguments.seed;
    config.device = arguments.device.clone();
    config.data.root = arguments.data.clone();
    config.data.test_list = arguments.test_list.clone();
    if let Some(labeled) = arguments.labeled {
        config.data.labeled = labeled;
    }
    if let Some(iterations) = arguments.iterations {
        config.method = config.method.with_iterations(iterations);
    }
    Ok(config)
}

/// What the labeled scans of a folder are like.
fn survey(root: &Path, arguments: &Arguments) -> Result<Survey, TrainError> {
    let test = match &arguments.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let labeled = arguments.labeled.unwrap_or(Labeled::Percent(100.0));
    let dataset = layout::open_split(root, &test, labeled)?;
    Ok(Survey::read(&dataset.labeled, dataset.classes.len())?)
}

fn print_results(summary: &Summary, out: &Path) {
    match &summary.evaluation {
        Some(evaluation) => println!("{evaluation}"),
        None => println!("No test cases, no evaluation."),
    }
    if let (Some(before), Some(after)) = (summary.dice_before, summary.dice()) {
        println!("Mean Dice before training {before:.4}, after {after:.4}.");
    }
    println!("Report: {}", out.join("report.html").display());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(line: &str) -> Arguments {
        let command = Arguments::augment_args(Command::new("train"));
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        Arguments::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn flags_override_the_preset() {
        let arguments = parse("train --labeled 3 --iterations 50 --seed 7");
        let config = configuration(&arguments, Task::LeftAtrium, "mean_teacher").unwrap();
        assert_eq!((config.preset.as_str(), config.seed), ("smoke", 7));
        assert_eq!(config.data.labeled, Labeled::Count(3));
        assert_eq!(config.method.settings().iterations(), 50);
        let line = "train --data scans --labeled 10% --test-list test.list";
        let config = configuration(&parse(line), Task::Acdc, "action").unwrap();
        assert_eq!(config.data.test_list, Some("test.list".into()));
        assert_eq!(config.data.labeled, Labeled::Percent(10.0));
        assert_eq!(config.preset, "compact");
    }

    #[test]
    fn the_help_names_every_method() {
        for &name in MethodConfig::NAMES {
            assert!(method_help().contains(name));
        }
    }
}
