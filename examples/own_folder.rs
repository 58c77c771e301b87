//! A person's own scans, of which some are labeled: settings that fit them, training, report.
//!
//! The folder has `images/NAME.nii.gz`, `labels/NAME.nii.gz` for some of them and, if you like, `classes.txt`
//! with a name a line, the background first. Layouts of the Decathlon and of public data sets work too.
//!
//! ```sh
//! cargo run --release --example own_folder                     # generated phantoms, a few minutes
//! cargo run --release --example own_folder -- --data FOLDER --test-list TEST.list
//! ```

use std::process::ExitCode;

use semivox::trainer::presets::Task;

fn main() -> ExitCode {
    semivox::cli::train(
        "Semi-supervised segmentation of your own scans",
        Task::Own,
        "mean_teacher",
    )
}
