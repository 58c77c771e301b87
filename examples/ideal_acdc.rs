//! IDEAL (reconstruction): dense contrast, then two decoders, on ACDC slice by slice.
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

/// The preset with what is known of the paper. The presets have it already: this shows where it goes.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = Task::Acdc.preset(size, "ideal")?;
    if let MethodConfig::Ideal(ideal) = &mut config.method {
        // Stage i: each position of the lowest map against a queue of other images.
        ideal.negatives = Negatives::Queue;
        // Stage ii: one encoder, two decoders that see different perturbations and label for each other.
        (ideal.streams, ideal.perturbation) = (Streams::Decoders, Perturbation::Intensity);
        // Chosen here, as no number of the paper is known.
        [ideal.temperature, ideal.key_momentum] = [0.2, 0.99];
        [ideal.cross_weight, ideal.threshold] = [0.1, 0.0];
    }
    Ok(config)
}

fn train(flags: &Flags) -> Result<ExitCode, TrainError> {
    let mut config = configuration(flags.preset())?;
    // Data: the scans of --data, or phantoms; the first --labeled of them keep their label.
    config.data = flags.data(config.data)?;
    let config = flags.settings(config)?;

    // A run folder with its data set; the session trains in it and evaluates the last checkpoint.
    let out = flags.out(&config);
    let mut progress = flags.observer();
    let session = match flags.resume() {
        true => Session::resume(&out, progress.as_ref())?,
        false => Session::start(config, &out, progress.as_ref())?,
    };
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
