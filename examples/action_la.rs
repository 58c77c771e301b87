//! Trains ACTION (You et al., IPMI 2023), a method of three stages, on the left atrium.
//!
//! ```sh
//! cargo run --release --example action_la                       # generated phantoms, a few minutes
//! cargo run --release --example action_la -- --data LA_FOLDER --preset quick --labeled 8
//! ```

use std::process::ExitCode;

use semivox::cli::{self, Flags};
use semivox::methods::method_config::MethodConfig;
use semivox::prelude::*;
use semivox::trainer::TrainError;

fn main() -> ExitCode {
    let flags = Flags::parse("Semi-supervised segmentation of the left atrium with ACTION");
    cli::exit_code(train(&flags))
}

/// Returns the preset with the paper's hyperparameters, which it has already; this shows where to set them.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = preset(size, "action")?;
    if let MethodConfig::Action(action) = &mut config.method {
        // Global and local distillation: a memory bank of 36 images, and two temperatures.
        action.bank = 36;
        action.student_temperature = 0.1;
        action.teacher_temperature = 0.01;
        action.teacher_momentum = 0.99;
        // Anatomical contrast and pseudo-labels: confidence thresholds and weights of the authors' code.
        [action.strong_threshold, action.weak_threshold] = [0.97, 0.7];
        action.contrast_temperature = 0.5;
        [action.contrast_weight, action.unsupervised_weight] = [0.01, 1.0];
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
