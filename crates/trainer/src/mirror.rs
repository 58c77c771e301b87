//! Two views whose geometry differs.

use burn::prelude::*;
use semivox_data::rng::{below, keyed};
use serde::{Deserialize, Serialize};

use crate::recipe::StepContext;

/// How one view lies to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// Voxel on voxel.
    Aligned,
    /// Mirrored along the first or the second axis, drawn for each step by its seed.
    Mirrored,
}

impl Geometry {
    /// The other view's images, `[batch, channel, sides…]`.
    pub fn apply(self, images: Tensor<5>, at: &StepContext) -> Tensor<5> {
        match self {
            Self::Aligned => images,
            Self::Mirrored => {
                let axis = below(&mut keyed(at.seed, at.step, "mirrored view"), 2);
                images.flip([2 + axis as usize])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_axes_occur_and_a_step_always_takes_the_same() {
        let device = Device::flex();
        let images = Tensor::<1, Int>::arange(0..8, &device).float();
        let images = images.reshape([1, 1, 2, 2, 2]);
        let values = |geometry: Geometry, step| {
            let at = StepContext {
                step,
                stage_step: 0,
                stage_steps: 1,
                seed: 3,
                device: device.clone(),
            };
            let view = geometry.apply(images.clone(), &at).into_data();
            view.iter::<f32>().collect::<Vec<_>>()
        };
        let found: Vec<_> = (0..20)
            .map(|step| values(Geometry::Mirrored, step))
            .collect();
        assert!(found.contains(&vec![4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0]));
        assert!(found.contains(&vec![2.0, 3.0, 0.0, 1.0, 6.0, 7.0, 4.0, 5.0]));
        assert_eq!(found[7], values(Geometry::Mirrored, 7));
        assert_eq!(values(Geometry::Aligned, 7)[..3], [0.0, 1.0, 2.0]);
    }
}
