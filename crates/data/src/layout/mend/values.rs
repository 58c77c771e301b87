//! Label values and the lines of `classes.txt` that describe them.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::super::folder::are_classes;
use crate::names::some_named;
use crate::{DataError, LabelValues, io};

/// The values that a description names, and the lines of `classes.txt` for them.
pub(super) fn described_values(
    names: &[String],
    values: LabelValues,
) -> (LabelValues, Vec<String>) {
    let lines = values
        .pairs()
        .map(|(value, class)| match names.get(usize::from(class)) {
            Some(name) => format!("{value} {name}"),
            None => format!("{value} ignore"),
        });
    let lines = lines.collect();
    (values, lines)
}

/// The values that occur in the label maps, in ascending order, and the lines of `classes.txt` where they are no class
/// indices.
pub(super) fn found_values(
    labels: &[&Path],
    mends: &mut Vec<String>,
) -> Result<(LabelValues, Vec<String>), DataError> {
    // Label maps that cannot be read are reported when they are copied.
    let read = |path: &&Path| io::read_label_values(path).unwrap_or_default();
    let found: Vec<Vec<u32>> = labels.par_iter().map(read).collect();
    let found: BTreeSet<u32> = found.into_iter().flatten().chain([0]).collect();
    if are_classes(&found) {
        let largest = found.last().copied().unwrap_or(0).min(254) as u8;
        return Ok((
            LabelValues::new((0..=largest).map(|v| (v.into(), v))),
            Vec::new(),
        ));
    }
    if found.len() > 255 {
        let path = labels.first().copied().unwrap_or(Path::new("labels"));
        return Err(DataError::unexpected(
            path,
            "at most 255 different values in all label maps",
            found.len().to_string(),
            "are these label maps?",
        ));
    }
    let name = |&value: &u32| match value {
        0 => "0 background".to_string(),
        value => format!("{value} class {value}"),
    };
    let lines: Vec<String> = found.iter().map(name).collect();
    mends.push(format!(
        "label values are described in classes.txt ({}): correct the names there",
        some_named(&lines, "values")
    ));
    Ok((LabelValues::new(found.into_iter().zip(0..)), lines))
}
