//! The `semivox` command, and its flags for use in other programs.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the work failed, or found mistakes; a message says which |
//! | 2 | the command line is wrong |
//! | 130 | stopped by Ctrl-C after a checkpoint; `--resume` goes on |

mod compare;
mod device;
mod evaluate;
mod flags;
mod inspect;
mod interrupt;
mod panics;
mod predict;
mod progress;
mod report;
mod run;
mod table;
mod train;
mod training;
mod weights;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use semivox_trainer::TrainError;

pub use flags::Flags;
pub use interrupt::stop_on_ctrl_c;

/// Segment medical volumes with few labels.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
A model from your own scans, some of them labeled:

  semivox inspect scans/                                   what is there, what is wrong, what to run
  semivox train mean_teacher --data scans/ --out runs/mine
  semivox predict runs/mine new/*.nii.gz --out predicted/
  semivox evaluate predicted/ drawn/

A folder of scans has images/NAME.nii.gz and, for some of them, labels/NAME.nii.gz; a file
classes.txt may name the labels, one a line, the background first. Folders of the Medical
Segmentation Decathlon, LA, ACDC and Pancreas-CT work as they are.

Exit codes: 0 done, 1 failed or mistakes found, 2 wrong command line, 130 stopped by Ctrl-C.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Look through a folder of scans: sizes, intensities, labels, mistakes, what to run.
    Inspect(inspect::Arguments),
    /// Train a method on a folder of scans, or on generated phantoms.
    Train(train::Arguments),
    /// Segment scans with a trained model.
    Predict(predict::Arguments),
    /// Compare predicted label maps with drawn ones.
    Evaluate(evaluate::Arguments),
    /// Train several methods and seeds, and tabulate them.
    Compare(compare::Arguments),
    /// List the devices of this build, or compare one with the CPU.
    Device(device::Arguments),
    /// Make the report of a run again.
    Report(report::Arguments),
    /// Write a run's model as one file, with PyTorch's names.
    Export(weights::ExportArguments),
    /// Make a model of a network from PyTorch, to predict with.
    Import(weights::ImportArguments),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    carry_out(Cli::parse())
}

/// Runs the command with the given arguments, which do not include a program name.
///
/// This is for programs that offer it beside commands of their own.
pub fn main_of(arguments: &[String]) -> ExitCode {
    let name = [String::from("semivox")];
    carry_out(Cli::parse_from(name.iter().chain(arguments)))
}

fn carry_out(cli: Cli) -> ExitCode {
    panics::silence_caught();
    let result = match cli.command {
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Device(arguments) => device::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Export(arguments) => weights::export(&arguments),
        Command::Import(arguments) => weights::import(&arguments),
        Command::Completions { shell } => {
            let out = &mut std::io::stdout();
            clap_complete::generate(shell, &mut Cli::command(), "semivox", out);
            Ok(ExitCode::SUCCESS)
        }
    };
    exit_code(result)
}

/// Returns the exit code of a program, and prints the error if there is one.
pub fn exit_code(result: Result<ExitCode, TrainError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Ends the program with a usage error, as clap does for a wrong command line.
fn wrong_usage(message: &str) -> ! {
    let kind = clap::error::ErrorKind::MissingRequiredArgument;
    Cli::command().error(kind, message).exit()
}

/// Prints a value as one line of JSON to standard output.
fn print_json(value: &serde_json::Value) {
    println!("{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
