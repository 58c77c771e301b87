//! Names in messages.

/// Maximum number of names listed in a note.
const NAMED: usize = 3;

/// Formats names of files: all of them, or a count with the first few.
pub(crate) fn some_of(names: &[impl AsRef<str>]) -> String {
    some_named(names, "files")
}

/// Formats names of things of a kind, such as "files".
pub(crate) fn some_named(names: &[impl AsRef<str>], kind: &str) -> String {
    let first: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match names.len() {
        0..=NAMED => first.join(", "),
        more => format!("{more} {kind} ({}, …)", first.join(", ")),
    }
}
