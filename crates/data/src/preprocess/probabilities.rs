//! Resampling of class probabilities.

use ndarray::{Array4, ArrayView4, Axis, s};
use rayon::prelude::*;

use super::grid::Grid;
use super::index_map::{apply, is_axis_aligned, is_inside, is_on_axis};
use crate::DataError;
use crate::taps::{Taps, Threads, weighted_sums};

/// Resamples class probabilities to another grid by linear interpolation.
///
/// Outside the source, class 0 has probability 1. Interpolating probabilities before taking the most
/// probable class gives smoother borders than [`resample_labels_to`](super::resample_labels_to) after it.
///
/// # Shapes
///
/// `probabilities` and the result: `[class, x, y, z]`.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] if the shape is not that of `source`, or the affine of `source` cannot be
/// inverted.
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
    resample_classes_to(probabilities, source, target, 1.0)
}

/// [`resample_probabilities_to`] for some of the classes: outside the source, the first one has the probability
/// `outside`, the others have 0.
pub(super) fn resample_classes_to(
    probabilities: ArrayView4<'_, f32>,
    source: &Grid,
    target: &Grid,
    outside: f32,
) -> Result<Array4<f32>, DataError> {
    let (_, x, y, z) = probabilities.dim();
    if [x, y, z] != source.shape {
        return Err(DataError::InvalidSetting {
            name: "the shape of the probabilities",
            expected: format!("[class, {:?}]", source.shape),
            found: format!("{:?}", probabilities.dim()),
        });
    }
    let map = target.index_map(source)?;
    if is_axis_aligned(&map) {
        return Ok(separable(probabilities, &map, target.shape, outside));
    }
    Ok(general(probabilities, &map, target.shape, outside))
}

/// Interpolates along one axis after the other, for an axis-aligned map.
fn separable(
    probabilities: ArrayView4<'_, f32>,
    map: &[[f64; 4]; 3],
    target: [usize; 3],
    outside: f32,
) -> Array4<f32> {
    let (classes, x, y, z) = probabilities.dim();
    let shape = [x, y, z];
    let at = |a: usize, i: usize| map[a][a] * i as f64 + map[a][3];
    let inside: [Vec<bool>; 3] = std::array::from_fn(|a| {
        (0..target[a])
            .map(|i| is_on_axis(at(a, i), shape[a]))
            .collect()
    });
    let taps: [Vec<Taps>; 3] = std::array::from_fn(|a| {
        let linear = |i: usize| {
            let center = at(a, i).clamp(0.0, shape[a].max(1) as f64 - 1.0);
            let low = center.floor() as i64;
            Taps::clamped(low, low + 1, shape[a], |j| 1.0 - (center - j as f64).abs())
        };
        (0..target[a]).map(linear).collect()
    });
    let mut out = Array4::zeros((classes, target[0], target[1], target[2]));
    for (class, mut plane) in out.outer_iter_mut().enumerate() {
        let source = probabilities.index_axis(Axis(0), class);
        let source = source.as_standard_layout();
        let data = weighted_sums(source.view(), 0, &taps[0], Threads::All);
        let data = weighted_sums(data.view(), 1, &taps[1], Threads::All);
        let data = weighted_sums(data.view(), 2, &taps[2], Threads::All);
        let outside = if class == 0 { outside } else { 0.0 };
        let slabs = plane
            .outer_iter_mut()
            .into_par_iter()
            .zip(data.outer_iter().into_par_iter());
        slabs.enumerate().for_each(|(x, (mut out, data))| {
            out.assign(&data);
            for ((y, z), p) in out.indexed_iter_mut() {
                if !(inside[0][x] && inside[1][y] && inside[2][z]) {
                    *p = outside;
                }
            }
        });
    }
    out
}

/// Interpolates voxel by voxel, for any map.
fn general(
    probabilities: ArrayView4<'_, f32>,
    map: &[[f64; 4]; 3],
    target: [usize; 3],
    outside: f32,
) -> Array4<f32> {
    let (classes, x, y, z) = probabilities.dim();
    let source = [x, y, z];
    let [nx, ny, nz] = target;
    let mut out = Array4::zeros((classes, nx, ny, nz));
    let slabs = out.axis_iter_mut(Axis(1)).into_par_iter().enumerate();
    slabs.for_each(|(x, mut slab)| {
        for y in 0..ny {
            for z in 0..nz {
                let mut voxel = slab.slice_mut(s![.., y, z]);
                let index = apply(map, [x, y, z]);
                if !is_inside(index, source) {
                    voxel.iter_mut().take(1).for_each(|p| *p = outside);
                    continue;
                }
                for (corner, weight) in corners(index, source) {
                    let [i, j, k] = corner;
                    for (class, p) in voxel.iter_mut().enumerate() {
                        *p += weight * probabilities[[class, i, j, k]];
                    }
                }
            }
        }
    });
    out
}

/// The eight voxels around a fractional index with their weights.
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

#[cfg(test)]
mod tests;
