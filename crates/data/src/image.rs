//! Images of one or more channels.

use crate::geometry::SAME_GRID_VOXELS;
use crate::{DataError, Geometry, LabelMap, SourceHeader, Volume};

/// An image of one or more channels on one grid, such as the sequences of an MR examination.
///
/// A [`Volume`] can be passed wherever an image is expected, as an image of one channel.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{Geometry, Image, Volume};
///
/// let t1 = Volume::new(Array3::zeros((4, 3, 2)), Geometry::default());
/// let t2 = Volume::new(Array3::ones((4, 3, 2)), Geometry::default());
/// let image = Image::new(vec![t1.clone(), t2])?;
/// assert_eq!((image.channels().len(), image.shape()), (2, [4, 3, 2]));
/// assert!(Image::new(vec![]).is_err());
/// assert_eq!(Image::from(t1).channels().len(), 1);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Image(Vec<Volume>);

impl Image {
    /// Creates an image from its channels.
    ///
    /// # Errors
    ///
    /// [`DataError::ChannelGrid`] if a channel has another shape than the first one or corresponding corner voxels are
    /// more than a quarter of a voxel apart, [`DataError::InvalidSetting`] without a channel.
    pub fn new(channels: Vec<Volume>) -> Result<Self, DataError> {
        let names = numbered(channels.len());
        Self::named(channels, &names)
    }

    /// Like [`new`](Self::new), with names for messages.
    pub(crate) fn named(channels: Vec<Volume>, names: &[String]) -> Result<Self, DataError> {
        check_grids(&channels, names)?;
        Ok(Self(channels))
    }

    /// Returns the channels, at least one.
    pub fn channels(&self) -> &[Volume] {
        &self.0
    }

    /// Returns the first channel.
    pub fn first(&self) -> &Volume {
        &self.0[0]
    }

    /// Returns the channels, at least one.
    pub fn into_channels(self) -> Vec<Volume> {
        self.0
    }

    /// Returns the number of voxels along each axis.
    pub fn shape(&self) -> [usize; 3] {
        self.first().shape()
    }

    /// Returns whether the file of the image says which side of the patient is left.
    pub fn knows_sides(&self) -> bool {
        let header = self.first().header();
        header.is_some_and(|header| header.knows_sides())
    }

    /// Returns the voxel spacing in millimeters.
    pub fn spacing(&self) -> [f64; 3] {
        self.first().spacing()
    }

    /// Returns the position of the voxels.
    pub fn geometry(&self) -> &Geometry {
        &self.first().geometry
    }

    /// Returns the doubts about the position of the voxels of all channels, each once; see [`SourceHeader::notes`].
    pub fn notes(&self) -> Vec<&String> {
        let headers = self.channels().iter().filter_map(Volume::header);
        let mut notes: Vec<&String> = Vec::new();
        for note in headers.flat_map(SourceHeader::notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }

    /// Returns the doubts about the position of the voxels of the image and of its label map, each once.
    pub fn notes_with(&self, labels: Option<&LabelMap>) -> Vec<String> {
        let mut notes: Vec<String> = self.notes().into_iter().cloned().collect();
        let of_labels = labels.and_then(LabelMap::header).into_iter();
        for note in of_labels.flat_map(SourceHeader::notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        notes
    }
}

impl From<Volume> for Image {
    fn from(volume: Volume) -> Self {
        Self(vec![volume])
    }
}

impl AsRef<[Volume]> for Image {
    fn as_ref(&self) -> &[Volume] {
        &self.0
    }
}

impl AsRef<[Volume]> for Volume {
    fn as_ref(&self) -> &[Volume] {
        std::slice::from_ref(self)
    }
}

/// Returns an error unless all channels, at least one, are on one grid.
pub(crate) fn check_channels(channels: &[Volume]) -> Result<(), DataError> {
    check_grids(channels, &numbered(channels.len()))
}

fn check_grids(channels: &[Volume], names: &[String]) -> Result<(), DataError> {
    let first = first(channels)?;
    for (channel, name) in channels.iter().zip(names).skip(1) {
        if let Some(found) = difference(first, channel) {
            return Err(DataError::ChannelGrid {
                first: names[0].clone(),
                other: name.clone(),
                found,
            });
        }
    }
    Ok(())
}

/// Names channels that have none.
fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("channel {n}")).collect()
}

/// Describes how the grid of a channel differs from that of the first one, if it does.
fn difference(first: &Volume, other: &Volume) -> Option<String> {
    if first.shape() != other.shape() {
        return Some(format!(
            "shapes {:?} and {:?}",
            first.shape(),
            other.shape()
        ));
    }
    let distance = first
        .geometry
        .corner_distance(&other.geometry, first.shape());
    // NaN compares false, so that it counts as a difference.
    let same = distance <= SAME_GRID_VOXELS;
    (!same).then(|| format!("corresponding corner voxels {distance:.2} voxels apart"))
}

/// Returns the first of some channels, or an error if there is none.
pub(crate) fn first(channels: &[Volume]) -> Result<&Volume, DataError> {
    channels.first().ok_or_else(|| DataError::InvalidSetting {
        name: "the channels of an image",
        expected: "at least one".into(),
        found: "none".into(),
    })
}
