//! Signed distance maps.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Zip};

use crate::{Edge, border, squared_distance_to, squared_distance_transform};

/// Unit of a signed distance map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedDistance {
    /// Distances in millimeters.
    Millimeters,
    /// Each side divided by its largest distance, for a map in `[-1, 1]`.
    UnitRange,
}

/// Computes the signed distance of every voxel to the surface of a mask: negative inside, positive outside.
///
/// ```text
/// outside:         S(p) =  d(p, mask) / a
/// inside:          S(p) = -d(p, background) / b
/// inner boundary:  S(p) =  0
/// ```
///
/// `d` is measured between voxel centers. `a = b = 1` for [`SignedDistance::Millimeters`]; for
/// [`SignedDistance::UnitRange`] they are the largest distances outside and inside, taken before the
/// boundary is set to zero. The inner boundary are the mask voxels with a background face neighbor;
/// the edge of the volume is not a boundary.
///
/// An empty mask and a mask that fills the volume have no surface: the map is zero everywhere.
///
/// # Shapes
///
/// mask `[x, y, z]` to result `[x, y, z]`.
///
/// # Panics
///
/// If the spacing is not positive and finite.
///
/// # References
///
/// X. Luo et al., "Semi-supervised Medical Image Segmentation through Dual-task Consistency", AAAI
/// 2021 (the normalized map, there in voxels: spacing 1); C. You et al., "SimCVD", IEEE TMI 41(9),
/// 2022, section on the supervised loss.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_sdf::{SignedDistance, signed_distance_map};
///
/// let mask = arr3(&[[[false, false, true, true, true]]]);
/// let map = signed_distance_map(mask.view(), [1.0, 1.0, 2.0], SignedDistance::Millimeters);
/// assert_eq!(map, arr3(&[[[4.0, 2.0, 0.0, -4.0, -6.0]]]));
/// let unit = signed_distance_map(mask.view(), [1.0; 3], SignedDistance::UnitRange);
/// assert_eq!(unit, arr3(&[[[1.0, 0.5, 0.0, -2.0 / 3.0, -1.0]]]));
/// ```
#[must_use]
pub fn signed_distance_map(
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
    unit: SignedDistance,
) -> Array3<f32> {
    let inside = squared_distance_transform(mask, spacing);
    if !mask.iter().any(|&on| on) || mask.iter().all(|&on| on) {
        return Array3::zeros(mask.dim());
    }
    let mut map = squared_distance_to(mask, spacing);
    let [a, b] = match unit {
        SignedDistance::Millimeters => [1.0, 1.0],
        SignedDistance::UnitRange => [&map, &inside].map(|side| largest(side).sqrt()),
    };
    Zip::from(&mut map)
        .and(&inside)
        .and(&border(mask, Edge::Ignored))
        .par_for_each(|outside, &inside, &boundary| {
            *outside = if boundary {
                0.0
            } else {
                outside.sqrt() / a - inside.sqrt() / b
            };
        });
    map
}

fn largest(values: &Array3<f32>) -> f32 {
    values.par_iter().copied().reduce(|| 0.0, f32::max)
}
