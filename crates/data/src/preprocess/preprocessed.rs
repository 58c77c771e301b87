//! A preprocessed scan, and the way of predictions on it back to its file.

use ndarray::ArrayView4;

use super::{Grid, Region};
use super::{most_probable_on, probability_on, resample_labels_to};
use crate::{DataError, Image, LabelMap, Reorientation, SourceHeader, Volume};

/// A preprocessed scan, with the information to map predictions back to its file.
#[derive(Debug, Clone)]
pub struct Preprocessed {
    /// The preprocessed image.
    pub image: Image,
    /// The grid of the file.
    pub source: Grid,
    /// Position of the voxels as stored in the file, if the image was read from one; copied to all that is mapped back.
    pub header: Option<SourceHeader>,
    /// The reorientation that was applied.
    pub reorientation: Reorientation,
    /// The crop of steps 4 and 5 in the resampled volume; its start is negative where the volume was padded.
    pub region: Region,
}

/// Scans are equal if their voxels and grids are, whatever files they come from.
impl PartialEq for Preprocessed {
    fn eq(&self, other: &Self) -> bool {
        self.image == other.image
            && self.source == other.source
            && self.reorientation == other.reorientation
            && self.region == other.region
    }
}

impl Preprocessed {
    /// Maps labels on this scan's grid back to the grid of the file.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if the affine cannot be inverted.
    pub fn restore_labels(&self, labels: &LabelMap) -> Result<LabelMap, DataError> {
        Ok(self.restored(invert_labels(labels, &self.target())?))
    }

    /// Maps probabilities `[class, x, y, z]` on this scan's grid to the grid of the file and takes the most
    /// probable class there.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if the shape is not this scan's.
    pub fn restore_probabilities(
        &self,
        probabilities: ArrayView4<'_, f32>,
    ) -> Result<LabelMap, DataError> {
        let labels = most_probable_on(
            probabilities,
            &Grid::from(self.image.first()),
            &self.target(),
        )?;
        Ok(self.restored(labels))
    }

    /// Maps the probabilities of one class, out of `[class, x, y, z]` on this scan's grid, to the grid of the
    /// file.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if the shape is not this scan's.
    ///
    /// # Panics
    ///
    /// If the class does not exist.
    pub fn restore_probability(
        &self,
        probabilities: ArrayView4<'_, f32>,
        class: usize,
    ) -> Result<Volume, DataError> {
        let grid = Grid::from(self.image.first());
        let map = probability_on(probabilities, class, &grid, &self.target())?;
        let map = match self.reorientation {
            Reorientation::NONE => map,
            reorientation => reorientation.inverse().volume(&map),
        };
        let map = Volume::new(map.data, self.source.geometry);
        Ok(map.with_header(self.header.clone()))
    }

    /// The grid of the file, reoriented like the scan.
    fn target(&self) -> Grid {
        match self.reorientation {
            Reorientation::NONE => self.source,
            reorientation => reorientation.grid(&self.source),
        }
    }

    /// Reverts the reorientation of a label map and assigns the exact affine and the header of the file.
    fn restored(&self, labels: LabelMap) -> LabelMap {
        let labels = match self.reorientation {
            Reorientation::NONE => labels,
            reorientation => reorientation.inverse().labels(&labels),
        };
        LabelMap::new(labels.data, self.source.geometry).with_header(self.header.clone())
    }
}

/// Maps a label map back to the grid of the file by its geometry; voxels outside become background.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] if the label map's affine cannot be inverted.
pub fn invert_labels(labels: &LabelMap, source: &Grid) -> Result<LabelMap, DataError> {
    resample_labels_to(labels, source)
}
