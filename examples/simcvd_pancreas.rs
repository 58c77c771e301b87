//! SimCVD on the pancreas in CT: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example simcvd_pancreas                # generated phantoms, a few minutes
//! cargo run --release --example simcvd_pancreas -- --data CT_FOLDER --labeled 12
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of the pancreas in CT with SimCVD",
        Task::Pancreas,
        "simcvd",
    )
}
