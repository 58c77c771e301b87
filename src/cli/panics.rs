//! The panic hook of the command.

use std::panic;

use semivox_inference::panics::catching;

/// Prints no message of panics that become errors, which are printed as such.
pub(super) fn silence_caught() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !catching() {
            print(panic);
        }
    }));
}
