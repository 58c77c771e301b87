//! Any method on the hippocampus of the Medical Segmentation Decathlon: train, evaluate, look.
//!
//! ```sh
//! cargo run --release --example baselines_hippocampus -- --data Task04_Hippocampus \
//!     --test-list splits/hippocampus_test.list --labeled 8 --method action
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of the hippocampus",
        Task::Hippocampus,
        "mean_teacher",
    )
}
