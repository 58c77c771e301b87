//! The panic hook of the command.

use std::panic;

use semivox_inference::panics::catching;

/// Suppresses the messages of panics that are caught and reported as errors.
pub(super) fn silence_caught() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !catching() {
            print(panic);
        }
    }));
}
