//! Layout of ACDC, the cine MR of the Automated Cardiac Diagnosis Challenge.

use std::path::Path;

use super::assemble::Found;
use super::lists::HELD_OUT;
use super::{Layout, acdc_hdf5, assemble, pairing};
use crate::preprocess::Grid;
use crate::{DataError, Dataset, Source, io};

pub use crate::unit::patient;

/// Note on images whose voxels are cubes of 1 mm, which no scan of this data set has.
const LOST_SPACING: &str = "the first image has a spacing of 1×1×1 mm, where slices of ACDC are 5 to 10 mm thick: it was lost, and distances \
                            are in voxels, whatever their unit is called; for millimeters use the challenge's own files";

/// Whether voxels have the size that stands for none.
pub(super) fn has_lost_spacing(grid: &Grid) -> bool {
    grid.geometry.spacing() == [1.0; 3]
}

/// Whether a case's image has lost its spacing; one that cannot be read is reported where it is loaded.
fn loses_spacing(case: &Found) -> bool {
    let Source::File(path) = &case.image else {
        return false;
    };
    io::read_grid(path).is_ok_and(|grid| has_lost_spacing(&grid))
}

/// Opens ACDC from `images/` and `labels/`, or from the field's HDF5 files.
///
/// HDF5 training cases consist of slices, `ID_slice_K.h5`, in the order of the number `K`; HDF5 test cases
/// are volumes, `ID.h5`, with the slice axis first. They may be in the folder itself, in `data/`,
/// `slices/` or `data/slices/`. The loaded arrays are `[x, y, slice]` in both cases. Lists are as in
/// [`la::open`](super::la::open); HDF5 cases may also be listed by slice in `train_slices.list`. Without lists, HDF5 slices are training
/// cases and HDF5 volumes test cases.
///
/// The HDF5 files do not store the spacing, which is set to 1 mm, nor do the NIfTI files that were made of them. A note of
/// the data set says so, as distances are in voxels then.
///
/// # Errors
///
/// As for [`la::open`](super::la::open), [`DataError::Unexpected`] for a case whose slice numbers have a
/// gap, and [`DataError::SplitPatient`] for a patient with one frame held out and another in training.
///
/// # Notes
///
/// A case is one frame; a patient has two, see [`patient`]. [`open_labeled`](super::open_labeled) counts
/// patients, as is usual in the field: 1, 2 and 7 of the 70 training patients are 1.25 %, 2.5 % and 10 %.
/// [`Dataset::keep_labeled`] counts cases.
///
/// # References
///
/// Bernard et al., "Deep learning techniques for automatic MRI cardiac
/// multi-structures segmentation and diagnosis: is the problem solved?", IEEE
/// Transactions on Medical Imaging, 2018.
///
/// # Examples
///
/// ```
/// let error = semivox_data::layout::acdc::open("no/such/folder").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let mut dataset = if root.join("images").is_dir() {
        let mut paired = pairing::paired(root, Some(1), &[])?;
        let lost = paired.cases.values().next().is_some_and(loses_spacing);
        paired.notes.extend(lost.then(|| LOST_SPACING.into()));
        assemble::by_lists(root, &HELD_OUT, paired)?
    } else {
        acdc_hdf5::open(root)?
    };
    dataset
        .refuse_parted(patient)
        .map_err(|source| DataError::InFile {
            file: root.display().to_string(),
            source: Box::new(source),
        })?;
    dataset.layout = Layout::Acdc;
    dataset.name = "ACDC".into();
    dataset.classes = assemble::classes(&[
        "background",
        "right ventricle",
        "myocardium",
        "left ventricle",
    ]);
    Ok(dataset)
}
