//! Postprocessing of predicted label maps.

use semivox_data::LabelMap;

/// Keeps the largest connected component of every class but the background; the other components
/// become background. Voxels that touch at a face, an edge or a corner are connected.
///
/// Suitable for a single organ, not for lesions, of which there may be several.
///
/// # Examples
/// ```
/// use ndarray::arr3;
/// use semivox_data::{Geometry, LabelMap};
/// use semivox_inference::keep_largest_components;
///
/// let mut labels = LabelMap::new(arr3(&[[[1, 0, 2, 1, 1, 0, 2, 2]]]), Geometry::default());
/// keep_largest_components(&mut labels);
/// assert_eq!(labels.data, arr3(&[[[0, 0, 0, 1, 1, 0, 2, 2]]]));
/// ```
pub fn keep_largest_components(labels: &mut LabelMap) {
    semivox_sdf::keep_largest_components(&mut labels.data);
}
