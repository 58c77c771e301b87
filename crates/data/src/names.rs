//! Names in messages.

/// Number of names that a note gives.
const NAMED: usize = 3;

/// The names of files, of many a count with the first ones.
pub(crate) fn some_of(names: &[impl AsRef<str>]) -> String {
    some_named(names, "files")
}

/// The names of things of a kind, such as "files", of many a count with the first ones.
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
