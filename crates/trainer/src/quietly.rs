//! Panics of a library as errors.

use std::panic::{self, UnwindSafe};

/// Runs what may panic for reasons that a person has to hear in one sentence: the first line of the panic's message,
/// of which nothing is printed.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let outcome = panic::catch_unwind(run);
    panic::set_hook(hook);
    outcome.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        let first = text.and_then(|text| text.lines().next());
        first.unwrap_or("no reason").to_string()
    })
}
