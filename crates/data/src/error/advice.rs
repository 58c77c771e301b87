//! What errors say about values, numbers of cases and the operating system.

/// Maximum number of values listed in a message.
const LISTED: usize = 16;

/// Formats values for a message, at most the first few.
pub(crate) fn listed(values: &[i64]) -> String {
    let shown: Vec<String> = values.iter().take(LISTED).map(i64::to_string).collect();
    match values.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Formats the lines of a `classes.txt` for values other than class indices, to be completed with names.
fn lines_of(values: &[i64]) -> String {
    let classes = values.iter().filter(|&&value| value > 0).take(LISTED);
    let named = classes
        .zip(1..)
        .map(|(value, class)| format!("`{value} class {class}`"));
    let lines: Vec<String> = std::iter::once("`0 background`".into())
        .chain(named)
        .collect();
    lines.join(", ")
}

/// Why values below 0 have no description.
const NEGATIVE: &str = "values below 0 are not supported: export the label map anew with values from 0 on; voxels to be left out \
                        may have one that `classes.txt` names `ignore`";

/// Says how values that are no class indices are described.
pub(super) fn of_values(values: &[i64]) -> String {
    match values.iter().any(|&value| value < 0) {
        true => NEGATIVE.into(),
        false => format!(
            "write `classes.txt` beside images/, with one value and its name per line, or `labels` in `dataset.json`: {}",
            lines_of(values)
        ),
    }
}

/// Says what to do about values that the description lacks.
pub(super) fn of_undescribed(values: &str) -> &'static str {
    match values.contains('-') {
        true => NEGATIVE,
        false => "add it to `classes.txt` or `dataset.json`, or correct the label map",
    }
}

pub(super) fn labeled_count(unit: &str, requested: usize, available: usize) -> String {
    match available {
        0 => format!(
            "expected at least one of the training {unit} to have a label map, found none; annotate some of them, or leave some out of the test list or labelsTs/"
        ),
        _ => format!(
            "expected a number of labeled {unit} (--labeled, or the preset's own) from 1 to {available}, found {requested}; choose one in that range"
        ),
    }
}

/// Returns the advice for errors of the operating system that a user can fix.
pub(super) fn of_system(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull => "; free some space and try again",
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may use, or change its permissions"
        }
        _ => "",
    }
}
