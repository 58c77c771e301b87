//! IDEAL (reconstruction) on ACDC, slice by slice: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example ideal_acdc                     # generated phantoms, a few minutes
//! cargo run --release --example ideal_acdc -- --data ACDC_FOLDER --labeled 7   # patients
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of the heart in cine MR with IDEAL (reconstruction)",
        Task::Acdc,
        "ideal",
    )
}
