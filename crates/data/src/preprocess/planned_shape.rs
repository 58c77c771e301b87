//! The shape that a scan will have after preprocessing, from its header alone.

use super::{Grid, Preprocess};
use crate::{DataError, Geometry, Orientation};

impl Preprocess {
    /// Returns the number of voxels along each axis that a scan will have after preprocessing. With a `foreground`, whose
    /// extent the header does not tell, it is that of the whole scan.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] for a spacing, slice size or minimum size that is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::{Orientation, preprocess::Preprocess};
    ///
    /// let steps = Preprocess {
    ///     orientation: Some("RAS".parse()?),
    ///     slice_size: Some([128, 128]),
    ///     ..Default::default()
    /// };
    /// let sagittal: Orientation = "ASR".parse()?;
    /// assert_eq!(steps.planned_shape([256, 240, 10], [1.0, 1.0, 8.0], sagittal)?, [128, 128, 240]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn planned_shape(
        &self,
        shape: [usize; 3],
        spacing_mm: [f64; 3],
        orientation: Orientation,
    ) -> Result<[usize; 3], DataError> {
        let (shape, spacing_mm) = match self.orientation {
            Some(wanted) => {
                let reorientation = orientation.reorientation_to(wanted);
                (
                    reorientation.values(shape),
                    reorientation.values(spacing_mm),
                )
            }
            None => (shape, spacing_mm),
        };
        let grid = Grid {
            shape,
            geometry: Geometry::from_spacing(spacing_mm),
        };
        let shape = match self.spacing(&grid)? {
            Some(spacing) => grid.with_spacing(spacing)?.shape,
            None => shape,
        };
        self.enlarged(shape)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array3;

    use super::*;
    use crate::Volume;

    /// Every combination of settings against the shape of a scan that is preprocessed.
    #[test]
    fn the_planned_shape_is_that_of_the_preprocessed_scan() {
        let geometry = Geometry::from_spacing([0.7, 1.1, 2.3]);
        let scan = Volume::new(Array3::zeros((9, 7, 5)), geometry);
        let orientation = Orientation::of(&geometry);
        for wanted in [None, Some("RAS"), Some("SPL"), Some("AIR")] {
            for (spacing_mm, slice_size) in [
                (None, None),
                (Some([1.0, 0.9, 1.3]), None),
                (None, Some([6, 11])),
            ] {
                for min_size in [None, Some([8, 8, 8])] {
                    let steps = Preprocess {
                        orientation: wanted.map(|name| name.parse().unwrap()),
                        spacing_mm,
                        slice_size,
                        min_size,
                        ..Preprocess::default()
                    };
                    let planned =
                        steps.planned_shape(scan.shape(), geometry.spacing(), orientation);
                    let found = steps.apply(&scan).unwrap().image.shape();
                    assert_eq!(planned.unwrap(), found, "{steps:?}");
                }
            }
        }
    }
}
