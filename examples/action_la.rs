//! ACTION on the left atrium: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example action_la                      # generated phantoms, a few minutes
//! cargo run --release --example action_la -- --data LA_FOLDER --preset compact --labeled 8
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use semivox::trainer::config::RunConfig;
use semivox::trainer::presets::preset;
use semivox::trainer::session::{Session, Summary};
use semivox::trainer::training::Outcome;
use semivox::trainer::{TrainError, interrupt, progress::Progress};

/// Semi-supervised segmentation of the left atrium with ACTION.
#[derive(Parser)]
struct Arguments {
    /// Folder of scans: images/, labels/, train.list and test.list, or case folders with
    /// mri_norm2.h5. Without it, phantoms are generated.
    #[arg(long)]
    data: Option<PathBuf>,
    /// smoke (phantoms, minutes), compact (scans on a CPU) or paper (scans on a GPU).
    #[arg(long)]
    preset: Option<String>,
    /// How many training cases keep their label; the others are used without.
    #[arg(long)]
    labeled: Option<usize>,
    /// action; mean_teacher, or supervised (labeled cases alone) to compare with.
    #[arg(long, default_value = "action")]
    method: String,
    /// Training iterations in all, over all stages.
    #[arg(long)]
    iterations: Option<u64>,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal where compiled in.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Folder for everything the run leaves behind [default: runs/METHOD_la].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on with the run in --out, with the settings stored there.
    #[arg(long)]
    resume: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(format!("{}_la", arguments.method)));
    let mut progress = Progress::new();
    let session = match arguments.resume {
        true => Session::resume(&out, &progress)?,
        false => Session::start(configuration(arguments)?, &out, &progress)?,
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
fn configuration(arguments: &Arguments) -> Result<RunConfig, TrainError> {
    let fallback = if arguments.data.is_some() {
        "compact"
    } else {
        "smoke"
    };
    let name = arguments.preset.as_deref().unwrap_or(fallback);
    let mut config = preset(name, &arguments.method)?;
    config.seed = arguments.seed;
    config.device = arguments.device.clone();
    config.data.root = arguments.data.clone();
    if let Some(labeled) = arguments.labeled {
        config.data.labeled = labeled;
    }
    if let Some(iterations) = arguments.iterations {
        config.method = config.method.with_iterations(iterations);
    }
    Ok(config)
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
