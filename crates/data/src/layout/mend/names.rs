//! Label maps of images whose names differ by a usual ending.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::source::Case;
use crate::layout::file_names::without_ending;

/// Endings of names by which files of images differ from their case.
const IMAGE_ENDINGS: [&str; 4] = ["_0000", "_image", "_img", "_ct"];

/// What the names of an image and of its label map have in common.
pub(super) fn key(name: &str) -> String {
    let lower = without_ending(name).unwrap_or(name).to_lowercase();
    let mut endings = IMAGE_ENDINGS.iter();
    let short = endings.find_map(|ending| lower.strip_suffix(ending));
    short.map_or_else(|| lower.clone(), String::from)
}

/// Gives each case the label map of its name, or of a name that differs by a usual ending.
pub(super) fn pair(
    cases: &mut BTreeMap<String, Case>,
    labels: BTreeMap<String, PathBuf>,
    mends: &mut Vec<String>,
    left: &mut Vec<String>,
) {
    let mut others = Vec::new();
    for (name, path) in labels {
        match cases.get_mut(&name) {
            Some(case) => case.label = Some(path),
            None => others.push((name, path)),
        }
    }
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, _) in cases.iter().filter(|(_, case)| case.label.is_none()) {
        wanted.entry(key(id)).or_default().push(id.clone());
    }
    let keys: Vec<String> = others.iter().map(|(name, _)| key(name)).collect();
    for (name, path) in others {
        let key = key(&name);
        let once = keys.iter().filter(|other| **other == key).count() == 1;
        match wanted.get(&key).map(Vec::as_slice) {
            Some([id]) if once => {
                mends.push(format!("label map `{name}` renamed to `{id}`"));
                if let Some(case) = cases.get_mut(id) {
                    case.label = Some(path);
                }
            }
            _ => left.push(format!(
                "label map `{name}`: expected the name of an image, found none like it without a label map; rename it"
            )),
        }
    }
}
