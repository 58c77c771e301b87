//! Detection and opening of data sets on disk.
//!
//! A layout decides which cases are labeled, unlabeled and held out. It uses file names and lists only and
//! reads no voxels, with one exception: without a `classes.txt`, [`folder`] reads the label maps of labeled
//! cases to find the number of classes.
//!
//! | layout | files |
//! |---|---|
//! | [`la`] | `images/`, `labels/`, `train.list`, `test.list`; or one folder per case with `mri_norm2.h5` |
//! | [`acdc`] | `images/`, `labels/`, `train.list`, `val.list`; or `patientNNN_frameNN_slice_K.h5` and `patientNNN_frameNN.h5` |
//! | [`pancreas`] | `imageNNNN_norm.h5` in `Pancreas_h5/`, `train.list`, `test.list` or `Flods/` |
//! | [`msd`] | `dataset.json`, `imagesTr/`, `labelsTr/`, `imagesTs/` |
//! | [`folder`] | `images/`, `labels/` with the same file names for some of them, optional `classes.txt` and `channels.txt` |
//!
//! An image of several channels is one file for each, `NAME_0000`, `NAME_0001`, …, or one NIfTI file with an axis of
//! channels; `dataset.json` or `channels.txt`, a name a line, say how many there are.

pub mod acdc;
pub mod folder;
pub mod la;
pub mod mend;
pub mod msd;
pub mod pancreas;

mod assemble;
mod channels;
mod classes;
mod described;
mod description;
mod entry;
mod file_names;
mod files;
mod guess;
mod hold_out;
mod json;
mod kind;
mod lists;
mod pairing;
mod scans;
mod segments;
mod subfolders;
mod text;

pub use classes::read_classes;
pub use entry::header_of;
pub use file_names::stem;
pub use files::volumes;
pub use hold_out::HoldOut;
pub use kind::Layout;
pub(crate) use lists::case_name;
pub use scans::{Scans, scan, scans};
pub use text::composed;
pub(crate) use text::read_text;

use std::path::Path;

use guess::Detected;

use crate::{DataError, Dataset, LabelBudget, Patients};

/// Detects the layout of a folder.
///
/// `dataset.json` means [`Layout::Msd`]. A folder `images/` means [`Layout::Folder`], unless everything speaks for
/// [`Layout::La`] or [`Layout::Acdc`]: the names of all images, a `train.list`, the grid of the first image,
/// and no `classes.txt`. HDF5 files mean [`Layout::La`], [`Layout::Acdc`] or [`Layout::Pancreas`] by their names. A
/// data set that is opened by a guess says so in its [`notes`](Dataset::notes); [`open_split_as`] opens it as another.
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
fn compared(root: &Path, mut dataset: Dataset) -> Result<Dataset, DataError> {
    if dataset.layout == Layout::Msd {
        msd::compare_segments(root, &mut dataset)?;
    }
    Ok(dataset)
}

/// Opens a data set of a known layout.
fn opened(root: &Path, detected: Detected) -> Result<Dataset, DataError> {
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

/// Opens the data set with a limited number of labeled cases, the first ones; see [`LabelBudget`].
///
/// The number counts [`Patients`], in the order of their first cases; all cases of a patient keep their labels or lose
/// them. Where a case is the only one of its patient, this equals [`open`] followed by [`Dataset::keep_labeled`],
/// except that label maps of the other cases are not even opened when [`folder`] has to find the classes.
///
/// # Errors
///
/// As for [`open`] and [`Patients::open`], and [`DataError::LabeledCount`].
///
/// # Examples
///
/// ```
/// # use ndarray::Array3;
/// # use semivox_data::io::{write_labels, write_volume};
/// # use semivox_data::{Geometry, LabelMap, Volume, layout};
/// # let root = tempfile::tempdir()?;
/// # std::fs::create_dir(root.path().join("images"))?;
/// # std::fs::create_dir(root.path().join("labels"))?;
/// # let volume = Volume::new(Array3::zeros((2, 2, 2)), Geometry::default());
/// # let labels = LabelMap::new(Array3::ones((2, 2, 2)), Geometry::default());
/// # for id in ["a", "b", "c"] {
/// #     write_volume(root.path().join(format!("images/{id}.nii.gz")), &volume)?;
/// #     write_labels(root.path().join(format!("labels/{id}.nii.gz")), &labels)?;
/// # }
/// // Three labeled cases on disk.
/// let dataset = layout::open_labeled(root.path(), 1.into())?;
/// assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (1, 2));
/// let dataset = layout::open_labeled(root.path(), "60%".parse()?)?;
/// assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (2, 1));
/// // Two of them are of one patient.
/// std::fs::write(root.path().join("patients.csv"), "a,anna\nb,otto\nc,anna\n")?;
/// let dataset = layout::open_labeled(root.path(), 1.into())?;
/// assert_eq!((dataset.labeled[0].id.as_str(), dataset.labeled[1].id.as_str()), ("a", "c"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open_labeled(root: impl AsRef<Path>, labeled: LabelBudget) -> Result<Dataset, DataError> {
    open_split(root, &HoldOut::default(), labeled)
}

/// Opens the data set with the cases of `test` held out; all other labels are kept, and there may be none.
///
/// # Errors
///
/// As for [`open`]; errors in the list are those of [`Dataset::hold_out`] and [`DataError::SplitPatient`].
///
/// # Examples
///
/// See [`open`].
pub fn open_held_out(root: impl AsRef<Path>, test: &HoldOut) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let detected = guess::detect(root)?;
    let unit = detected.layout.units();
    compared(root, test.apply(opened(root, detected)?, unit)?)
}

/// Like [`open_held_out`], for an inspection: ignores unreadable label maps, and returns an error about
/// implausible label values or contradictory segments beside the data set.
pub(crate) fn open_readable(
    root: &Path,
    layout: Option<Layout>,
    test: &HoldOut,
) -> Result<(Dataset, Option<DataError>), DataError> {
    let detected = Detected::or_detect(layout, root)?;
    let unit = detected.layout.units();
    match detected.layout {
        Layout::Folder => {
            let mut dataset = test.apply(folder::find(root)?, unit)?;
            dataset.notes.extend(detected.note);
            folder::with_readable_classes(root, dataset)
        }
        layout => {
            let mut dataset = test.apply(opened(root, detected)?, unit)?;
            let contradiction = match layout {
                Layout::Msd => msd::compare_segments(root, &mut dataset).err(),
                _ => None,
            };
            Ok((dataset, contradiction))
        }
    }
}

/// Opens the data set with the cases of `test` held out and a limited number of labeled cases among the
/// rest. In [`acdc`] the frames of a patient are held out together.
///
/// # Errors
///
/// As for [`open_labeled`]; errors in the list are those of [`Dataset::hold_out`], and
/// [`DataError::SplitPatient`] for a patient with only some frames in the list.
///
/// # Examples
///
/// ```no_run
/// use semivox_data::{LabelBudget, layout};
///
/// let test = layout::HoldOut::read("splits/hippocampus_test.list")?;
/// let dataset = layout::open_split("Task04_Hippocampus", &test, LabelBudget::Percent(10.0))?;
/// assert_eq!((dataset.labeled.len(), dataset.test.len()), (16, 40));
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn open_split(
    root: impl AsRef<Path>,
    test: &HoldOut,
    labeled: LabelBudget,
) -> Result<Dataset, DataError> {
    open_split_as(root, None, test, labeled)
}

/// Like [`open_split`], with the layout given rather than [detected](detect) where it is `Some`.
///
/// # Errors
///
/// As for [`open_split`], and those of the layout's `open` function if the folder does not have it.
///
/// # Examples
///
/// See [`open_split`].
pub fn open_split_as(
    root: impl AsRef<Path>,
    layout: Option<Layout>,
    test: &HoldOut,
    labeled: LabelBudget,
) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let detected = Detected::or_detect(layout, root)?;
    let unit = detected.layout.units();
    let keep = |dataset| {
        let dataset = test.apply(dataset, unit)?;
        let patients = Patients::open(root, &dataset)?;
        dataset.keep_labeled_patients(labeled, &patients)
    };
    match detected.layout {
        Layout::Folder => {
            let mut dataset = folder::with_classes(root, keep(folder::find(root)?)?)?;
            dataset.notes.extend(detected.note);
            Ok(dataset)
        }
        _ => compared(root, keep(opened(root, detected)?)?),
    }
}
