//! Opening of data sets with cases held out, and with labels for some of the others.

use std::path::Path;

use super::guess::{self, Detected};
use super::whole::{compared, opened};
use super::{HoldOut, Layout, folder, msd};
use crate::{DataError, Dataset, LabelBudget, Patients};

/// Opens the data set with a limited number of labeled cases, the first ones; see [`LabelBudget`].
///
/// The number counts [`Patients`], in the order of their first cases; all cases of a patient keep their labels or lose
/// them. Where a case is the only one of its patient, this equals [`open`](super::open) followed by [`Dataset::keep_labeled`],
/// except that label maps of the other cases are not even opened when [`folder`] has to find the classes.
///
/// # Errors
///
/// As for [`open`](super::open) and [`Patients::open`], and [`DataError::LabeledCount`].
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
/// As for [`open`](super::open); errors in the list are those of [`Dataset::hold_out`] and [`DataError::SplitPatient`].
///
/// # Examples
///
/// See [`open`](super::open).
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
/// rest. In [`acdc`](super::acdc) the frames of a patient are held out together.
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

/// Like [`open_split`], with the layout given rather than [detected](super::detect) where it is `Some`.
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
