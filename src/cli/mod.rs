//! The `semivox` command, and its flags for use in other programs.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | success |
//! | 1 | failure, or errors found in the data; a message names them |
//! | 2 | wrong command line |
//! | 130 | stopped by Ctrl-C after saving a checkpoint; `--resume` continues from it |
//! | 141 | the program that reads the output has ended |

/// Prints a line on standard error. That nobody reads it any more must not end a training before its checkpoint.
macro_rules! tell {
    ($($part:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}

mod compare;
mod device;
mod evaluate;
mod flags;
mod inspect;
mod interrupt;
mod memory;
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
Train a model on your own scans, some of them labeled, and apply it:

  semivox inspect scans/                                   summary, errors, suggested command
  semivox train bcp --data scans/ --out runs/mine
  semivox predict runs/mine new/*.nii.gz --out predicted/
  semivox evaluate predicted/ drawn/

A folder of scans has images/NAME.nii.gz and, for some of them, labels/NAME.nii.gz; a file
classes.txt may name the classes, one per line, the background first. Folders of the Medical
Segmentation Decathlon, LA, ACDC and Pancreas-CT work without changes.

Exit codes: 0 success, 1 failure or errors found, 2 wrong command line, 130 stopped by Ctrl-C,
141 the program that reads the output has ended.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a folder of scans: sizes, intensities, labels, errors, suggested command.
    Inspect(inspect::Arguments),
    /// Train a method on a folder of scans, or on generated phantoms.
    Train(train::Arguments),
    /// Segment scans with a trained model.
    Predict(predict::Arguments),
    /// Evaluate predicted label maps against reference label maps.
    Evaluate(evaluate::Arguments),
    /// Train several methods with several seeds, and tabulate their metrics.
    Compare(compare::Arguments),
    /// List the devices of this build, or compare one with the CPU.
    Device(device::Arguments),
    /// Write the report of a run again.
    Report(report::Arguments),
    /// Export the model of a run to one file, with PyTorch's parameter names.
    Export(weights::ExportArguments),
    /// Import the weights of a PyTorch network as a model for prediction.
    Import(weights::ImportArguments),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command that the arguments of this process name.
pub fn main() -> ExitCode {
    carry_out(Cli::parse())
}

/// Runs the command that these arguments name, for programs that offer it beside commands of their own.
///
/// The arguments do not begin with the name of the program.
pub fn main_of(arguments: &[String]) -> ExitCode {
    let name = [String::from("semivox")];
    carry_out(Cli::parse_from(name.iter().chain(arguments)))
}

fn carry_out(cli: Cli) -> ExitCode {
    panics::silence_caught();
    semivox_kernels::keep_freed_memory();
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
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "semivox", &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
    };
    exit_code(result)
}

/// Returns the exit code for a result, after printing its error, if any.
pub fn exit_code(result: Result<ExitCode, TrainError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        tell!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Ends the program with clap's message and exit code for a wrong command line.
fn wrong_usage(message: &str) -> ! {
    let kind = clap::error::ErrorKind::MissingRequiredArgument;
    Cli::command().error(kind, message).exit()
}

/// Prints a value as one line of JSON on standard output.
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
