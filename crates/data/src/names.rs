//! Names in messages.

/// Maximum number of names listed in a note.
const NAMED: usize = 3;

/// Formats the number of names and the first few of them.
pub(crate) fn some_of(names: &[impl AsRef<str>]) -> String {
    let first: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match names.len() {
        0..=NAMED => first.join(", "),
        more => format!("{more} files ({}, …)", first.join(", ")),
    }
}
