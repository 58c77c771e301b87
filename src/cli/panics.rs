//! The panic hook of the command.

use std::panic;

use semivox_inference::panics::catching;

/// Returns the error of a panic that comes from printing a result on standard output.
fn unprinted<'a>(panic: &'a panic::PanicHookInfo<'_>) -> Option<&'a str> {
    let message = panic.payload().downcast_ref::<String>()?;
    message.strip_prefix("failed printing to stdout: ")
}

/// Suppresses the messages of panics that are caught and reported as errors, and ends the program where its output cannot
/// be written: with an error, or quietly if the program that reads it has ended.
pub(super) fn silence_caught() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        match unprinted(panic) {
            // As a signal would end it, so that `semivox inspect scans | head` is quiet.
            Some(error) if error.contains("Broken pipe") => std::process::exit(141),
            Some(error) => {
                tell!("error: cannot write the output: {error}; make room, or send it elsewhere");
                std::process::exit(1);
            }
            None => (),
        }
        if !catching() {
            print(panic);
        }
    }));
}
