//! Names of the files of a data set.

use std::path::Path;

use crate::{DataError, io};

/// Endings of names by which files of label maps differ from their case.
const LABEL_ENDINGS: [&str; 12] = [
    "_seg",
    "-seg",
    ".seg",
    "_segmentation",
    "_label",
    "-label",
    "_labels",
    "_labelmap",
    "_mask",
    "-mask",
    "_gt",
    "_roi",
];

/// The name of the image that a label map such as `case1_seg` belongs to.
pub(super) fn without_ending(label: &str) -> Option<&str> {
    let lower = label.to_ascii_lowercase();
    let short = LABEL_ENDINGS
        .iter()
        .find_map(|ending| lower.strip_suffix(ending))?;
    Some(&label[..short.len()]).filter(|name| !name.is_empty())
}

/// Names in a folder in ascending order, without hidden files.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = all_names(folder)?;
    names.retain(|name| !is_hidden(name));
    Ok(names)
}

/// Whether a file of this name is hidden on most systems.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Names in a folder in ascending order.
pub(super) fn all_names(folder: &Path) -> Result<Vec<String>, DataError> {
    if folder.is_file() {
        let hint = "pass the folder that contains it";
        return Err(DataError::unexpected(folder, "a folder", "a file", hint));
    }
    if !folder.is_dir() {
        return Err(DataError::missing(folder, "a folder", "check the path"));
    }
    let entries = std::fs::read_dir(folder).map_err(DataError::io("list", folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(DataError::io("list", folder))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A file name without its extension, in lower or upper case; `None` if it is not a volume.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::stem;
///
/// assert_eq!(stem("scan.nii.gz"), Some("scan"));
/// assert_eq!(stem("SCAN.NII.GZ"), Some("SCAN"));
/// assert_eq!(stem("scan.seg.nrrd"), Some("scan.seg"));
/// assert_eq!(stem("scan.dcm"), None);
/// ```
pub fn stem(name: &str) -> Option<&str> {
    io::stem_length(name).map(|length| &name[..length])
}

/// The case and the channel number of a name such as `scan_0001`, by nnU-Net's rule.
pub(super) fn numbered(name: &str) -> Option<(&str, usize)> {
    let (case, number) = name.rsplit_once('_')?;
    let digits = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !case.is_empty()).then(|| Some((case, number.parse().ok()?)))?
}
