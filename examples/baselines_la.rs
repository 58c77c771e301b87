//! The baselines on the left atrium: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example baselines_la                   # mean teacher on generated phantoms
//! cargo run --release --example baselines_la -- --method supervised --data LA_FOLDER --labeled 8
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "The methods that others are measured against, on the left atrium",
        Task::LeftAtrium,
        "mean_teacher",
    )
}
