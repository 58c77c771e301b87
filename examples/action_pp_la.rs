//! Trains ACTION++ (You et al., MICCAI 2023), with adaptive contrast and a temperature schedule, on the left atrium.
//!
//! ```sh
//! cargo run --release --example action_pp_la                    # generated phantoms, a few minutes
//! cargo run --release --example action_pp_la -- --data LA_FOLDER --preset quick --labeled 8
//! ```

use std::process::ExitCode;

use semivox::cli::{self, Flags};
use semivox::methods::method_config::MethodConfig;
use semivox::methods::recipes::CenterAssignment;
use semivox::methods::schedule::CosineTemperature;
use semivox::prelude::*;
use semivox::trainer::TrainError;

fn main() -> ExitCode {
    let flags = Flags::parse("Semi-supervised segmentation of the left atrium with ACTION++");
    cli::exit_code(train(&flags))
}

/// Returns the preset with the paper's hyperparameters, which it has already; this shows where to set them.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = preset(size, "action_pp")?;
    if let MethodConfig::ActionPp(method) = &mut config.method {
        // Adaptive contrast: evenly spread class centers; every step assigns the classes to the nearest ones.
        method.assignment = CenterAssignment::Adaptive;
        [method.center_weight, method.adaptive_weight] = [0.2, 0.01];
        // Temperature schedule: one cosine cycle, from 1 down to 0.1 and back.
        method.schedule = Some(CosineTemperature::default());
        // All other settings are those of ACTION.
        [method.action.weak_threshold, method.action.strong_threshold] = [0.7, 0.97];
    }
    Ok(config)
}

fn train(flags: &Flags) -> Result<ExitCode, TrainError> {
    let mut config = configuration(flags.preset())?;
    // Data: the scans of --data, or phantoms; the first --labeled of them keep their label maps.
    config.data = flags.data(config.data)?;
    let config = flags.settings(config)?;

    // The session opens the run folder and the data set, trains, and evaluates the last checkpoint.
    let mut progress = flags.observer();
    let session = flags.session(config, progress.as_ref())?;
    flags.announce(&session);
    let stop = cli::stop_on_ctrl_c()?;
    let summary = session.run(progress.as_mut(), &stop)?;

    if let (Some(evaluation), false) = (&summary.evaluation, flags.json()) {
        let dice = |of: Option<f64>| of.map_or("unknown".into(), |dice| format!("{dice:.4}"));
        let [before, after] = [summary.dice_before, summary.dice()].map(dice);
        println!("{evaluation}\nMean Dice before training {before}, after {after}.");
    }
    Ok(flags.finish(&session, &summary))
}
