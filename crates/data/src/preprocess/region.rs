//! Boxes of voxels: foreground, cropping, pasting, padding.

use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};
use serde::{Deserialize, Serialize};

use crate::{DataError, LabelMap, Volume};

/// A box of voxels, which may extend beyond its volume.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::preprocess::Region;
///
/// let data = array![[[1, 2, 3]]];
/// let region = Region { start: [0, 0, 1], size: [1, 1, 4] };
/// assert_eq!(region.cut(data.view(), 0), array![[[2, 3, 0, 0]]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The first voxel; negative where the box starts before the volume.
    pub start: [i32; 3],
    /// Number of voxels along each axis.
    pub size: [u32; 3],
}

impl Region {
    /// Returns the box of a whole volume.
    ///
    /// # Panics
    ///
    /// If a side has more than 2³¹ - 1 voxels.
    pub fn whole(shape: [usize; 3]) -> Self {
        assert!(
            shape.iter().all(|&n| i32::try_from(n).is_ok()),
            "a side of {shape:?} is too long"
        );
        Self {
            start: [0; 3],
            size: shape.map(|n| n as u32),
        }
    }

    /// Returns the smallest box around a volume with sides of at least `min_size`, enlarged equally on both ends (one
    /// voxel more at the far end if the number is odd).
    pub fn padded(shape: [usize; 3], min_size: [usize; 3]) -> Self {
        let mut region = Self::whole(shape);
        for a in 0..3 {
            let missing = min_size[a].saturating_sub(shape[a]);
            region.start[a] = -((missing / 2) as i32);
            region.size[a] += missing as u32;
        }
        region
    }

    /// Returns the sides as array sizes.
    pub fn shape(&self) -> [usize; 3] {
        self.size.map(|n| n as usize)
    }

    /// Copies the box out of a volume; voxels beyond the volume are `fill`.
    pub fn cut<T: Copy>(&self, data: ArrayView3<'_, T>, fill: T) -> Array3<T> {
        let (inner, outer) = self.overlap(data.dim().into());
        if inner == self.shape().map(|n| (0, n)) {
            let [x, y, z] = outer.map(|(from, to)| from..to);
            return data.slice(s![x, y, z]).as_standard_layout().into_owned();
        }
        let mut out = Array3::from_elem(self.shape(), fill);
        let [x, y, z] = inner.map(|(from, to)| from..to);
        let [u, v, w] = outer.map(|(from, to)| from..to);
        out.slice_mut(s![x, y, z]).assign(&data.slice(s![u, v, w]));
        out
    }

    /// Pastes an array from [`cut`](Self::cut) back into the volume's array.
    ///
    /// # Panics
    ///
    /// If `cut` does not have the shape of the box.
    pub fn paste<T: Copy>(&self, cut: ArrayView3<'_, T>, mut into: ArrayViewMut3<'_, T>) {
        assert_eq!(
            self.shape(),
            <[usize; 3]>::from(cut.dim()),
            "the pasted array and its box"
        );
        let (inner, outer) = self.overlap(into.dim().into());
        let [x, y, z] = inner.map(|(from, to)| from..to);
        let [u, v, w] = outer.map(|(from, to)| from..to);
        into.slice_mut(s![u, v, w]).assign(&cut.slice(s![x, y, z]));
    }

    /// Returns the smallest box that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let end = |region: &Self, a: usize| i64::from(region.start[a]) + i64::from(region.size[a]);
        let start: [i32; 3] = std::array::from_fn(|a| self.start[a].min(other.start[a]));
        let size =
            std::array::from_fn(|a| (end(self, a).max(end(other, a)) - i64::from(start[a])) as u32);
        Self { start, size }
    }

    /// Cuts an image and updates its geometry.
    pub fn cut_volume(&self, volume: &Volume, fill: f32) -> Volume {
        let geometry = volume.geometry.translated(self.start.map(f64::from));
        Volume::new(self.cut(volume.data.view(), fill), geometry)
    }

    /// Cuts a label map and updates its geometry; background outside.
    pub fn cut_labels(&self, labels: &LabelMap) -> LabelMap {
        let geometry = labels.geometry.translated(self.start.map(f64::from));
        LabelMap::new(self.cut(labels.data.view(), 0), geometry)
    }

    /// The intersection of box and volume, as index ranges of the box and of the volume.
    fn overlap(&self, shape: [usize; 3]) -> (Span, Span) {
        let mut ranges = ([(0, 0); 3], [(0, 0); 3]);
        for (a, &n) in shape.iter().enumerate() {
            let (start, n) = (i64::from(self.start[a]), n as i64);
            let from = start.clamp(0, n);
            let to = (start + i64::from(self.size[a])).clamp(from, n);
            if from < to {
                ranges.0[a] = ((from - start) as usize, (to - start) as usize);
                ranges.1[a] = (from as usize, to as usize);
            }
        }
        ranges
    }
}

/// Start and end along each axis.
type Span = [(usize, usize); 3];

/// Rule for the foreground, based on intensities alone to work without labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Above this intensity in the file's units, for instance -500 for CT.
    Above(f32),
    /// Above this fraction of the intensity range from the volume's minimum to its maximum.
    Fraction(f32),
}

/// Returns the bounding box of the foreground with a margin in voxels, clipped to the volume; the whole volume
/// without foreground.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] for a fraction outside [0, 1) or a threshold that is not finite.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::preprocess::{Region, Threshold, foreground};
///
/// let data = array![[[0.0, 0.1, 9.0, 8.0, 0.0, 0.0]]];
/// let region = foreground(data.view(), Threshold::Fraction(0.5), 1)?;
/// assert_eq!(region, Region { start: [0, 0, 1], size: [1, 1, 4] });
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn foreground(
    data: ArrayView3<'_, f32>,
    threshold: Threshold,
    margin_voxels: usize,
) -> Result<Region, DataError> {
    let limit = limit(data, threshold)?;
    let shape: [usize; 3] = data.dim().into();
    let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
    for ((x, y, z), &value) in data.indexed_iter() {
        if value > limit {
            for (a, i) in [x, y, z].into_iter().enumerate() {
                low[a] = low[a].min(i);
                high[a] = high[a].max(i + 1);
            }
        }
    }
    let mut region = Region::whole(shape);
    if high[0] > 0 {
        for a in 0..3 {
            let start = low[a].saturating_sub(margin_voxels);
            let end = high[a].saturating_add(margin_voxels).min(shape[a]);
            (region.start[a], region.size[a]) = (start as i32, (end - start) as u32);
        }
    }
    Ok(region)
}

fn limit(data: ArrayView3<'_, f32>, threshold: Threshold) -> Result<f32, DataError> {
    match threshold {
        Threshold::Above(limit) if limit.is_finite() => Ok(limit),
        Threshold::Fraction(fraction) if (0.0..1.0).contains(&fraction) => {
            let ends = data
                .iter()
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| {
                    (low.min(x), high.max(x))
                });
            Ok(ends.0 + fraction * (ends.1 - ends.0))
        }
        other => Err(DataError::InvalidSetting {
            name: "foreground.threshold",
            expected: "a finite intensity or a fraction from 0 up to 1".into(),
            found: format!("{other:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;
    use proptest::prelude::*;

    fn numbered(shape: [usize; 3]) -> Array3<f32> {
        let [_, ny, nz] = shape;
        Array3::from_shape_fn(shape, |(x, y, z)| ((x * ny + y) * nz + z + 1) as f32)
    }

    proptest! {
        #[test]
        fn cut_follows_the_definition_and_paste_undoes_it(
            start in [-4_i32..7, -4_i32..7, -4_i32..7],
            size in [1_u32..8, 1_u32..8, 1_u32..8],
        ) {
            let data = numbered([5, 4, 6]);
            let region = Region { start, size };
            let cut = region.cut(data.view(), -1.0);
            for ((x, y, z), &value) in cut.indexed_iter() {
                let at = [x as i32 + start[0], y as i32 + start[1], z as i32 + start[2]];
                let expected = if at.iter().all(|&i| i >= 0) {
                    data.get(at.map(|i| i as usize)).copied().unwrap_or(-1.0)
                } else {
                    -1.0
                };
                prop_assert_eq!(value, expected);
            }
            let mut back = data.clone();
            region.paste(cut.view(), back.view_mut());
            prop_assert_eq!(back, data);
        }

        #[test]
        fn padding_is_undone_by_pasting(min in [1_usize..9, 1_usize..9, 1_usize..9]) {
            let data = numbered([5, 4, 6]);
            let region = Region::padded([5, 4, 6], min);
            let padded = region.cut(data.view(), 0.0);
            let sides = [5, 4, 6];
            prop_assert!((0..3).all(|a| padded.shape()[a] == min[a].max(sides[a])));
            let mut back = Array3::zeros(sides);
            region.paste(padded.view(), back.view_mut());
            prop_assert_eq!(back, data);
        }
    }

    #[test]
    fn a_cut_keeps_voxels_where_they_are() {
        let volume = Volume::new(numbered([5, 4, 6]), Geometry::from_spacing([1.0, 2.0, 0.5]));
        let cut = Region {
            start: [1, -1, 2],
            size: [3, 6, 3],
        }
        .cut_volume(&volume, 0.0);
        assert_eq!(cut.data[[1, 2, 1]], volume.data[[2, 1, 3]]);
        assert_eq!(
            cut.geometry.position([1.0, 2.0, 1.0]),
            volume.geometry.position([2.0, 1.0, 3.0])
        );
    }

    #[test]
    fn no_foreground_is_the_whole_volume() {
        let data = Array3::zeros((3, 4, 5));
        let region = foreground(data.view(), Threshold::Above(1.0), 2).unwrap();
        assert_eq!(region, Region::whole([3, 4, 5]));
        assert!(foreground(data.view(), Threshold::Fraction(1.0), 0).is_err());
    }
}
