//! Class probabilities taken to another grid.

use ndarray::{Array4, ArrayView4, Axis, s};
use rayon::prelude::*;

use super::grid::Grid;
use super::resample_labels::{apply, is_inside};
use crate::{DataError, LabelMap};

/// Interpolates class probabilities linearly at every voxel of another grid.
///
/// Outside the source, class 0 has probability 1. Interpolating before the
/// class is chosen gives smoother borders than
/// [`resample_labels_to`](super::resample_labels_to) after it.
///
/// # Shapes
///
/// `probabilities` and the result: `[class, x, y, z]`.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] when the shape is not that of `source`, or
/// the affine of `source` cannot be inverted.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, preprocess::{Grid, resample_probabilities_to}};
///
/// let p = array![[[[1.0, 0.0]]], [[[0.0, 1.0]]]];
/// let source = Grid { shape: [1, 1, 2], geometry: Geometry::default() };
/// let target = source.with_spacing([1.0, 1.0, 0.5])?;
/// let fine = resample_probabilities_to(p.view(), &source, &target)?;
/// let foreground: Vec<f32> = fine.iter().skip(4).copied().collect();
/// assert_eq!(foreground, [0.0, 0.25, 0.75, 1.0]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn resample_probabilities_to(
    probabilities: ArrayView4<'_, f32>,
    source: &Grid,
    target: &Grid,
) -> Result<Array4<f32>, DataError> {
    let (classes, x, y, z) = probabilities.dim();
    if [x, y, z] != source.shape {
        return Err(DataError::InvalidSetting {
            name: "the shape of the probabilities",
            expected: format!("[class, {:?}]", source.shape),
            found: format!("{:?}", probabilities.dim()),
        });
    }
    let map = target.index_map(source)?;
    let [nx, ny, nz] = target.shape;
    let mut out = Array4::zeros((classes, nx, ny, nz));
    let slabs = out.axis_iter_mut(Axis(1)).into_par_iter().enumerate();
    slabs.for_each(|(x, mut slab)| {
        for y in 0..ny {
            for z in 0..nz {
                let mut voxel = slab.slice_mut(s![.., y, z]);
                let index = apply(&map, [x, y, z]);
                if !is_inside(index, source.shape) {
                    voxel.iter_mut().take(1).for_each(|p| *p = 1.0);
                    continue;
                }
                for (corner, weight) in corners(index, source.shape) {
                    let [i, j, k] = corner;
                    for (class, p) in voxel.iter_mut().enumerate() {
                        *p += weight * probabilities[[class, i, j, k]];
                    }
                }
            }
        }
    });
    Ok(out)
}

/// The eight voxels around a fractional index and their weights.
fn corners(index: [f64; 3], shape: [usize; 3]) -> impl Iterator<Item = ([usize; 3], f32)> {
    let at: [f64; 3] = std::array::from_fn(|a| index[a].clamp(0.0, shape[a] as f64 - 1.0));
    let low = at.map(|v| v.floor() as usize);
    (0..8_usize).filter_map(move |bits| {
        let mut weight = 1.0;
        let corner = std::array::from_fn(|a| {
            let (up, fraction) = (bits >> a & 1, at[a] - low[a] as f64);
            weight *= if up == 1 { fraction } else { 1.0 - fraction };
            (low[a] + up).min(shape[a] - 1)
        });
        (weight > 0.0).then_some((corner, weight as f32))
    })
}

/// The most probable class of every voxel; among equals the smallest.
///
/// # Shapes
///
/// `probabilities`: `[class, x, y, z]`, at most 256 classes, on `grid`.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] when the shape does not fit the grid or there
/// are more than 256 classes.
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
    let mut labels = ndarray::Array3::zeros(grid.shape);
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

    #[test]
    fn probabilities_still_sum_to_one_and_choose_the_class() {
        let source = Grid {
            shape: [4, 5, 3],
            geometry: Geometry::from_spacing([2.0, 1.5, 3.0]),
        };
        let p = Array4::from_shape_fn((2, 4, 5, 3), |(c, x, _, _)| {
            let one = x as f32 / 3.0;
            if c == 1 { one } else { 1.0 - one }
        });
        let target = source.with_spacing([1.0; 3]).unwrap();
        let fine = resample_probabilities_to(p.view(), &source, &target).unwrap();
        assert!(
            fine.sum_axis(Axis(0))
                .iter()
                .all(|s| (s - 1.0).abs() < 1e-5)
        );
        let labels = most_probable(fine.view(), &target).unwrap();
        assert_eq!(labels.shape(), target.shape);
        let half = labels.data.iter().filter(|&&l| l == 1).count() * 2;
        assert_eq!(half, labels.data.len());
    }

    #[test]
    fn a_wrong_shape_is_an_error() {
        let grid = Grid {
            shape: [2, 2, 2],
            geometry: Geometry::default(),
        };
        let p = Array4::zeros((2, 2, 2, 3));
        assert!(resample_probabilities_to(p.view(), &grid, &grid).is_err());
        assert!(most_probable(p.view(), &grid).is_err());
    }
}
