//! Signed distance maps of the labels of a batch.

use burn::prelude::*;
use ndarray::Array3;
use semivox_losses::{IGNORED_LABEL, SignedDistanceLoss};
use semivox_sdf::{SignedDistance, signed_distance_map};

/// Signed distance maps of labels, and the voxels that take part in a loss.
#[derive(Debug, Clone)]
pub struct DistanceTargets {
    /// One map per foreground class, `[batch, classes − 1, depth, height, width]`, without gradient: negative inside,
    /// positive outside, each side scaled to 1; 0 everywhere if a patch has no voxel of the class, or no other.
    pub maps: Tensor<5>,
    /// The voxels whose label is not [`IGNORED_LABEL`], `[batch, 1, depth, height, width]`; `None` for all of them.
    pub counted: Option<Tensor<5, Bool>>,
}

impl DistanceTargets {
    /// Computes the maps of labels `[batch, 1, depth, height, width]`.
    ///
    /// For the maps, an ignored voxel counts as outside every class; in a loss it has no weight.
    ///
    /// # References
    /// See [`signed_distance_map`]; distances are counted in voxels of the patch.
    ///
    /// # Examples
    /// ```
    /// use burn::prelude::*;
    /// use semivox_methods::signed_distance::DistanceTargets;
    /// let labels = Tensor::<5, Int>::from_ints([[[[[0, 0, 1, 1, 1]]]]], &Device::flex());
    /// let targets = DistanceTargets::new(&labels, 2);
    /// let map = targets.maps.into_data().try_to_vec::<f32>()?;
    /// assert_eq!(map, [1.0, 0.5, 0.0, -2.0 / 3.0, -1.0]);
    /// assert!(targets.counted.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(labels: &Tensor<5, Int>, classes: usize) -> Self {
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
        let ignored = values.contains(&IGNORED_LABEL);
        Self {
            maps: Tensor::from_data(TensorData::new(maps, shape), &labels.device()),
            counted: ignored.then(|| labels.clone().not_equal_elem(IGNORED_LABEL)),
        }
    }

    /// Computes the loss of predicted maps over the voxels that are not ignored.
    pub fn loss(self, loss: &SignedDistanceLoss, predicted: Tensor<5>) -> Tensor<1> {
        match self.counted {
            None => loss.forward(predicted, self.maps),
            Some(counted) => loss.forward_counted(predicted, self.maps, counted),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn classes_have_maps_of_their_own_and_an_absent_one_is_zero() {
        let labels =
            Tensor::<5, Int>::from_ints([[[[[0, 1, 1, 2]]]], [[[[0, 0, 0, 2]]]]], &Device::flex());
        let found = DistanceTargets::new(&labels, 3).maps;
        assert_eq!(found.dims(), [2, 2, 1, 1, 4]);
        let found = found.into_data().try_to_vec::<f32>().unwrap();
        // Both voxels of class 1 touch the background: its inner boundary.
        assert_eq!(found[..4], [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(found[4..8], [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(found[8..12], [0.0; 4]);
    }

    #[test]
    fn ignored_voxels_are_outside_and_do_not_count() {
        let labels = Tensor::<5, Int>::from_ints([[[[[0, 1, 1, -1]]]]], &Device::flex());
        let targets = DistanceTargets::new(&labels, 2);
        let counted = targets.counted.unwrap().into_data();
        assert_eq!(
            counted.iter::<bool>().collect::<Vec<_>>(),
            [true, true, true, false]
        );
        let maps = targets.maps.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(maps, [1.0, 0.0, 0.0, 1.0]);
    }
}
