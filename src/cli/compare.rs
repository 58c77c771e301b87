//! The command `semivox compare`.

mod cells;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use semivox_inference::evaluation::Evaluation;
use semivox_trainer::TrainError;
use semivox_trainer::comparison::{Comparison, Run};
use semivox_trainer::config::RunConfig;
use semivox_trainer::run::folder::RunFolder;
use semivox_trainer::session::Session;
use semivox_trainer::training::Outcome;
use serde_json::json;

use super::interrupt;
use super::memory::Free;
use super::run::{RunArguments, method_help};
use super::training;
use cells::{Cell, cells};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Methods, separated by commas.
    #[arg(long, required = true, value_delimiter = ',', help = method_help())]
    methods: Vec<String>,
    /// Seeds, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    seeds: Vec<u64>,
    /// Train the given methods alone, without supervised training and the controls: supervised training with the
    /// augmentation of each method.
    #[arg(long)]
    without_controls: bool,
    /// Folder for the runs and the table.
    #[arg(long, value_name = "DIR", default_value = "runs/compare")]
    out: PathBuf,
    #[command(flatten)]
    run: RunArguments,
    /// Print the table as one line of JSON.
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
Finished runs are not repeated, and an interrupted run is resumed: after Ctrl-C or an error, run the
same command again. Each run has its folder OUT/METHOD_LABELED_SEED with its own report. The table is
written to comparison.md, .csv and .json, a line for each run to runs.csv, for each test case of a
run to cases.csv, and a chart to comparison.svg. Without test cases, the runs are measured on the
cases of --validation. Supervised training is added and, for bcp, fixmatch,
unimatch, action and action_pp, supervised training with their augmentation: a method's gain is what it
has over both. Of --set method.KEY, these controls take only method.optimizer.

  semivox compare --methods bcp,mean_teacher,action --seeds 0,1,2 --data scans/ --labeled 8 --test-list test.list";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let (cells, quiet) = (cells(arguments)?, arguments.run.quiet);
    for Cell { config, folder } in &cells {
        expect_same(folder, config)?;
    }
    // Read once: the memory of a finished run stays with this process, for the next.
    let free = Free::now();
    let stop = interrupt::stop_on_ctrl_c()?;
    let mut runs = Vec::new();
    let (mut told, mut diverged) = (false, false);
    for (number, Cell { config, folder }) in cells.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(stopped());
        }
        if !quiet {
            let (of, method, seed) = (cells.len(), config.method_title(), config.seed);
            tell!("run {} of {of}: {method}, seed {seed}", number + 1);
        }
        match outcome(folder, config, free.clone(), (quiet, &mut told), &stop) {
            Ok(Some(run)) => runs.push(run),
            Ok(None) => return Ok(stopped()),
            Err(error) if error.is_divergence() => {
                let folder = folder.display();
                tell!("error: {folder}: {error}; the table is made of the other runs");
                diverged = true;
            }
            Err(error) => return Err(error),
        }
    }
    if runs.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    for sentence in below_supervised(&cells)? {
        tell!("warning: {sentence}");
    }
    let comparison = Comparison::new(&runs)?;
    let table = comparison.write(&arguments.out)?;
    match arguments.json {
        true => super::print_json(&json!(comparison)),
        false => println!("{comparison}\n\nWritten: {}", table.display()),
    }
    Ok(match diverged {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Returns a sentence for each run whose Dice on the validation cases is below that of supervised training.
fn below_supervised(cells: &[Cell]) -> Result<Vec<String>, TrainError> {
    let mut measured = Vec::new();
    for Cell { config, folder } in cells {
        let path = RunFolder::open_existing(folder)?.validation();
        if path.is_file()
            && let Some(dice) = Evaluation::read(path)?.mean.dice
        {
            measured.push((config.method_title(), config.seed, dice));
        }
    }
    let reference = |seed: u64| {
        let mut runs = measured.iter();
        let run = runs.find(|(method, of, _)| method == "supervised" && *of == seed);
        run.map(|(.., dice)| *dice)
    };
    let worse = measured.iter().filter_map(|(method, seed, dice)| {
        let supervised = reference(*seed).filter(|supervised| dice < supervised)?;
        Some(format!(
            "{method}, seed {seed}, has a Dice of {dice:.4} on the validation cases, supervised training {supervised:.4}"
        ))
    });
    Ok(worse.collect())
}

fn stopped() -> ExitCode {
    tell!("Stopped after saving a checkpoint. Run the same command again to continue.");
    ExitCode::from(130)
}

/// Returns the finished run with these settings, or `None` if it was interrupted.
///
/// The run is started or resumed, unless it is finished. The first one tells what is doubtful about the data set.
fn outcome(
    folder: &Path,
    wanted: &RunConfig,
    mut free: Free,
    (quiet, told): (bool, &mut bool),
    stop: &AtomicBool,
) -> Result<Option<Run>, TrainError> {
    let mut observer = training::observer(quiet);
    let session = match begun(folder)? {
        None => {
            free.warn(wanted, 0.0);
            Session::start(wanted.clone(), folder, observer.as_ref())?
        }
        Some(run) => {
            if let Some(finished) = Run::open_finished(&run)? {
                return Ok(Some(finished));
            }
            Session::resume(folder, observer.as_ref())?
        }
    };
    if !std::mem::replace(told, true) {
        training::warn(&session, free);
    }
    let summary = session.run(observer.as_mut(), stop)?;
    match summary.outcome {
        Outcome::Finished => Ok(Some(Run::open(&RunFolder::open_existing(folder)?)?)),
        Outcome::Interrupted { .. } => Ok(None),
    }
}

/// Returns the run in a folder, if one was started there.
fn begun(folder: &Path) -> Result<Option<RunFolder>, TrainError> {
    match folder.join("config.toml").is_file() {
        true => Ok(Some(RunFolder::open_existing(folder)?)),
        false => Ok(None),
    }
}

/// Fails if an earlier run in the folder has other settings than those wanted, or began with other cases than the data set
/// has now.
fn expect_same(folder: &Path, wanted: &RunConfig) -> Result<(), TrainError> {
    let Some(run) = begun(folder)? else {
        return Ok(());
    };
    let found = RunConfig::from_toml(&run.read_config()?)?;
    let wanted = wanted.clone().completed(&found);
    if wanted == found {
        return Run::expect_same_cases(&run);
    }
    let differing = found.differences(&wanted)?;
    Err(TrainError::unexpected(
        run.root().display(),
        "a run with the same settings",
        format!("other ones: {}", differing.join("; ")),
        "remove it or choose another --out",
    ))
}
