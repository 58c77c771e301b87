//! Layout of Pancreas-CT, the abdominal CT of the NIH.

use std::path::{Path, PathBuf};

use super::Layout;
use super::assemble::{self, Cases, Found};
use super::file_names;
use super::lists::{List, Lists};
use crate::{AxisOrder, DataError, Dataset, Source};

/// Folders that may contain the HDF5 files.
const FOLDERS: [&str; 3] = ["", "Pancreas_h5", "data"];

/// List names as distributed, including the misspelling.
const TRAIN: [&str; 2] = ["train.list", "Flods/train0.list"];
const TEST: [&str; 2] = ["test.list", "Flods/test0.list"];

/// Suffix of cases with normalized intensities.
const NORMALIZED: &str = "_norm";

/// Spacing of the field's HDF5 files, which do not store it; they are resampled to 1 mm.
const SPACING_MM: [f64; 3] = [1.0; 3];

/// Opens Pancreas-CT from the field's HDF5 files: `imageNNNN_norm.h5`, `imageNNNN.h5` or `dataN.h5`.
///
/// They may be in the folder itself, in `Pancreas_h5/` or in `data/`, with the HDF5 datasets `image`
/// (already windowed and scaled) and `label`. The case name is the file name without `_norm`.
/// `train.list` and `test.list`, or else `Flods/train0.list` and `Flods/test0.list`, select cases and
/// their order as in [`la::open`](super::la::open), with or without `_norm` and `.h5`; without lists,
/// cases are sorted by name.
///
/// # Errors
///
/// [`DataError::Missing`] for a missing folder; [`DataError::Unexpected`] if there are no such files, if one
/// case has two, and for lists as in [`la::open`](super::la::open).
///
/// # Notes
///
/// For the original scans of the archive, converted to NIfTI, use [`folder`](super::folder): put the scans
/// in `images/` and the label maps in `labels/` under the same names, and write `background` and
/// `pancreas` in `classes.txt`. For the field's preprocessing, set
/// [`Preprocess`](crate::preprocess::Preprocess) to a spacing of 1 mm and an intensity window from -125 to
/// 275 Hounsfield units.
///
/// # References
///
/// Roth et al., "Data from Pancreas-CT", The Cancer Imaging Archive, 2016.
///
/// # Examples
///
/// ```
/// let error = semivox_data::layout::pancreas::open("no/such/folder").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let cases = hdf5_cases(root)?;
    if cases.is_empty() {
        return Err(DataError::unexpected(
            root,
            "files `imageNNNN_norm.h5`, `imageNNNN.h5` or `dataN.h5`",
            "none",
            "check the path",
        ));
    }
    let [train, test] = [TRAIN, TEST].map(|names| List::find(root, &names));
    let lists = Lists {
        train: train?,
        test: test?,
        aside: None,
    };
    let lists = lists.map(without_norm).disjoint()?;
    let mut dataset = assemble::by_these_lists(&lists, cases)?;
    dataset.layout = Layout::Pancreas;
    dataset.name = "Pancreas-CT".into();
    dataset.classes = assemble::classes(&["background", "pancreas"]);
    Ok(dataset)
}

/// Whether there are HDF5 files of this data set.
pub(super) fn has_hdf5(root: &Path) -> Result<bool, DataError> {
    Ok(!hdf5_cases(root)?.is_empty())
}

fn hdf5_cases(root: &Path) -> Result<Cases, DataError> {
    let mut cases = Cases::new();
    let folders = FOLDERS.map(|name| root.join(name));
    for folder in folders
        .iter()
        .filter(|path| path.as_path() == root || path.is_dir())
    {
        for name in file_names::names(folder)? {
            let Some(id) = case(&name) else { continue };
            if cases.insert(id.into(), hdf5(folder.join(&name))).is_some() {
                return Err(DataError::unexpected(
                    folder,
                    format!("one file for `{id}`"),
                    format!("`{name}` beside another"),
                    "remove one of them",
                ));
            }
        }
    }
    Ok(cases)
}

/// The case name of a file of this data set.
fn case(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".h5")?;
    let id = stem.strip_suffix(NORMALIZED).unwrap_or(stem);
    let number = id
        .strip_prefix("image")
        .or_else(|| id.strip_prefix("data"))?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(id)
}

fn without_norm(mut list: List) -> List {
    for name in &mut list.names {
        if let Some(id) = name.strip_suffix(NORMALIZED) {
            *name = id.to_string();
        }
    }
    list
}

fn hdf5(path: PathBuf) -> Found {
    let source = |dataset: &str| Source::Hdf5 {
        path: path.clone(),
        dataset: dataset.into(),
        axes: AxisOrder::SlicesLast,
        spacing_mm: SPACING_MM,
    };
    Found {
        image: source("image"),
        label: Some(source("label")),
    }
}
