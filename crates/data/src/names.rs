//! Names in messages.

/// Number of names that a note gives.
const NAMED: usize = 3;

/// A count with the first names.
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
