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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_first_line_of_its_message() {
        assert_eq!(quietly(|| 3), Ok(3));
        let many: fn() -> i32 = || panic!("no parameter id {}\nand a trace", 7);
        assert_eq!(quietly(many), Err("no parameter id 7".into()));
        let few: fn() -> i32 = || panic!("gone");
        assert_eq!(quietly(few), Err("gone".into()));
    }
}
