//! The command `semivox compare`.

mod cells;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use semivox_inference::evaluation::Evaluation;
use semivox_trainer::TrainError;
use semivox_trainer::comparison::{Comparison, EarlierRuns, Run};
use semivox_trainer::run::folder::RunFolder;
use semivox_trainer::session::{Moved, Session};
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
    let cells = cells(arguments)?;
    let mut earlier = EarlierRuns::default();
    for Cell { config, folder } in &cells {
        if let Some(run) = begun(folder)? {
            earlier.expect_same(&run, config)?;
        }
    }
    let Some(Trained { runs, diverged }) = trained(&cells, earlier, arguments.run.quiet)? else {
        tell!("Stopped after saving a checkpoint. Run the same command again to continue.");
        return Ok(ExitCode::from(130));
    };
    for sentence in below_supervised(&cells)? {
        tell!("warning: {sentence}");
    }
    if !runs.is_empty() {
        let mut comparison = Comparison::new(&runs)?;
        if !diverged.is_empty() {
            let left_out = format!(" Left out, as they diverged: {}.", diverged.join("; "));
            comparison.protocol.push_str(&left_out);
        }
        let table = comparison.write(&arguments.out)?;
        match arguments.json {
            true => super::print_json(&json!(comparison)),
            false => println!("{comparison}\n\nWritten: {}", table.display()),
        }
    }
    Ok(match diverged.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The runs of a comparison.
struct Trained {
    runs: Vec<Run>,
    /// Method and seed of those that diverged.
    diverged: Vec<String>,
}

/// Trains what is not trained yet; `None` if it was interrupted.
fn trained(
    cells: &[Cell],
    mut earlier: EarlierRuns,
    quiet: bool,
) -> Result<Option<Trained>, TrainError> {
    // Read once: the memory of a finished run stays with this process, for the next.
    let free = Free::now();
    let stop = interrupt::stop_on_ctrl_c()?;
    let (mut runs, mut diverged, mut told) = (Vec::new(), Vec::new(), false);
    for (number, cell) in cells.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let title = format!("{}, seed {}", cell.config.method_title(), cell.config.seed);
        if !quiet {
            tell!("run {} of {}: {title}", number + 1, cells.len());
        }
        if let (Some(first), None) = (begun(&cells[0].folder)?, begun(&cell.folder)?) {
            // Anew: the data set may have changed while the runs before were trained.
            EarlierRuns::default().expect_same(&first, &cells[0].config)?;
        }
        match outcome(cell, &mut earlier, free.clone(), (quiet, &mut told), &stop) {
            Ok(Some(run)) => runs.push(run),
            Ok(None) => return Ok(None),
            Err(error) if error.is_divergence() => {
                tell!(
                    "error: {}: {error}; for the comparison, lower it for all runs, with --set \
                     method.optimizer.learning_rate=… and another --out; the other runs go on",
                    cell.folder.display()
                );
                diverged.push(title);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Trained { runs, diverged }))
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

/// Returns the finished run with these settings, or `None` if it was interrupted.
///
/// The run is started or resumed, unless it is finished. The first one tells what is doubtful about the data set.
fn outcome(
    Cell {
        config: wanted,
        folder,
    }: &Cell,
    earlier: &mut EarlierRuns,
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
            // Again: another process may have begun it since.
            earlier.expect_same(&run, wanted)?;
            if let Some(finished) = Run::open_finished(&run)? {
                return Ok(Some(finished));
            }
            let moved = Moved {
                data: wanted.data.root.clone(),
                test_list: wanted.data.test_list.clone(),
                device: Some(wanted.device.clone()),
            };
            Session::resume_moved(folder, &moved, observer.as_ref())?
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
