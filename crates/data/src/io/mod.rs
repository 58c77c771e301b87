//! Reading and writing of volumes.
//!
//! NIfTI-1 is read and written. NRRD is read, as is HDF5 in the forms in which preprocessed data sets are
//! distributed in the field.

mod affine;
mod atomic;
mod hdf5;
mod header;
mod nifti;
mod nrrd;
mod voxels;
mod write;

pub use atomic::write_atomic;
pub use nifti::{read_labels, read_volume};
pub use write::{write_labels, write_volume};

use crate::{DataError, LabelMap, Source, Volume};

/// Reads an image from any [`Source`].
///
/// # Errors
///
/// As for [`read_volume`]; for HDF5, [`DataError::Unexpected`] names what is missing in the file.
pub fn read_image(source: &Source) -> Result<Volume, DataError> {
    match source {
        Source::File(path) | Source::MappedFile { path, .. } => read_volume(path),
        Source::Hdf5 { .. } | Source::Hdf5Slices { .. } => hdf5::image(source),
    }
}

/// Reads a label map from any [`Source`].
///
/// # Errors
///
/// As for [`read_labels`]; [`DataError::LabelNotDescribed`] for a value that [`Source::MappedFile`] does
/// not map to a class; for HDF5, [`DataError::Unexpected`] names what is missing in the file.
pub fn read_label(source: &Source) -> Result<LabelMap, DataError> {
    match source {
        Source::File(path) => read_labels(path),
        Source::MappedFile { path, values } => nifti::read_mapped_labels(path, values),
        Source::Hdf5 { .. } | Source::Hdf5Slices { .. } => hdf5::label(source),
    }
}
