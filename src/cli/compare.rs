//! `semivox compare`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use clap::Args;
use semivox_data::Labeled;
use semivox_trainer::comparison::Comparison;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::progress::Progress;
use semivox_trainer::run::evaluation::Evaluation;
use semivox_trainer::run::folder::RunFolder;
use semivox_trainer::session::Session;
use semivox_trainer::training::{Observer, Outcome};
use semivox_trainer::{TrainError, interrupt};
use serde_json::json;

use super::run::{self, RunArguments, file_name, method_help, task_of};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Methods, with commas between them.
    #[arg(long, required = true, value_delimiter = ',', help = method_help())]
    methods: Vec<String>,
    /// Seeds, with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    seeds: Vec<u64>,
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
Runs that are finished are not run again, and one that was interrupted goes on: after Ctrl-C or a
mistake, give the same command once more. Each run lies in OUT/METHOD_LABELED_SEED and has its own
report. The table is written to comparison.md, .csv and .json.

  semivox compare --methods supervised,mean_teacher,action --seeds 0,1,2 --data scans/ --labeled 8 --test-list test.list";

/// A run of the grid.
struct Cell<'a> {
    method: &'a str,
    seed: u64,
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let task = match &arguments.run.data.data {
        Some(root) => task_of(root)?,
        None => Task::LeftAtrium,
    };
    let survey = run::surveyed(&arguments.run.data, task)?;
    let cells = cells(arguments);
    let stop = interrupt::stop_on_ctrl_c()?;
    let mut evaluations = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        if !arguments.run.quiet {
            let (of, Cell { method, seed, .. }) = (cells.len(), cell);
            eprintln!("run {} of {of}: {method}, seed {seed}", number + 1);
        }
        let wanted = run::configuration(&arguments.run, task, survey.as_ref(), cell.method)?;
        let wanted = RunConfig {
            seed: cell.seed,
            ..wanted
        };
        match outcome(&cell.folder, wanted, arguments.run.quiet, &stop)? {
            Some(evaluation) => evaluations.push(evaluation),
            None => {
                eprintln!("Stopped, saved. Give the same command again to go on.");
                return Ok(ExitCode::from(130));
            }
        }
    }
    let comparison = Comparison::new(&evaluations)?;
    let table = comparison.write(&arguments.out)?;
    match arguments.json {
        true => super::print_json(&json!(comparison)),
        false => println!("{comparison}\n\nWritten: {}", table.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn cells(arguments: &Arguments) -> Vec<Cell<'_>> {
    let labeled = arguments
        .run
        .data
        .labeled
        .map_or("all".into(), |n: Labeled| {
            n.to_string().replace('%', "percent")
        });
    let cell = |seed, method| Cell {
        method,
        seed,
        folder: arguments
            .out
            .join(format!("{}_{labeled}_{seed}", file_name(method))),
    };
    let methods = || arguments.methods.iter();
    let seeds = arguments.seeds.iter();
    seeds
        .flat_map(|&seed| methods().map(move |method| cell(seed, method)))
        .collect()
}

/// The evaluation of a run with these settings, trained now, earlier or partly both; none if it was stopped.
fn outcome(
    folder: &Path,
    wanted: RunConfig,
    quiet: bool,
    stop: &AtomicBool,
) -> Result<Option<Evaluation>, TrainError> {
    let (mut progress, mut nothing) = (Progress::new(), ());
    let observer: &mut dyn Observer = match quiet {
        true => &mut nothing,
        false => &mut progress,
    };
    let session = match begun(folder)? {
        None => Session::start(wanted, folder, observer)?,
        Some(run) => {
            refuse_other_settings(&run, wanted)?;
            if run.evaluation().is_file() {
                return Ok(Some(Evaluation::read(run.evaluation())?));
            }
            Session::resume(folder, observer)?
        }
    };
    let summary = session.run(observer, stop)?;
    match (summary.outcome, summary.evaluation) {
        (Outcome::Interrupted { .. }, _) => Ok(None),
        (Outcome::Finished, Some(evaluation)) => Ok(Some(evaluation)),
        (Outcome::Finished, None) => Err(TrainError::Input(
            "compare: expected test cases, found none in the data set; name some with --test-list"
                .into(),
        )),
    }
}

/// The run in a folder, if one was begun there.
fn begun(folder: &Path) -> Result<Option<RunFolder>, TrainError> {
    match folder.join("config.toml").is_file() {
        true => Ok(Some(RunFolder::open_existing(folder)?)),
        false => Ok(None),
    }
}

/// An earlier run counts only with the same settings.
fn refuse_other_settings(run: &RunFolder, mut wanted: RunConfig) -> Result<(), TrainError> {
    let found = RunConfig::from_toml(&run.read_config()?)?;
    wanted.data.classes.clone_from(&found.data.classes);
    if wanted == found {
        return Ok(());
    }
    Err(TrainError::Input(format!(
        "{}: expected a run with the settings asked for, found one with others; \
         remove it or choose another --out",
        run.root().display()
    )))
}
