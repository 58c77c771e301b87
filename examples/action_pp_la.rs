//! ACTION++ on the left atrium: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example action_pp_la                      # generated phantoms, a few minutes
//! cargo run --release --example action_pp_la -- --data LA_FOLDER --preset compact --labeled 8
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of the left atrium with ACTION++",
        Task::LeftAtrium,
        "action_pp",
    )
}
