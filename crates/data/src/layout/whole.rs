//! Detection of the layout, and opening of a data set with all its labels.

use std::path::Path;

use super::guess::{self, Detected};
use super::{Layout, acdc, folder, la, msd, pancreas};
use crate::{DataError, Dataset};

/// Detects the layout of a folder.
///
/// `dataset.json` means [`Layout::Msd`], unless it describes the classes and channels of `images/` alone. A folder `images/` means [`Layout::Folder`], unless everything speaks for
/// [`Layout::La`] or [`Layout::Acdc`]: the names of all images, a `train.list`, the grid of the first image,
/// and no `classes.txt`. HDF5 files mean [`Layout::La`], [`Layout::Acdc`] or [`Layout::Pancreas`] by their names. A
/// data set that is opened by a guess says so in its [`notes`](Dataset::notes);
/// [`open_split_as`](super::open_split_as) opens it as another.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] with some of the names found
/// if no layout matches.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::{Layout, detect};
///
/// let root = tempfile::tempdir()?;
/// std::fs::create_dir(root.path().join("images"))?;
/// std::fs::write(root.path().join("images/scan1.nii.gz"), b"")?;
/// assert_eq!(detect(root.path())?, Layout::Folder);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn detect(root: impl AsRef<Path>) -> Result<Layout, DataError> {
    Ok(guess::detect(root.as_ref())?.layout)
}

/// Detects the layout and opens the data set.
///
/// # Errors
///
/// As for [`detect`] and the `open` function of the layout.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::io::{write_labels, write_volume};
/// use semivox_data::{Geometry, LabelMap, Volume, layout};
///
/// let root = tempfile::tempdir()?;
/// for folder in ["images", "labels"] {
///     std::fs::create_dir(root.path().join(folder))?;
/// }
/// let volume = Volume::new(Array3::zeros((2, 2, 2)), Geometry::default());
/// write_volume(root.path().join("images/a.nii.gz"), &volume)?;
/// write_volume(root.path().join("images/b.nii.gz"), &volume)?;
/// let labels = LabelMap::new(Array3::ones((2, 2, 2)), Geometry::default());
/// write_labels(root.path().join("labels/a.nii.gz"), &labels)?;
///
/// let dataset = layout::open(root.path())?;
/// assert_eq!(dataset.classes, ["background", "class 1"]);
/// assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    compared(root, opened(root, guess::detect(root)?)?)
}

/// A data set whose segments do not contradict its description.
pub(super) fn compared(root: &Path, mut dataset: Dataset) -> Result<Dataset, DataError> {
    if dataset.layout == Layout::Msd {
        msd::compare_segments(root, &mut dataset)?;
    }
    Ok(dataset)
}

/// Opens a data set of a known layout.
pub(super) fn opened(root: &Path, detected: Detected) -> Result<Dataset, DataError> {
    let mut dataset = match detected.layout {
        Layout::La => la::open(root),
        Layout::Acdc => acdc::open(root),
        Layout::Pancreas => pancreas::open(root),
        Layout::Msd => msd::open(root),
        Layout::Folder => folder::open(root),
    }?;
    dataset.notes.extend(detected.note);
    Ok(dataset)
}
