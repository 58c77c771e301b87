//! CVRL (reconstruction) on the left atrium: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example cvrl_la                        # generated phantoms, a few minutes
//! cargo run --release --example cvrl_la -- --data LA_FOLDER --preset compact --labeled 8
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of the left atrium with CVRL (reconstruction)",
        Task::LeftAtrium,
        "cvrl",
    )
}
