//! The command `semivox report`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use semivox_trainer::TrainError;
use semivox_trainer::report;
use semivox_trainer::run::folder::RunFolder;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Run folder, of a finished or unfinished run.
    run: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let run = RunFolder::open_existing(&arguments.run)?;
    let remade = report::remake(&run)?;
    for sentence in &remade.missing {
        tell!("{sentence}");
    }
    println!("Report: {}", remade.path.display());
    Ok(ExitCode::SUCCESS)
}
