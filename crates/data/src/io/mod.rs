//! Reading and writing of volumes.
//!
//! | format | files | read | written |
//! |---|---|---|---|
//! | NIfTI-1 and NIfTI-2 | `.nii`, `.nii.gz`; `.hdr` with `.img`, each also `.gz` | three axes, and one of channels where the data set names them; integers and floats of up to 64 bits in either byte order; slope and intercept; sform, qform and units | NIfTI-1 |
//! | NRRD | `.nrrd`; `.nhdr` with one data file | `raw` and `gzip`; spaces LPS, LAS and RAS, and none, which is taken for LPS as ITK does; two axes as one slice; segments' names | – |
//! | MetaImage | `.mha`; `.mhd` with one data file | binary, also compressed; types and byte orders as above; `TransformMatrix` and `Offset` | – |
//! | DICOM | a folder with the files of a series | images of one gray slice a file, uncompressed (little endian), JPEG lossless or RLE; slope and intercept; any orientation; uncompressed also without preamble, mark and transfer syntax | – |
//! | HDF5 | `.h5` | in the forms in which preprocessed data sets are distributed in the field | – |
//!
//! Endings may be in upper case. Not read are DICOM with several frames a file, Analyze 7.5, NRRD as text or bzip2, data
//! in several files, and several time points; messages say so. Channels are one file each, or a NIfTI file's fourth or
//! fifth axis.

mod affine;
mod atomic;
mod dicom;
mod format;
mod formats;
mod forms;
mod gzip;
mod hdf5;
mod hdf5_array;
mod hdf5_links;
mod meta_header;
mod meta_image;
mod meta_space;
mod nifti;
mod nifti1;
mod nifti2;
mod nifti_fields;
mod nrrd;
mod nrrd_header;
mod nrrd_segments;
mod nrrd_space;
mod nrrd_types;
mod paths;
mod raw;
mod read;
mod read_labels;
mod stream;
mod voxels;
mod write;

pub use atomic::{replace_file, write_atomic};
pub(crate) use dicom::{
    DicomPatient, PatientHash, is_dicom_file, is_series_folder, patient_of, series_in,
};
pub use formats::READABLE;
pub(crate) use formats::stem_length;
pub(crate) use nrrd_segments::segments_in;
pub use paths::is_within;
pub use read::read_volume;
pub(crate) use read::{channels_in, read_grid};
pub use read_labels::{read_label_values, read_labels};
pub use write::{write_label_values, write_labels, write_volume};

use crate::{DataError, Image, LabelMap, Source};

/// Reads an image from any [`Source`].
///
/// # Errors
///
/// As for [`read_volume`] and [`Image::new`]; for HDF5, [`DataError::Unexpected`] names what is missing in the file.
pub fn read_image(source: &Source) -> Result<Image, DataError> {
    match source {
        Source::File(path) | Source::MappedFile { path, .. } => Ok(read_volume(path)?.into()),
        Source::Channels(paths) => {
            let channels = paths.iter().map(read_volume).collect::<Result<_, _>>()?;
            let names: Vec<String> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Image::named(channels, &names)
        }
        Source::ChannelAxis { path, channels } => Image::new(read::read_channels(path, *channels)?),
        Source::Hdf5 { .. } | Source::Hdf5Slices { .. } => Ok(hdf5::image(source)?.into()),
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
        Source::MappedFile { path, values } => read_labels::read_mapped_labels(path, values),
        Source::Channels(_) | Source::ChannelAxis { .. } => Err(DataError::InvalidSetting {
            name: "the source of a label map",
            expected: "one channel".into(),
            found: source.to_string(),
        }),
        Source::Hdf5 { .. } | Source::Hdf5Slices { .. } => hdf5::label(source),
    }
}
