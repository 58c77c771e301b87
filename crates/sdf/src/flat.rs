//! Distance transforms of lines and images, as volumes with axes of length one.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::squared_distance_transform;

/// Squared distance transform of an image, with the spacing in the order of its axes; see
/// [`squared_distance_transform`].
///
/// # Shapes
///
/// mask `[x, y]` to result `[x, y]`.
///
/// # Panics
///
/// If the spacing is not positive and finite.
///
/// # Examples
///
/// ```
/// use ndarray::arr2;
///
/// let mask = arr2(&[[false, true], [true, true]]);
/// let squared = semivox_sdf::squared_distance_transform_2d(mask.view(), [1.0, 2.0]);
/// assert_eq!(squared, arr2(&[[0.0, 4.0], [1.0, 5.0]]));
/// ```
#[must_use]
pub fn squared_distance_transform_2d(mask: ArrayView2<'_, bool>, spacing: [f64; 2]) -> Array2<f32> {
    let volume = mask.insert_axis(Axis(0));
    squared_distance_transform(volume, [1.0, spacing[0], spacing[1]]).remove_axis(Axis(0))
}

/// Squared distance transform of a line; see [`squared_distance_transform`].
///
/// # Shapes
///
/// mask `[x]` to result `[x]`.
///
/// # Panics
///
/// If the spacing is not positive and finite.
///
/// # Examples
///
/// ```
/// use ndarray::arr1;
///
/// let mask = arr1(&[true, true, false]);
/// let squared = semivox_sdf::squared_distance_transform_1d(mask.view(), 3.0);
/// assert_eq!(squared, arr1(&[36.0, 9.0, 0.0]));
/// ```
#[must_use]
pub fn squared_distance_transform_1d(mask: ArrayView1<'_, bool>, spacing: f64) -> Array1<f32> {
    let image = mask.insert_axis(Axis(0));
    squared_distance_transform_2d(image, [1.0, spacing]).remove_axis(Axis(0))
}
