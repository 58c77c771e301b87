//! The panic hook of the command.

use std::panic;

use semivox_inference::panics::catching;

/// Returns whether a panic comes from printing a result to a program that has ended.
///
/// Standard error is left out: a training whose log has ended goes on to its checkpoint.
fn is_closed_pipe(panic: &panic::PanicHookInfo<'_>) -> bool {
    let message = panic.payload().downcast_ref::<String>();
    message.is_some_and(|text| {
        text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
    })
}

/// Suppresses the messages of panics that are caught and reported as errors, and ends the program quietly where the reader
/// of its output has ended.
pub(super) fn silence_caught() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if is_closed_pipe(panic) {
            // As a signal would end it, so that `semivox inspect scans | head` is quiet.
            std::process::exit(141);
        }
        if !catching() {
            print(panic);
        }
    }));
}
