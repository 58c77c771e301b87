//! The preprocessing pipeline.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Grid, Intensity, Region, Threshold, foreground, resample, resample_labels};
use super::{most_probable_on, probability_on, resample_labels_to};
use crate::case::check_same_grid;
use crate::{DataError, Geometry, LabelMap, Orientation, Reorientation, SourceHeader, Volume};

/// Cropping to the foreground.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForegroundCrop {
    /// The threshold of the foreground, in the file's intensities.
    pub threshold: Threshold,
    /// Margin around the foreground in voxels, after resampling.
    #[serde(default)]
    pub margin_voxels: usize,
}

/// Preprocessing pipeline, with these steps in order:
///
/// 1. reorient to `orientation`;
/// 2. resample to `spacing_mm`, or every slice to `slice_size`;
/// 3. normalize `intensity` over the whole volume;
/// 4. crop to the `foreground`, found from the intensities before step 3 and never from a label;
/// 5. enlarge the crop to `min_size`, evenly on both ends, with the scan's voxels or, beyond the scan, with
///    0.
///
/// # Examples
///
/// Label maps are preprocessed accordingly, and predictions are mapped back:
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{Geometry, LabelMap, Volume, preprocess::Preprocess};
///
/// let geometry = Geometry::from_spacing([1.0, 1.0, 2.0]);
/// let image = Volume::new(Array3::from_shape_fn((8, 8, 4), |(x, ..)| x as f32), geometry);
/// let labels = LabelMap::new(Array3::from_shape_fn((8, 8, 4), |(x, ..)| u8::from(x >= 4)), geometry);
///
/// let steps = Preprocess { spacing_mm: Some([2.0; 3]), min_size: Some([6; 3]), ..Default::default() };
/// let (scan, target) = steps.apply_labeled(&image, &labels)?;
/// assert_eq!(scan.volume.shape(), [6, 6, 6]);
/// assert_eq!(scan.restore_labels(&target)?, labels);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// Axis directions to reorient to, such as `RAS`; `None` keeps the file's. Voxels are not interpolated.
    /// All following settings refer to the reoriented axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<Orientation>,
    /// Spacing to resample to; `None` keeps the file's.
    pub spacing_mm: Option<[f64; 3]>,
    /// Size in voxels to which every slice is resampled along the first two axes, whatever its extent, as in
    /// 2D methods; an alternative to `spacing_mm`.
    pub slice_size: Option<[usize; 2]>,
    /// Intensity normalization.
    pub intensity: Intensity,
    /// Cropping to the foreground, if any.
    pub foreground: Option<ForegroundCrop>,
    /// Minimum number of voxels along each axis.
    pub min_size: Option<[usize; 3]>,
}

/// A preprocessed scan, with the information to map predictions back to its file.
#[derive(Debug, Clone)]
pub struct Preprocessed {
    /// The preprocessed image.
    pub volume: Volume,
    /// The grid of the file.
    pub source: Grid,
    /// How the file places its voxels, if the image came from one; given to all that is mapped back.
    pub header: Option<SourceHeader>,
    /// The reorientation that was applied.
    pub reorientation: Reorientation,
    /// The crop of steps 4 and 5 in the resampled volume; its start is negative where the volume was padded.
    pub region: Region,
}

/// Scans are equal if their voxels and grids are, whatever files they come from.
impl PartialEq for Preprocessed {
    fn eq(&self, other: &Self) -> bool {
        self.volume == other.volume
            && self.source == other.source
            && self.reorientation == other.reorientation
            && self.region == other.region
    }
}

impl Preprocess {
    /// Preprocesses an image.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] for a setting that is out of range.
    pub fn apply(&self, image: &Volume) -> Result<Preprocessed, DataError> {
        let reorientation = self.reorientation(&image.geometry);
        let reoriented = reoriented(image, reorientation);
        let mut volume = match self.spacing(&Grid::from(reoriented.as_ref()))? {
            Some(spacing) => resample(&reoriented, spacing)?,
            None => reoriented.into_owned(),
        };
        let mut region = Region::whole(volume.shape());
        if let Some(crop) = self.foreground {
            region = foreground(volume.data.view(), crop.threshold, crop.margin_voxels)?;
        }
        if let Some(min_size) = self.min_size {
            let padded = Region::padded(region.shape(), min_size);
            (0..3).for_each(|a| region.start[a] += padded.start[a]);
            region.size = padded.size;
        }
        self.intensity.apply(&mut volume.data)?;
        if region != Region::whole(volume.shape()) {
            volume = region.cut_volume(&volume, 0.0);
        }
        Ok(Preprocessed {
            volume,
            source: Grid::from(image),
            header: image.header().cloned(),
            reorientation,
            region,
        })
    }

    /// Preprocesses an image and its label map to the same grid.
    ///
    /// # Errors
    ///
    /// [`DataError::ShapeMismatch`] or [`DataError::GeometryMismatch`] if the two have different grids;
    /// otherwise as for [`apply`](Self::apply).
    pub fn apply_labeled(
        &self,
        image: &Volume,
        labels: &LabelMap,
    ) -> Result<(Preprocessed, LabelMap), DataError> {
        let names = ["the image", "the label map"].map(String::from);
        check_same_grid(image, labels, names)?;
        let scan = self.apply(image)?;
        let labels = LabelMap::new(labels.data.clone(), image.geometry);
        let labels = match scan.reorientation {
            Reorientation::NONE => labels,
            reorientation => reorientation.labels(&labels),
        };
        let labels = match self.spacing(&Grid::from(&labels))? {
            Some(spacing) => resample_labels(&labels, spacing)?,
            None => labels,
        };
        let labels = scan.region.cut_labels(&labels);
        Ok((scan, labels))
    }

    fn reorientation(&self, geometry: &Geometry) -> Reorientation {
        match self.orientation {
            Some(wanted) => Orientation::of(geometry).reorientation_to(wanted),
            None => Reorientation::NONE,
        }
    }

    /// The spacing for resampling a scan on `grid`, if any.
    fn spacing(&self, grid: &Grid) -> Result<Option<[f64; 3]>, DataError> {
        match (self.spacing_mm, self.slice_size) {
            (spacing, None) => Ok(spacing),
            (None, Some(slice_size)) if !slice_size.contains(&0) => {
                let present = grid.geometry.spacing();
                let side = |a: usize| present[a] * grid.shape[a] as f64 / slice_size[a] as f64;
                Ok(Some([side(0), side(1), present[2]]))
            }
            (_, Some(slice_size)) => Err(DataError::InvalidSetting {
                name: "slice_size",
                expected: "two sides of at least 1 voxel, and no spacing_mm beside them".into(),
                found: format!("{slice_size:?} and spacing_mm {:?}", self.spacing_mm),
            }),
        }
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
        probabilities: ndarray::ArrayView4<'_, f32>,
    ) -> Result<LabelMap, DataError> {
        let labels = most_probable_on(probabilities, &Grid::from(&self.volume), &self.target())?;
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
        probabilities: ndarray::ArrayView4<'_, f32>,
        class: usize,
    ) -> Result<Volume, DataError> {
        let grid = Grid::from(&self.volume);
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

/// Reorients a volume; borrows it if there is nothing to do.
fn reoriented(volume: &Volume, reorientation: Reorientation) -> Cow<'_, Volume> {
    match reorientation {
        Reorientation::NONE => Cow::Borrowed(volume),
        reorientation => Cow::Owned(reorientation.volume(volume)),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array3;

    fn scan() -> (Volume, LabelMap) {
        let geometry = Geometry::from_spacing([0.6, 0.6, 1.5]).translated([-20.0, 3.0, 8.0]);
        let inside = |x: usize, y: usize, z: usize| {
            (x as f64 - 14.0).powi(2) + (y as f64 - 12.0).powi(2) + 6.0 * (z as f64 - 5.0).powi(2)
                < 60.0
        };
        let image = Array3::from_shape_fn((28, 30, 12), |(x, y, z)| {
            if inside(x, y, z) {
                900.0
            } else {
                ((x * y + z) % 13) as f32
            }
        });
        let labels = Array3::from_shape_fn((28, 30, 12), |(x, y, z)| u8::from(inside(x, y, z)));
        (
            Volume::new(image, geometry),
            LabelMap::new(labels, geometry),
        )
    }

    fn dice(a: &LabelMap, b: &LabelMap) -> f64 {
        let both = a
            .data
            .iter()
            .zip(&b.data)
            .filter(|&(&a, &b)| a == 1 && b == 1)
            .count();
        let sum = a.data.iter().chain(&b.data).filter(|&&l| l == 1).count();
        2.0 * both as f64 / sum as f64
    }

    #[test]
    fn all_steps_go_back_to_the_file() {
        let (image, labels) = scan();
        let crop = ForegroundCrop {
            threshold: Threshold::Fraction(0.3),
            margin_voxels: 2,
        };
        let steps = Preprocess {
            spacing_mm: Some([1.0, 0.6, 1.0]),
            foreground: Some(crop),
            min_size: Some([16, 16, 24]),
            ..Default::default()
        };
        let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
        assert_eq!(Grid::from(&out.volume), Grid::from(&target));
        assert_eq!(out.volume.shape()[2], 24);
        assert!(out.volume.shape()[1] < 30);
        let back = out.restore_labels(&target).unwrap();
        assert_eq!(Grid::from(&back), Grid::from(&labels));
        assert!(dice(&back, &labels) > 0.93, "{}", dice(&back, &labels));

        let one_hot = ndarray::Array4::from_shape_fn((2, 0, 0, 0), |_| 0.0_f32);
        assert!(out.restore_probabilities(one_hot.view()).is_err());
        let shape = target.shape();
        let one_hot =
            ndarray::Array4::from_shape_fn((2, shape[0], shape[1], shape[2]), |(c, x, y, z)| {
                f32::from(u8::from(usize::from(target.data[[x, y, z]]) == c))
            });
        let back = out.restore_probabilities(one_hot.view()).unwrap();
        assert!(dice(&back, &labels) > 0.95, "{}", dice(&back, &labels));
    }

    #[test]
    fn slices_become_planes_of_one_size_and_go_back() {
        let (image, labels) = scan();
        let steps = Preprocess {
            slice_size: Some([48, 32]),
            ..Default::default()
        };
        let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
        assert_eq!(
            (out.volume.shape(), target.shape()),
            ([48, 32, 12], [48, 32, 12])
        );
        let back = out.restore_labels(&target).unwrap();
        assert_eq!(Grid::from(&back), Grid::from(&labels));
        assert!(dice(&back, &labels) > 0.97, "{}", dice(&back, &labels));

        for (slice_size, spacing_mm) in [([0, 32], None), ([48, 32], Some([1.0; 3]))] {
            let steps = Preprocess {
                slice_size: Some(slice_size),
                spacing_mm,
                ..Default::default()
            };
            let message = steps.apply(&image).unwrap_err().to_string();
            assert!(message.contains("slice_size"), "{message}");
        }
    }

    #[test]
    fn without_resampling_the_way_back_is_exact() {
        let (image, labels) = scan();
        let crop = ForegroundCrop {
            threshold: Threshold::Above(500.0),
            margin_voxels: 1,
        };
        let steps = Preprocess {
            foreground: Some(crop),
            min_size: Some([40; 3]),
            ..Default::default()
        };
        let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
        assert_eq!(out.restore_labels(&target).unwrap().data, labels.data);
    }

    /// Scans stored in any orientation give the same network input, and predictions match their file.
    #[test]
    fn scans_are_turned_to_one_orientation_and_back() {
        let (image, labels) = scan();
        let steps = Preprocess {
            orientation: Some("ASL".parse().unwrap()),
            spacing_mm: Some([1.0; 3]),
            min_size: Some([24; 3]),
            ..Default::default()
        };
        let (expected, expected_labels) = steps.apply_labeled(&image, &labels).unwrap();
        assert_eq!(
            Orientation::of(&expected.volume.geometry).to_string(),
            "ASL"
        );
        for stored in ["ASL", "LPS", "SAR", "IRP"] {
            let reorientation =
                Orientation::of(&image.geometry).reorientation_to(stored.parse().unwrap());
            let (image, labels) = (reorientation.volume(&image), reorientation.labels(&labels));
            let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
            assert_eq!(out.volume.data, expected.volume.data, "{stored}");
            assert_eq!(target.data, expected_labels.data, "{stored}");
            let nearest = out.restore_labels(&target).unwrap();
            assert_eq!(Grid::from(&nearest), Grid::from(&labels));
            assert!(dice(&nearest, &labels) > 0.93, "{stored}");
            let shape = target.shape();
            let one_hot = |c: usize, index: [usize; 3]| {
                f32::from(u8::from(usize::from(target.data[index]) == c))
            };
            let p = ndarray::Array4::from_shape_fn(
                (2, shape[0], shape[1], shape[2]),
                |(c, x, y, z)| one_hot(c, [x, y, z]),
            );
            let back = out.restore_probabilities(p.view()).unwrap();
            assert_eq!(Grid::from(&back), Grid::from(&image));
            assert!(dice(&back, &labels) > 0.95, "{stored}");
            let map = out.restore_probability(p.view(), 1).unwrap();
            assert_eq!(Grid::from(&map), Grid::from(&image));
            let clear = map
                .data
                .iter()
                .zip(&back.data)
                .all(|(&p, &l)| (p > 0.5) == (l == 1) || p == 0.5);
            assert!(clear, "{stored}");
        }
    }

    #[test]
    fn image_and_label_map_must_lie_on_one_grid() {
        let (image, mut labels) = scan();
        labels.geometry = Geometry::default();
        let error = Preprocess::default()
            .apply_labeled(&image, &labels)
            .unwrap_err();
        assert!(matches!(error, DataError::GeometryMismatch { .. }));
        labels.data = Array3::zeros((2, 2, 2));
        let error = Preprocess::default()
            .apply_labeled(&image, &labels)
            .unwrap_err();
        assert!(matches!(error, DataError::ShapeMismatch { .. }));
    }

    #[test]
    fn the_settings_are_plain_data() {
        let steps: Preprocess = serde_json::from_str(
            r#"{"spacing_mm": [1, 1, 1], "intensity": {"window": {"low": -200, "high": 250}},
                "foreground": {"threshold": {"above": -500}}}"#,
        )
        .unwrap();
        assert_eq!(
            steps.intensity,
            Intensity::Window {
                low: -200.0,
                high: 250.0
            }
        );
        assert!(serde_json::from_str::<Preprocess>(r#"{"spacing": 1}"#).is_err());
    }
}
