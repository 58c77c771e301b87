//! Resampling of label maps to another grid: the label of the nearest voxel.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::preprocess::Grid;
use crate::preprocess::index_map::{apply, is_axis_aligned, is_on_axis};
use crate::{DataError, LabelMap};

/// Resamples a label map to another grid by nearest neighbor.
///
/// The two grids may differ in spacing, extent and direction. A voxel more than a quarter of a voxel
/// outside the label map becomes background; rounding a shape cuts off at most a quarter.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] if the label map's affine cannot be inverted.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, LabelMap, preprocess::{Grid, resample_labels_to}};
///
/// let labels = LabelMap::new(array![[[1, 2]]], Geometry::from_spacing([1.0, 1.0, 2.0]));
/// let fine = Grid { shape: [1, 1, 6], geometry: Geometry::default().translated([0.0, 0.0, -2.0]) };
/// assert_eq!(resample_labels_to(&labels, &fine)?.data, array![[[0, 1, 1, 2, 2, 2]]]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn resample_labels_to(labels: &LabelMap, target: &Grid) -> Result<LabelMap, DataError> {
    let map = target.index_map(&Grid::from(labels))?;
    let shape = labels.shape();
    if is_axis_aligned(&map) {
        let data = pick(labels.data.view(), &map, target.shape);
        return Ok(LabelMap::new(data, target.geometry));
    }
    let mut data = Array3::zeros(target.shape);
    data.outer_iter_mut()
        .into_par_iter()
        .enumerate()
        .for_each(|(x, mut slab)| {
            for ((y, z), out) in slab.indexed_iter_mut() {
                let index = apply(&map, [x, y, z]);
                if let Some(index) = nearest_inside(index, shape) {
                    *out = labels.data[index];
                }
            }
        });
    Ok(LabelMap::new(data, target.geometry))
}

/// [`resample_labels_to`] for an axis-aligned map, with a table per axis.
fn pick(labels: ArrayView3<'_, u8>, map: &[[f64; 4]; 3], target: [usize; 3]) -> Array3<u8> {
    let shape: [usize; 3] = labels.dim().into();
    let table = |a: usize| -> Vec<Option<usize>> {
        (0..target[a])
            .map(|i| nearest_on_axis(map[a][a] * i as f64 + map[a][3], shape[a]))
            .collect()
    };
    let [xs, ys, zs] = [table(0), table(1), table(2)];
    let mut data = Array3::zeros(target);
    data.outer_iter_mut()
        .into_par_iter()
        .zip(&xs)
        .for_each(|(mut slab, x)| {
            for (mut line, y) in slab.outer_iter_mut().zip(&ys) {
                let (Some(x), Some(y)) = (*x, *y) else {
                    continue;
                };
                for (out, z) in line.iter_mut().zip(&zs) {
                    *out = z.map_or(0, |z| labels[[x, y, z]]);
                }
            }
        });
    data
}

fn nearest_on_axis(index: f64, n: usize) -> Option<usize> {
    // The small term rounds halves consistently despite earlier rounding errors.
    let nearest = (index + 0.5 + 1e-6)
        .floor()
        .clamp(0.0, n.max(1) as f64 - 1.0);
    is_on_axis(index, n).then_some(nearest as usize)
}

fn nearest_inside(index: [f64; 3], shape: [usize; 3]) -> Option<[usize; 3]> {
    let nearest = |a: usize| nearest_on_axis(index[a], shape[a]);
    Some([nearest(0)?, nearest(1)?, nearest(2)?])
}
