//! Resampling of label maps to another spacing: the label with the largest share of a voxel.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::preprocess::grid::{Grid, source_index};
use crate::{DataError, IGNORED, LabelMap};

/// Resamples a label map to another spacing, on the same grid as [`resample`](crate::preprocess::resample).
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
