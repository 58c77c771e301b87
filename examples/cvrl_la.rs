//! Trains CVRL (reconstruction), with contrast along the batch and along the features, on the left atrium.
//!
//! ```sh
//! cargo run --release --example cvrl_la                         # generated phantoms, a few minutes
//! cargo run --release --example cvrl_la -- --data LA_FOLDER --preset quick --labeled 8
//! ```

use std::process::ExitCode;

use semivox::cli::{self, Flags};
use semivox::methods::method_config::MethodConfig;
use semivox::methods::recipes::cvrl::{Keys, Levels};
use semivox::prelude::*;
use semivox::trainer::TrainError;

fn main() -> ExitCode {
    let flags = Flags::parse("Segmentation of the left atrium with CVRL (reconstruction)");
    cli::exit_code(train(&flags))
}

/// Returns the preset with the settings of the abstract, the only part of the paper that could be read. The preset has
/// them already; this shows where to set them.
pub fn configuration(size: &str) -> Result<RunConfig, TrainError> {
    let mut config = preset(size, "cvrl")?;
    if let MethodConfig::Cvrl(cvrl) = &mut config.method {
        // Contrast at a high and a low level of the network, with keys of a momentum network.
        (cvrl.levels, cvrl.keys) = (Levels::Both, Keys::Momentum);
        // Values chosen here, since the abstract gives none.
        [cvrl.batch_temperature, cvrl.feature_temperature] = [0.1, 0.1];
        cvrl.voxels = 512;
        cvrl.consistency_weight = 0.1;
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
