//! Trains IDEAL (reconstruction), dense contrast followed by two decoders, on slices of ACDC.
//!
//! ```sh
//! cargo run --release --example ideal_acdc                      # generated phantoms, a few minutes
//! cargo run --release --example ideal_acdc -- --data ACDC_FOLDER --labeled 7   # patients
//! ```

use std::process::ExitCode;

use semivox::cli::{self, Flags};
use semivox::methods::method_config::MethodConfig;
use semivox::methods::recipes::{Negatives, Perturbation, Streams};
use semivox::prelude::*;
use semivox::trainer::TrainError;
use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    let flags = Flags::parse("Segmentation of the heart in cine MR with IDEAL (reconstruction)");
    cli::exit_code(train(&flags))
}

/// Returns the preset with what is known of the paper, which it has already; this shows where to set it.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = Task::Acdc.preset(size, "ideal")?;
    if let MethodConfig::Ideal(ideal) = &mut config.method {
        // Stage i: negatives of each position of the bottleneck come from a queue of other images.
        ideal.negatives = Negatives::Queue;
        // Stage ii: one encoder, and two decoders with different perturbations that give each other pseudo-labels.
        (ideal.streams, ideal.perturbation) = (Streams::Decoders, Perturbation::Intensity);
        // Values chosen here, since none of the paper's are known.
        [ideal.temperature, ideal.key_momentum] = [0.2, 0.99];
        [ideal.cross_weight, ideal.threshold] = [0.1, 0.0];
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
