//! The preprocessing pipeline.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::grid::{MOST_VOXELS, expect_bounded};
use super::{Grid, Intensity, Preprocessed, Region, Threshold};
use super::{foreground, resample, resample_labels};
use crate::finite::check_finite;
use crate::image::{check_channels, first};
use crate::{
    DataError, Geometry, Image, LabelMap, Orientation, Reorientation, Volume, check_same_grid,
};

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
/// 3. normalize `intensity` over the whole volume, each channel by itself;
/// 4. crop to the `foreground` of all channels, found from the intensities before step 3 and never from a label;
/// 5. enlarge the crop to `min_size`, evenly on both ends, with the scan's voxels or, outside the scan, with
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
/// assert_eq!(scan.image.shape(), [6, 6, 6]);
/// assert_eq!(scan.restore_labels(&target)?, labels);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// Intensity normalization of every channel.
    pub intensity: Intensity,
    /// Intensity normalization by channel, in place of `intensity`; empty if all channels have the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channel_intensity: Vec<Intensity>,
    /// Cropping to the foreground, if any.
    pub foreground: Option<ForegroundCrop>,
    /// Minimum number of voxels along each axis.
    pub min_size: Option<[usize; 3]>,
}

impl Preprocess {
    /// Preprocesses an image: an [`Image`], or a [`Volume`] for one channel.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] for a setting that is out of range, [`DataError::NonFiniteChannel`] for NaN and
    /// infinite voxels, of which one would make the mean of a scan, and so all of it, NaN.
    pub fn apply(&self, image: impl AsRef<[Volume]>) -> Result<Preprocessed, DataError> {
        let source = image.as_ref();
        let first = first(source)?;
        check_channels(source)?;
        check_finite(source)?;
        let reorientation = self.reorientation(&first.geometry);
        let channels = source.iter().map(|channel| {
            let placed = placed_as(channel, first);
            let reoriented = reoriented(&placed, reorientation);
            match self.spacing(&Grid::from(reoriented.as_ref()))? {
                Some(spacing) => resample(&reoriented, spacing),
                None => Ok(reoriented.into_owned()),
            }
        });
        let mut channels = channels.collect::<Result<Vec<Volume>, DataError>>()?;
        let region = self.region(&channels)?;
        let intensities = self.intensities(channels.len())?;
        for (channel, intensity) in channels.iter_mut().zip(intensities) {
            intensity.apply(&mut channel.data)?;
            if region != Region::whole(channel.shape()) {
                *channel = region.cut_volume(channel, 0.0);
            }
        }
        Ok(Preprocessed {
            image: Image::new(channels)?,
            source: Grid::from(first),
            header: first.header().cloned(),
            reorientation,
            region,
        })
    }

    /// Computes the crop of steps 4 and 5: the foreground of all channels together, enlarged to the minimum size.
    fn region(&self, channels: &[Volume]) -> Result<Region, DataError> {
        let mut region = Region::whole(channels[0].shape());
        if let Some(crop) = self.foreground {
            let find = |channel: &Volume| {
                foreground(channel.data.view(), crop.threshold, crop.margin_voxels)
            };
            // An empty channel, of a sequence that a scan lacks, has no foreground.
            let varied = |channel: &&Volume| {
                let first = channel.data.first();
                channel.data.iter().any(|value| Some(value) != first)
            };
            let mut of_channels = channels.iter().filter(varied);
            region = find(of_channels.next().unwrap_or(&channels[0]))?;
            for channel in of_channels {
                region = region.union(&find(channel)?);
            }
        }
        let padded = Region::padded(region.shape(), self.enlarged(region.shape())?);
        (0..3).for_each(|a| region.start[a] += padded.start[a]);
        region.size = padded.size;
        Ok(region)
    }

    /// Returns the shape enlarged to the minimum size.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if it would be enlarged to more than 2³⁰ voxels.
    pub(super) fn enlarged(&self, shape: [usize; 3]) -> Result<[usize; 3], DataError> {
        let Some(min_size) = self.min_size else {
            return Ok(shape);
        };
        let enlarged = std::array::from_fn(|a| shape[a].max(min_size[a]));
        if enlarged != shape {
            expect_bounded(enlarged, || DataError::InvalidSetting {
                name: "min_size",
                expected: format!(
                    "a minimum size that enlarges the scan of {shape:?} voxels to at most {MOST_VOXELS}"
                ),
                found: format!("{min_size:?} and {enlarged:?} voxels"),
            })?;
        }
        Ok(enlarged)
    }

    /// Returns the intensity normalization of each of `channels` channels.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] if `channel_intensity` is for another number of channels.
    pub fn intensities(&self, channels: usize) -> Result<Vec<Intensity>, DataError> {
        match self.channel_intensity.len() {
            0 => Ok(vec![self.intensity; channels]),
            count if count == channels => Ok(self.channel_intensity.clone()),
            count => Err(DataError::InvalidSetting {
                name: "channel_intensity",
                expected: format!("one for each of the {channels} channels of the scan, or none"),
                found: count.to_string(),
            }),
        }
    }

    /// Preprocesses an image and its label map to the same grid.
    ///
    /// # Errors
    ///
    /// [`DataError::ShapeMismatch`] or [`DataError::GeometryMismatch`] if the two have different grids;
    /// otherwise as for [`apply`](Self::apply).
    pub fn apply_labeled(
        &self,
        image: impl AsRef<[Volume]>,
        labels: &LabelMap,
    ) -> Result<(Preprocessed, LabelMap), DataError> {
        let first = first(image.as_ref())?;
        let names = ["the image", "the label map"].map(String::from);
        check_same_grid(&Grid::from(first), labels, names)?;
        let scan = self.apply(&image)?;
        let labels = LabelMap::new(labels.data.clone(), first.geometry);
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
    pub(super) fn spacing(&self, grid: &Grid) -> Result<Option<[f64; 3]>, DataError> {
        match (self.spacing_mm, self.slice_size) {
            (spacing, None) => Ok(spacing),
            (None, Some(slice_size)) if !slice_size.contains(&0) => {
                let present = grid.geometry.spacing();
                let side = |a: usize| present[a] * grid.shape[a] as f64 / slice_size[a] as f64;
                Ok(Some([side(0), side(1), present[2]]))
            }
            (_, Some(slice_size)) => Err(DataError::InvalidSetting {
                name: "slice_size",
                expected: "two sides of at least 1 voxel, and no spacing_mm as well".into(),
                found: format!("{slice_size:?} and spacing_mm {:?}", self.spacing_mm),
            }),
        }
    }
}

/// Returns a channel on the grid of the first one, which it shares but for a fraction of a voxel.
fn placed_as<'a>(channel: &'a Volume, first: &Volume) -> Cow<'a, Volume> {
    match channel.geometry == first.geometry {
        true => Cow::Borrowed(channel),
        false => Cow::Owned(Volume::new(channel.data.clone(), first.geometry)),
    }
}

/// Reorients a volume; borrows it if there is nothing to do.
fn reoriented(volume: &Volume, reorientation: Reorientation) -> Cow<'_, Volume> {
    match reorientation {
        Reorientation::NONE => Cow::Borrowed(volume),
        reorientation => Cow::Owned(reorientation.volume(volume)),
    }
}

#[cfg(test)]
mod tests;
