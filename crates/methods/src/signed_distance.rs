//! Signed distance maps of a batch's labels.

use burn::prelude::*;
use ndarray::Array3;
use semivox_sdf::{SignedDistance, signed_distance_map};

/// One map per foreground class: negative inside, positive outside, each side scaled to 1; zero
/// everywhere where a patch has no voxel of the class, or nothing else.
///
/// # Shapes
/// - `labels`: `[batch, 1, depth, height, width]`
/// - result: `[batch, classes − 1, depth, height, width]`, a constant
///
/// # References
/// See [`signed_distance_map`]; distances are counted in voxels of the patch.
///
/// # Examples
/// ```
/// use burn::prelude::*;
/// use semivox_methods::signed_distance::signed_distance_targets;
/// let labels = Tensor::<5, Int>::from_ints([[[[[0, 0, 1, 1, 1]]]]], &Device::flex());
/// let map = signed_distance_targets(&labels, 2).into_data().try_to_vec::<f32>()?;
/// assert_eq!(map, [1.0, 0.5, 0.0, -2.0 / 3.0, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn signed_distance_targets(labels: &Tensor<5, Int>, classes: usize) -> Tensor<5> {
    let [batch, _, d, h, w] = labels.dims();
    let values: Vec<i64> = labels.clone().into_data().iter().collect();
    let mut maps = Vec::with_capacity(values.len() * (classes - 1));
    for patch in values.chunks_exact(d * h * w) {
        for class in 1..classes as i64 {
            let mask = patch.iter().map(|&label| label == class).collect();
            let mask = Array3::from_shape_vec((d, h, w), mask).expect("one label per voxel");
            let map = signed_distance_map(mask.view(), [1.0; 3], SignedDistance::UnitRange);
            maps.extend(map);
        }
    }
    let shape = [batch, classes - 1, d, h, w];
    Tensor::from_data(TensorData::new(maps, shape), &labels.device())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn classes_have_maps_of_their_own_and_an_absent_one_is_zero() {
        let labels =
            Tensor::<5, Int>::from_ints([[[[[0, 1, 1, 2]]]], [[[[0, 0, 0, 2]]]]], &Device::flex());
        let found = signed_distance_targets(&labels, 3);
        assert_eq!(found.dims(), [2, 2, 1, 1, 4]);
        let found = found.into_data().try_to_vec::<f32>().unwrap();
        // Both voxels of class 1 touch the background: its inner boundary.
        assert_eq!(found[..4], [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(found[4..8], [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(found[8..12], [0.0; 4]);
    }
}
