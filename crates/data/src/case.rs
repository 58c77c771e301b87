//! Labeled and unlabeled cases.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::GridRelation;
use crate::geometry::{SAME_GRID_VOXELS, apart, corners, mapped};
use crate::preprocess::Grid;
use crate::{DataError, Image, LabelMap, LabelValues, check_labels, io};

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

/// An image with a label map.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
    /// The label map.
    pub label: Source,
}

/// An image without a label map; even if one is on disk, there is no path to it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
}

/// Returns an error unless an image on `grid` and a label map, of these names, have one shape and, up to rounding,
/// geometry.
///
/// # Errors
///
/// [`DataError::ShapeMismatch`], and [`DataError::GeometryMismatch`] if corresponding corner voxels are more than a
/// quarter of a voxel apart.
pub fn check_same_grid(
    grid: &Grid,
    labels: &LabelMap,
    [image_name, label_name]: [String; 2],
) -> Result<(), DataError> {
    if grid.shape != labels.shape() {
        return Err(DataError::ShapeMismatch {
            image: image_name,
            image_shape: grid.shape,
            label: label_name,
            label_shape: labels.shape(),
            relation: match (is_turned(labels, grid), start_of_part(labels, grid)) {
                (true, _) => GridRelation::Turned,
                (_, Some(start)) => GridRelation::Part(start),
                _ => GridRelation::Other,
            },
        });
    }
    let distance = grid.geometry.corner_distance(&labels.geometry, grid.shape);
    match distance <= SAME_GRID_VOXELS {
        true => Ok(()),
        false => Err(DataError::GeometryMismatch {
            image: image_name,
            label: label_name,
            distance,
            turned: is_turned(labels, grid),
        }),
    }
}

/// Returns the voxel of `grid` at which `labels` begins, if it covers a part of the grid voxel by voxel.
fn start_of_part(labels: &LabelMap, grid: &Grid) -> Option<[u32; 3]> {
    let shape = labels.shape();
    let start = Grid::from(labels)
        .index_map(grid)
        .ok()?
        .map(|row| row[3].round());
    let inside = |axis: usize| {
        start[axis] >= 0.0 && start[axis] + shape[axis] as f64 <= grid.shape[axis] as f64
    };
    let part = grid.geometry.translated(start);
    let on_it = part.corner_distance(&labels.geometry, shape) <= SAME_GRID_VOXELS;
    (on_it && (0..3).all(inside)).then(|| start.map(|index| index as u32))
}

/// Whether a label map has its corner voxels where the grid has them, in whatever order.
fn is_turned(labels: &LabelMap, grid: &Grid) -> bool {
    let Ok(map) = Grid::from(labels).index_map(grid) else {
        return false;
    };
    let own = corners(grid.shape);
    let on_a_corner = |index: [f64; 3]| {
        let at = mapped(&map, index);
        own.iter()
            .any(|&corner| apart(at, corner) <= SAME_GRID_VOXELS)
    };
    corners(labels.shape()).into_iter().all(on_a_corner)
}

impl LabeledCase {
    /// Reads the image and the label map and checks that labels are below `classes`, or
    /// [`IGNORED`](crate::IGNORED) where the source says which values are.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load), and [`DataError::InFile`] around [`DataError::LabelOutOfRange`].
    pub fn load_checked(&self, classes: usize) -> Result<(Image, LabelMap), DataError> {
        let (image, labels) = self.load()?;
        let checked = match &self.label {
            // A mapping returns no other classes.
            Source::MappedFile { values, .. } if values.classes() <= classes => Ok(()),
            _ => check_labels(&labels, classes),
        };
        checked.map_err(|source| DataError::InFile {
            file: self.label.to_string(),
            source: Box::new(source),
        })?;
        Ok((image, labels))
    }

    /// Reads the image and the label map.
    ///
    /// # Errors
    ///
    /// Errors from reading either file, [`DataError::ShapeMismatch`], and
    /// [`DataError::GeometryMismatch`] if corresponding corner voxels are more than a quarter of a voxel apart.
    pub fn load(&self) -> Result<(Image, LabelMap), DataError> {
        let image = io::read_image(&self.image)?;
        let label = io::read_label(&self.label)?;
        let names = [&self.image, &self.label].map(ToString::to_string);
        check_same_grid(&Grid::from(image.first()), &label, names)?;
        Ok((image, label))
    }

    /// Converts to an unlabeled case by dropping the label map.
    #[must_use]
    pub fn into_unlabeled(self) -> UnlabeledCase {
        UnlabeledCase {
            id: self.id,
            image: self.image,
        }
    }
}

impl UnlabeledCase {
    /// Reads the image.
    ///
    /// # Errors
    ///
    /// Errors from reading the file.
    pub fn load(&self) -> Result<Image, DataError> {
        io::read_image(&self.image)
    }
}
