//! Resampling of label maps.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::grid::{Grid, source_index};
use crate::{DataError, IGNORED, LabelMap};

/// Resamples a label map to another spacing, on the same grid as [`resample`](super::resample).
///
/// A new voxel that covers several old ones takes the label with the largest share of its volume; in a
/// tie the label of the nearest voxel, else the smallest. Along axes that are not downsampled the nearest
/// voxel is taken. [`IGNORED`](crate::IGNORED) voxels have no vote: a new voxel is ignored only if all voxels that it
/// covers are, so that no annotated slice is lost between slices that are not annotated.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] for a spacing that is not positive and finite.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, LabelMap, preprocess::resample_labels};
///
/// let labels = LabelMap::new(array![[[0, 1, 1, 2, 2, 2]]], Geometry::from_spacing([3.0, 3.0, 1.0]));
/// assert_eq!(resample_labels(&labels, [3.0; 3])?.data, array![[[1, 2]]]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn resample_labels(labels: &LabelMap, spacing_mm: [f64; 3]) -> Result<LabelMap, DataError> {
    let grid = Grid::from(labels);
    let target = grid.with_spacing(spacing_mm)?;
    let scale = grid.scale_to(spacing_mm);
    let shares: [Vec<Shares>; 3] =
        std::array::from_fn(|a| axis_shares(target.shape[a], grid.shape[a], scale[a]));
    let mut data = Array3::zeros(target.shape);
    if !labels.data.is_empty() {
        let slabs = data.outer_iter_mut().into_par_iter().zip(&shares[0]);
        slabs.for_each(|(mut slab, x)| {
            for ((y, z), out) in slab.indexed_iter_mut() {
                *out = majority(labels.data.view(), [x, &shares[1][y], &shares[2][z]]);
            }
        });
    }
    Ok(LabelMap::new(data, target.geometry))
}

/// Overlap of a new voxel with the old ones along an axis: the first old voxel, the share of each from
/// there on, and the nearest.
struct Shares {
    first: usize,
    shares: Vec<f32>,
    nearest: usize,
}

fn axis_shares(n_new: usize, n_old: usize, scale: f64) -> Vec<Shares> {
    let last = n_old.saturating_sub(1) as f64;
    let shares_of = |i: usize| {
        let center = source_index(i, n_new, n_old, scale);
        let nearest = (center + 0.5 + 1e-6).floor().clamp(0.0, last) as usize;
        if scale <= 1.0 {
            return Shares {
                first: nearest,
                shares: vec![1.0],
                nearest,
            };
        }
        // Old voxel j covers [j - 1/2, j + 1/2].
        let (low, high) = (center - scale / 2.0, center + scale / 2.0);
        let first = (low + 0.5 + 1e-6).floor().clamp(0.0, last) as usize;
        let end = (high + 0.5 - 1e-6).floor().clamp(first as f64, last) as usize;
        let share = |j: usize| {
            let overlap = high.min(j as f64 + 0.5) - low.max(j as f64 - 0.5);
            overlap.max(0.0) as f32
        };
        Shares {
            first,
            shares: (first..=end).map(share).collect(),
            nearest,
        }
    };
    (0..n_new).map(shares_of).collect()
}

/// Returns the label with the largest share.
fn majority(labels: ArrayView3<'_, u8>, [x, y, z]: [&Shares; 3]) -> u8 {
    let nearest = labels[[x.nearest, y.nearest, z.nearest]];
    let mut votes: Vec<(u8, f32)> = vec![(nearest, 0.0)];
    let mut drawn = 0.0;
    for (i, a) in x.shares.iter().enumerate() {
        for (j, b) in y.shares.iter().enumerate() {
            for (k, c) in z.shares.iter().enumerate() {
                let label = labels[[x.first + i, y.first + j, z.first + k]];
                let share = a * b * c;
                if label == IGNORED {
                    continue;
                }
                drawn += share;
                match votes.iter_mut().find(|vote| vote.0 == label) {
                    Some(vote) => vote.1 += share,
                    None => votes.push((label, share)),
                }
            }
        }
    }
    if drawn == 0.0 {
        return IGNORED;
    }
    // Shares that differ only by rounding are equal.
    let most = votes.iter().map(|vote| vote.1).fold(0.0, f32::max) * (1.0 - 1e-5);
    if votes[0].1 >= most {
        return nearest;
    }
    votes
        .iter()
        .filter(|vote| vote.1 >= most)
        .map(|vote| vote.0)
        .min()
        .unwrap_or(nearest)
}

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

/// Returns whether an index map is axis-aligned, as between a file and its preprocessed volume; axes can then be
/// treated separately.
pub(super) fn is_axis_aligned(map: &[[f64; 4]; 3]) -> bool {
    let off_diagonal = |r: usize| {
        (0..3)
            .filter(move |&c| c != r)
            .map(move |c| map[r][c].abs())
    };
    (0..3).flat_map(off_diagonal).all(|x| x < 1e-9)
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

/// Maps an index to a fractional index.
pub(super) fn apply(map: &[[f64; 4]; 3], index: [usize; 3]) -> [f64; 3] {
    let [x, y, z] = index.map(|i| i as f64);
    std::array::from_fn(|r| map[r][0] * x + map[r][1] * y + map[r][2] * z + map[r][3])
}

/// Distance outside a volume, in voxels, that still counts as its border.
const SLACK: f64 = 0.25;

/// Returns whether a fractional index is on an axis, within the slack.
pub(super) fn is_on_axis(index: f64, n: usize) -> bool {
    let reach = 0.5 + SLACK + 1e-6;
    n > 0 && index >= -reach && index <= n as f64 - 1.0 + reach
}

/// Returns whether a fractional index is in a volume, within the slack.
pub(super) fn is_inside(index: [f64; 3], shape: [usize; 3]) -> bool {
    (0..3).all(|a| is_on_axis(index[a], shape[a]))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;
    use ndarray::array;
    use proptest::prelude::*;

    fn ball(shape: [usize; 3], geometry: Geometry) -> LabelMap {
        let center = geometry.position(shape.map(|n| (n as f64 - 1.0) / 2.0));
        let inside = |(x, y, z): (usize, usize, usize)| {
            let p = geometry.position([x as f64, y as f64, z as f64]);
            let d2: f64 = p.iter().zip(center).map(|(p, c)| (p - c).powi(2)).sum();
            u8::from(d2 < 64.0)
        };
        LabelMap::new(Array3::from_shape_fn(shape, inside), geometry)
    }

    fn volume_mm3(labels: &LabelMap) -> f64 {
        let voxels = labels.data.iter().filter(|&&l| l == 1).count() as f64;
        voxels * labels.spacing().iter().product::<f64>()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_volume_of_a_ball_is_kept(new in [0.35_f64..1.0, 0.35_f64..1.0, 0.35_f64..1.0]) {
            // A radius of 16 voxels, which a coarse grid still samples evenly.
            let labels = ball([40, 40, 40], Geometry::from_spacing([0.5; 3]));
            let there = resample_labels(&labels, new).unwrap();
            let ratio = volume_mm3(&there) / volume_mm3(&labels);
            prop_assert!((0.9..1.1).contains(&ratio), "{}", ratio);
            let back = resample_labels_to(&there, &Grid::from(&labels)).unwrap();
            let ratio = volume_mm3(&back) / volume_mm3(&labels);
            prop_assert!((0.88..1.12).contains(&ratio), "{}", ratio);
        }

        #[test]
        fn equal_spacing_is_the_identity(s in 0.3_f64..3.0) {
            let labels = ball([5, 6, 7], Geometry::from_spacing([s, 2.0, 3.0 * s]));
            prop_assert_eq!(&resample_labels(&labels, [s, 2.0, 3.0 * s]).unwrap(), &labels);
            prop_assert_eq!(resample_labels_to(&labels, &Grid::from(&labels)).unwrap(), labels);
        }
    }

    #[test]
    fn the_table_agrees_with_the_general_way() {
        let labels = ball([9, 10, 11], Geometry::from_spacing([1.0, 2.0, 1.5]));
        let target = Grid {
            shape: [20, 14, 17],
            geometry: Geometry::default().translated([-2.0; 3]),
        };
        let straight = resample_labels_to(&labels, &target).unwrap();
        // A rotation by 90° of both the label map's frame and the target's.
        let turn = |g: Geometry| {
            let a = g.affine;
            Geometry {
                affine: [a[1].map(|x| -x), a[0], a[2], a[3]],
            }
        };
        let mut shifted = turn(labels.geometry);
        shifted.affine[0][2] += 1e-7;
        let turned = LabelMap::new(labels.data.clone(), shifted);
        let grid = Grid {
            geometry: turn(target.geometry),
            ..target
        };
        assert_eq!(
            resample_labels_to(&turned, &grid).unwrap().data,
            straight.data
        );
    }

    #[test]
    fn ties_do_not_shrink_a_plane() {
        // A half space whose face cuts every second coarse voxel in half.
        let half = Array3::from_shape_fn((9, 4, 4), |(x, _, _)| u8::from(x % 4 == 1 || x % 4 == 2));
        let out = resample_labels(&LabelMap::new(half, Geometry::default()), [2.0; 3]).unwrap();
        let share = out.data.iter().filter(|&&l| l == 1).count() as f64 / out.data.len() as f64;
        assert!((0.3..0.7).contains(&share), "{share}");
    }

    /// Every third slice is annotated; coarser slices get the labels within them, finer ones the nearest.
    #[test]
    fn ignored_voxels_have_no_vote() {
        let (i, geometry) = (IGNORED, Geometry::default());
        let labels = LabelMap::new(array![[[i, 1, i, i, 2, i, i, i, i]]], geometry);
        let coarse = resample_labels(&labels, [1.0, 1.0, 3.0]).unwrap();
        assert_eq!(coarse.data, array![[[1, 2, i]]]);
        let fine = resample_labels(&labels, [1.0, 1.0, 0.5]).unwrap();
        assert_eq!(fine.data.iter().filter(|&&label| label != i).count(), 4);
        assert_eq!(labels.ignored_share(), 7.0 / 9.0);
    }
}
