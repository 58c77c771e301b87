//! Postprocessing of predicted label maps.

use semivox_data::LabelMap;
use semivox_sdf::{Connectivity, largest_component};

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
    for class in labels.values().into_iter().filter(|&class| class > 0) {
        let mask = labels.data.mapv(|label| label == class);
        let kept = largest_component(mask.view(), Connectivity::Corners26);
        labels.data.zip_mut_with(&kept, |label, &kept| {
            if *label == class && !kept {
                *label = 0;
            }
        });
    }
}
