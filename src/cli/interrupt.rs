//! Interruption by Ctrl-C, which saves a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use semivox_trainer::TrainError;

/// Returns a flag that the first Ctrl-C (or termination request) sets.
///
/// Training then finishes its step, saves a checkpoint and ends. A second Ctrl-C ends the program at once.
///
/// # Errors
/// [`TrainError::Unexpected`] if another handler is installed already.
pub fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, TrainError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        tell!(
            "\nstopping after the step or case at hand, the training saved; press Ctrl-C again to stop at once"
        );
    })
    .map_err(|e| {
        TrainError::unexpected(
            "Ctrl-C",
            "no other handler",
            e,
            "start one training at a time",
        )
    })?;
    Ok(stop)
}
