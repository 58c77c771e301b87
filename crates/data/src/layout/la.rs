//! Layout of LA, the left atrium data of the 2018 Atrial Segmentation Challenge.

use std::path::{Path, PathBuf};

use super::Layout;
use super::assemble::{self, Cases, Found};
use super::lists::HELD_OUT;
use super::{file_names, pairing};
use crate::{AxisOrder, DataError, Dataset, Source};

/// Name of all HDF5 files; the case is named by its folder.
const FILE: &str = "mri_norm2.h5";

/// Voxel spacing in millimeters, which the HDF5 files do not store.
const SPACING_MM: [f64; 3] = [0.625; 3];

/// Opens LA from `images/` and `labels/`, or from a folder of `ID/mri_norm2.h5`.
///
/// `train.list` contains the training cases in their public order, `test.list` or else `val.list` the test
/// cases; cases of a `val.list` beside a `test.list` are used for neither. Without `train.list`, all other cases are used
/// for training, sorted by name; with it, images in no list are ignored. The HDF5 files may be up to two folders deep.
///
/// # Errors
///
/// [`DataError::Missing`] for a missing folder; [`DataError::Unexpected`] for an empty one and for lists
/// that repeat a case, share a case, or name one without an image or (for a test case) without a label map.
///
/// # References
///
/// Xiong et al., "A global benchmark of algorithms for segmenting the left
/// atrium from late gadolinium-enhanced cardiac magnetic resonance imaging",
/// Medical Image Analysis, 2021.
///
/// # Examples
///
/// ```
/// let error = semivox_data::layout::la::open("no/such/folder").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let cases = if root.join("images").is_dir() {
        pairing::paired(root, Some(1), &[])?
    } else {
        let cases = hdf5_cases(root)?;
        if cases.is_empty() {
            let hint = "check the path";
            return Err(DataError::unexpected(
                root,
                format!("`images/` or folders with `{FILE}`"),
                "neither",
                hint,
            ));
        }
        by_folder(root, cases)?.into()
    };
    let mut dataset = assemble::by_lists(root, &HELD_OUT, cases)?;
    dataset.layout = Layout::La;
    dataset.name = "LA".into();
    dataset.classes = assemble::classes(&["background", "left atrium"]);
    Ok(dataset)
}

/// Whether a name has the form of a case of this data set: 20 capital letters and digits.
pub(super) fn is_id(name: &str) -> bool {
    name.len() == 20
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The HDF5 files in the subfolders of `root`, or one level deeper.
pub(super) fn hdf5_cases(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for folder in folders(root)? {
        if folder.join(FILE).is_file() {
            found.push(folder.join(FILE));
        } else {
            found.extend(
                folders(&folder)?
                    .into_iter()
                    .map(|inner| inner.join(FILE))
                    .filter(|path| path.is_file()),
            );
        }
    }
    Ok(found)
}

/// Cases by the names of their folders.
fn by_folder(root: &Path, files: Vec<PathBuf>) -> Result<Cases, DataError> {
    let mut cases = Cases::new();
    for path in files {
        let (id, found) = hdf5(&path);
        if cases.contains_key(&id) {
            return Err(DataError::unexpected(
                root,
                format!("one folder `{id}`"),
                "two",
                "remove one of them",
            ));
        }
        cases.insert(id, found);
    }
    Ok(cases)
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(file_names::names(root)?
        .into_iter()
        .map(|name| root.join(name))
        .filter(|path| path.is_dir())
        .collect())
}

fn hdf5(path: &Path) -> (String, Found) {
    let id = path
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let source = |dataset: &str| Source::Hdf5 {
        path: path.to_path_buf(),
        dataset: dataset.into(),
        axes: AxisOrder::SlicesLast,
        spacing_mm: SPACING_MM,
    };
    (
        id,
        Found {
            image: source("image"),
            label: Some(source("label")),
        },
    )
}
