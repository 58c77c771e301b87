//! Images and label maps: arrays with their geometry.

use ndarray::Array3;

use crate::{DataError, Geometry, IGNORED, SourceHeader};

/// An image: one intensity per voxel.
///
/// # Shapes
///
/// `data` is indexed `[x, y, z]`, the axis order of NIfTI, and contiguous with `z` fastest if it was read
/// from a file.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{Geometry, Volume};
///
/// let volume = Volume::new(Array3::zeros((4, 3, 2)), Geometry::from_spacing([1.0, 1.0, 5.0]));
/// assert_eq!(volume.shape(), [4, 3, 2]);
/// assert_eq!(volume.spacing(), [1.0, 1.0, 5.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Volume {
    /// Intensities.
    pub data: Array3<f32>,
    /// Position of the voxels.
    pub geometry: Geometry,
    header: Option<SourceHeader>,
}

/// A label map: one class index per voxel, 0 for the background, or [`IGNORED`](crate::IGNORED).
///
/// # Shapes
///
/// As for [`Volume`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, LabelMap};
///
/// let labels = LabelMap::new(array![[[0, 2]], [[1, 2]]], Geometry::default());
/// assert_eq!(labels.values(), [0, 1, 2]);
/// ```
#[derive(Debug, Clone)]
pub struct LabelMap {
    /// Class indices, and [`IGNORED`](crate::IGNORED).
    pub data: Array3<u8>,
    /// Position of the voxels.
    pub geometry: Geometry,
    header: Option<SourceHeader>,
}

/// Volumes are equal if their voxels and geometry are, whatever files they come from.
impl PartialEq for Volume {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data && self.geometry == other.geometry
    }
}

/// Label maps are equal if their labels and geometry are, whatever files they come from.
impl PartialEq for LabelMap {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data && self.geometry == other.geometry
    }
}

impl Volume {
    /// Creates an image from an array and its geometry.
    pub fn new(data: Array3<f32>, geometry: Geometry) -> Self {
        Self {
            data,
            geometry,
            header: None,
        }
    }

    /// Returns the number of voxels along each axis.
    pub fn shape(&self) -> [usize; 3] {
        self.data.dim().into()
    }

    /// Returns the voxel spacing in millimeters.
    pub fn spacing(&self) -> [f64; 3] {
        self.geometry.spacing()
    }

    /// Returns the position of the voxels as stored in the file; `None` if it was computed instead of read.
    pub fn header(&self) -> Option<&SourceHeader> {
        self.header.as_ref()
    }

    pub(crate) fn with_header(mut self, header: Option<SourceHeader>) -> Self {
        self.header = header;
        self
    }
}

impl LabelMap {
    /// Creates a label map from an array and its geometry.
    pub fn new(data: Array3<u8>, geometry: Geometry) -> Self {
        Self {
            data,
            geometry,
            header: None,
        }
    }

    /// Returns the number of voxels along each axis.
    pub fn shape(&self) -> [usize; 3] {
        self.data.dim().into()
    }

    /// Returns the voxel spacing in millimeters.
    pub fn spacing(&self) -> [f64; 3] {
        self.geometry.spacing()
    }

    /// Returns the position of the voxels as stored in the file; `None` if it was computed instead of read.
    pub fn header(&self) -> Option<&SourceHeader> {
        self.header.as_ref()
    }

    pub(crate) fn with_header(mut self, header: Option<SourceHeader>) -> Self {
        self.header = header;
        self
    }

    /// Takes over the header of a volume's file, so that [`write_labels`](crate::io::write_labels) writes the same
    /// position fields if both have the same shape and geometry.
    #[must_use]
    pub fn with_header_of(self, volume: &Volume) -> Self {
        self.with_header(volume.header.clone())
    }

    /// Returns the share of ignored voxels, from 0 to 1.
    pub fn ignored_share(&self) -> f64 {
        let ignored = self.data.iter().filter(|&&label| label == IGNORED);
        ignored.count() as f64 / self.data.len().max(1) as f64
    }

    /// Returns the labels that occur, in ascending order.
    pub fn values(&self) -> Vec<u8> {
        let mut seen = [false; 256];
        self.data
            .iter()
            .for_each(|&label| seen[usize::from(label)] = true);
        (0..=u8::MAX)
            .filter(|&label| seen[usize::from(label)])
            .collect()
    }
}

/// Checks that every label is below `classes`, which includes the background.
///
/// # Errors
///
/// [`DataError::LabelOutOfRange`] with the largest label and `classes`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{check_labels, Geometry, LabelMap};
///
/// let labels = LabelMap::new(array![[[0, 7]]], Geometry::default());
/// assert!(check_labels(&labels, 8).is_ok());
/// let message = check_labels(&labels, 2).unwrap_err().to_string();
/// assert!(message.contains("label 7") && message.contains("2 classes"));
/// ```
pub fn check_labels(labels: &LabelMap, classes: usize) -> Result<(), DataError> {
    match labels.data.iter().copied().max() {
        Some(label) if usize::from(label) >= classes => {
            Err(DataError::LabelOutOfRange { label, classes })
        }
        _ => Ok(()),
    }
}
