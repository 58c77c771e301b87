//! Label maps, and maps of one class, from class probabilities.

use std::ops::Range;

use ndarray::{Array3, ArrayView4, Axis, s};

use super::probabilities::resample_classes_to;
use super::{Grid, resample_probabilities_to};
use crate::{DataError, LabelMap, Volume};

/// Maximum number of probabilities in memory at a time: 128 MiB.
const SLAB: usize = 1 << 25;

/// Returns the most probable class at every voxel of another grid.
///
/// Equals [`resample_probabilities_to`] followed by [`most_probable`], but works slab by slab to limit
/// memory.
///
/// # Shapes
///
/// `probabilities`: `[class, x, y, z]` on `source`, at most 256 classes.
///
/// # Errors
///
/// As for these two functions.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, preprocess::{Grid, most_probable_on}};
///
/// let p = array![[[[1.0, 0.0]]], [[[0.0, 1.0]]]];
/// let source = Grid { shape: [1, 1, 2], geometry: Geometry::default() };
/// let target = source.with_spacing([1.0, 1.0, 0.5])?;
/// let labels = most_probable_on(p.view(), &source, &target)?;
/// assert_eq!(labels.data, array![[[0, 0, 1, 1]]]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn most_probable_on(
    probabilities: ArrayView4<'_, f32>,
    source: &Grid,
    target: &Grid,
) -> Result<LabelMap, DataError> {
    in_slabs(probabilities, source, target, SLAB)
}

/// [`most_probable_on`] with at most `most` probabilities at a time, but at least one slice.
fn in_slabs(
    probabilities: ArrayView4<'_, f32>,
    source: &Grid,
    target: &Grid,
    most: usize,
) -> Result<LabelMap, DataError> {
    let mut labels = Array3::zeros(target.shape);
    for (range, slab) in slabs(target, probabilities.dim().0, most) {
        let there = resample_probabilities_to(probabilities, source, &slab)?;
        let chosen = most_probable(there.view(), &slab)?;
        labels.slice_mut(s![range, .., ..]).assign(&chosen.data);
    }
    Ok(LabelMap::new(labels, target.geometry))
}

/// Returns the probability of one class at every voxel of another grid, slab by slab.
///
/// # Shapes
///
/// `probabilities`: `[class, x, y, z]` on `source`.
///
/// # Errors
///
/// As for [`resample_probabilities_to`].
///
/// # Panics
///
/// If the class does not exist.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, preprocess::{Grid, probability_on}};
///
/// let p = array![[[[1.0, 0.0]]], [[[0.0, 1.0]]]];
/// let source = Grid { shape: [1, 1, 2], geometry: Geometry::default() };
/// let target = source.with_spacing([1.0, 1.0, 0.5])?;
/// let map = probability_on(p.view(), 1, &source, &target)?;
/// assert_eq!(map.data, array![[[0.0, 0.25, 0.75, 1.0]]]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn probability_on(
    probabilities: ArrayView4<'_, f32>,
    class: usize,
    source: &Grid,
    target: &Grid,
) -> Result<Volume, DataError> {
    let one = probabilities.slice(s![class..class + 1, .., .., ..]);
    let outside = if class == 0 { 1.0 } else { 0.0 };
    let mut map = Array3::zeros(target.shape);
    // Slabs as for all classes, so that the map is rounded as the probabilities behind a label map are.
    for (range, slab) in slabs(target, probabilities.dim().0, SLAB) {
        let there = resample_classes_to(one, source, &slab, outside)?;
        let there = there.index_axis(Axis(0), 0);
        map.slice_mut(s![range, .., ..]).assign(&there);
    }
    Ok(Volume::new(map, target.geometry))
}

/// Divides a grid along its first axis into slabs of at most `most` values of `classes` each, or one slice.
fn slabs(grid: &Grid, classes: usize, most: usize) -> impl Iterator<Item = (Range<usize>, Grid)> {
    let Grid { shape, geometry } = *grid;
    let [side, y, z] = shape;
    let thickness = (most / (y * z * classes).max(1)).max(1);
    (0..side).step_by(thickness).map(move |start| {
        let range = start..(start + thickness).min(side);
        let slab = Grid {
            shape: [range.len(), y, z],
            geometry: geometry.translated([start as f64, 0.0, 0.0]),
        };
        (range, slab)
    })
}

/// Returns the most probable class of every voxel; the smallest one in a tie.
///
/// # Shapes
///
/// `probabilities`: `[class, x, y, z]`, at most 256 classes, on `grid`.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] if the shape differs from the grid's or there are more than 256 classes.
pub fn most_probable(
    probabilities: ArrayView4<'_, f32>,
    grid: &Grid,
) -> Result<LabelMap, DataError> {
    let (classes, x, y, z) = probabilities.dim();
    if [x, y, z] != grid.shape || !(1..=256).contains(&classes) {
        return Err(DataError::InvalidSetting {
            name: "the shape of the probabilities",
            expected: format!("[1 to 256 classes, {:?}]", grid.shape),
            found: format!("{:?}", probabilities.dim()),
        });
    }
    let mut best = probabilities.index_axis(Axis(0), 0).to_owned();
    let mut labels = Array3::zeros(grid.shape);
    for class in 1..classes {
        let plane = probabilities.index_axis(Axis(0), class);
        ndarray::Zip::from(&mut best)
            .and(&mut labels)
            .and(plane)
            .for_each(|best, label, &p| {
                if p > *best {
                    (*best, *label) = (p, class as u8);
                }
            });
    }
    Ok(LabelMap::new(labels, grid.geometry))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;
    use ndarray::Array4;

    #[test]
    fn slabs_give_what_the_whole_gives() {
        let source = Grid {
            shape: [7, 6, 5],
            geometry: Geometry::from_spacing([2.0, 1.5, 3.0]),
        };
        let p = Array4::from_shape_fn((3, 7, 6, 5), |(c, x, y, z)| {
            ((5 * c + 2 * x * x + y * z) % 7) as f32
        });
        let fine = source.with_spacing([0.5, 1.0, 0.7]).unwrap();
        let whole = resample_probabilities_to(p.view(), &source, &fine).unwrap();
        let whole = most_probable(whole.view(), &fine).unwrap();
        let slice = 3 * fine.shape[1] * fine.shape[2];
        for most in [1, 3 * slice, 4 * slice + 1, usize::MAX] {
            assert_eq!(in_slabs(p.view(), &source, &fine, most).unwrap(), whole);
        }
    }

    /// On a grid along the source's axes and on an oblique one, both of which reach beyond the source.
    #[test]
    fn a_class_alone_has_the_probabilities_that_it_has_among_all() {
        let source = Grid {
            shape: [7, 6, 5],
            geometry: Geometry::from_spacing([2.0, 1.5, 3.0]),
        };
        let p = Array4::from_shape_fn((3, 7, 6, 5), |(c, x, y, z)| {
            ((5 * c + 2 * x * x + y * z) % 7) as f32 / 7.0
        });
        let straight = Geometry::from_spacing([1.1, 1.3, 0.9]).translated([-4.0, -3.0, -5.0]);
        let (s, c) = 0.3_f64.sin_cos();
        let mut oblique = straight;
        (oblique.affine[0][0], oblique.affine[0][1]) = (1.1 * c, -1.3 * s);
        (oblique.affine[1][0], oblique.affine[1][1]) = (1.1 * s, 1.3 * c);
        for geometry in [straight, oblique] {
            let target = Grid {
                shape: [20, 14, 24],
                geometry,
            };
            let all = resample_probabilities_to(p.view(), &source, &target).unwrap();
            for class in 0..3 {
                let one = probability_on(p.view(), class, &source, &target).unwrap();
                assert_eq!(one.data, all.index_axis(Axis(0), class), "{class}");
                let outside = if class == 0 { 1.0 } else { 0.0 };
                assert_eq!(one.data[[0, 0, 0]], outside);
            }
        }
    }
}
