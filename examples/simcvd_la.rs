//! Trains SimCVD (You et al., IEEE TMI 2022), with contrastive learning on signed distance maps, on the left atrium.
//!
//! ```sh
//! cargo run --release --example simcvd_la                       # generated phantoms, a few minutes
//! cargo run --release --example simcvd_la -- --data LA_FOLDER --preset quick --labeled 8
//! ```

use std::process::ExitCode;

use semivox::cli::{self, Flags};
use semivox::methods::method_config::MethodConfig;
use semivox::prelude::*;
use semivox::trainer::TrainError;

fn main() -> ExitCode {
    let flags = Flags::parse("Semi-supervised segmentation of the left atrium with SimCVD");
    cli::exit_code(train(&flags))
}

/// Returns the preset with the paper's hyperparameters, which it has already; this shows where to set them.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = preset(size, "simcvd")?;
    if let MethodConfig::SimCvd(simcvd) = &mut config.method {
        // Eq. 6: L_sup + λ·L_contrast + β·L_pd + γ·Ψ(t)·L_con
        simcvd.contrast_weight = 0.5;
        [simcvd.pairwise_weight, simcvd.consistency_weight] = [0.1, 0.1];
        // Eq. 1: α, the weight of the signed distance in L_sup; Eqs. 2 and 3: τ and the dropout of the head.
        simcvd.distance_weight = 0.1;
        [simcvd.temperature, simcvd.head_dropout] = [0.5, 0.1];
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
