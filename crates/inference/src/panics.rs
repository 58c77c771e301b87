//! Conversion of backends' panics to errors.
//!
//! Burn's backends panic where a driver is missing or a device cannot compute. [`catch`] turns such a panic into an
//! error. Whether its message is printed as well is up to the program: a panic hook that calls [`catching`] can stay
//! silent.

use std::panic::{self, UnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

static CATCHING: AtomicUsize = AtomicUsize::new(0);

/// Calls `run`; if it panics, returns the first line of the panic's message as an error.
///
/// # Errors
/// The first line of the message of a panic.
///
/// # Examples
/// ```
/// use semivox_inference::panics::catch;
///
/// assert_eq!(catch(|| 3), Ok(3));
/// let panics: fn() -> i32 = || panic!("no driver\nand a trace");
/// assert_eq!(catch(panics), Err("no driver".into()));
/// ```
pub fn catch<T>(run: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    CATCHING.fetch_add(1, Ordering::SeqCst);
    let outcome = panic::catch_unwind(run);
    CATCHING.fetch_sub(1, Ordering::SeqCst);
    outcome.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        let first = text.and_then(|text| text.lines().next());
        first.unwrap_or("no reason").to_string()
    })
}

/// Returns whether a [`catch`] is running on any thread; backends compute on threads of their own.
pub fn catching() -> bool {
    CATCHING.load(Ordering::SeqCst) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_first_line_of_its_message() {
        let many: fn() -> bool = || panic!("no parameter id {}\nand a trace", 7);
        assert_eq!(catch(many), Err("no parameter id 7".into()));
        let few: fn() -> bool = || panic!("gone");
        assert_eq!(catch(few), Err("gone".into()));
        assert_eq!(catch(catching), Ok(true));
    }
}
