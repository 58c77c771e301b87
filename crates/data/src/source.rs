//! Where an array is stored: files, and which data set or axis of them.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::LabelValues;

/// Axis order of a stored array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOrder {
    /// `[x, y, z]`.
    SlicesLast,
    /// `[z, x, y]`, the order of ACDC's validation volumes in the field's HDF5 files.
    SlicesFirst,
}

/// Storage location of an array.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A file that [`read_volume`](crate::io::read_volume) reads, or the folder of a DICOM series.
    File(PathBuf),
    /// A label map in such a file whose voxel values are not all class indices.
    MappedFile {
        /// The file.
        path: PathBuf,
        /// The mapping from values to classes, or to [`IGNORED`](crate::IGNORED).
        values: LabelValues,
    },
    /// A three-dimensional dataset in an HDF5 file.
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// Name of the HDF5 dataset.
        dataset: String,
        /// Its axis order.
        axes: AxisOrder,
        /// Voxel spacing in millimeters, which these files do not store.
        spacing_mm: [f64; 3],
    },
    /// One file for each channel, in the order of the channels.
    Channels(Vec<PathBuf>),
    /// A NIfTI file whose fourth axis, or fifth after a fourth of length 1, holds the channels.
    ChannelAxis {
        /// The file.
        path: PathBuf,
        /// The number of channels.
        channels: usize,
    },
    /// Two-dimensional datasets, one HDF5 file per slice, in slice order.
    Hdf5Slices {
        /// The files.
        paths: Vec<PathBuf>,
        /// Name of the HDF5 dataset.
        dataset: String,
        /// Voxel spacing in millimeters, which these files do not store.
        spacing_mm: [f64; 3],
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::MappedFile { path, .. } | Self::ChannelAxis { path, .. } => {
                write!(f, "{}", path.display())
            }
            Self::Channels(paths) => match paths.first() {
                Some(path) => write!(
                    f,
                    "{} and {} more channels",
                    path.display(),
                    paths.len() - 1
                ),
                None => write!(f, "no channels"),
            },
            Self::Hdf5 { path, dataset, .. } => write!(f, "{}:{dataset}", path.display()),
            Self::Hdf5Slices { paths, dataset, .. } => match paths.first() {
                Some(path) => write!(
                    f,
                    "{}:{dataset} and {} more slices",
                    path.display(),
                    paths.len() - 1
                ),
                None => write!(f, "no slices:{dataset}"),
            },
        }
    }
}

impl Source {
    /// Returns the files of the array.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Self::File(path)
            | Self::MappedFile { path, .. }
            | Self::ChannelAxis { path, .. }
            | Self::Hdf5 { path, .. } => vec![path],
            Self::Channels(paths) | Self::Hdf5Slices { paths, .. } => {
                paths.iter().map(PathBuf::as_path).collect()
            }
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
