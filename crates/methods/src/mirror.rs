//! Spatial relation of two views: aligned or mirrored.

use burn::prelude::*;
use semivox_data::rng::{below, keyed};
use serde::{Deserialize, Serialize};

use crate::step_context::StepContext;

/// Spatial relation of two views of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewAlignment {
    /// Both views show the same voxel at the same index.
    Aligned,
    /// The other view is mirrored along one of the allowed axes, drawn at each step from the seed; if no
    /// axis is allowed, the views are aligned.
    Mirrored,
}

impl ViewAlignment {
    /// Returns the images of the other view, `[batch, channel, sides…]`; `allowed` are the axes that may be mirrored.
    pub fn apply(self, images: Tensor<5>, allowed: [bool; 3], at: &StepContext) -> Tensor<5> {
        let axes: Vec<usize> = (0..3).filter(|&axis| allowed[axis]).collect();
        match self {
            Self::Mirrored if !axes.is_empty() => {
                let mut rng = keyed(at.seed, at.step, "mirrored view");
                let axis = axes[below(&mut rng, axes.len() as u64) as usize];
                images.flip([2 + axis])
            }
            _ => images,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn allowed_axes_occur_and_a_step_always_takes_the_same() {
        let device = Device::flex();
        let images = Tensor::<1, Int>::arange(0..8, &device).float();
        let images = images.reshape([1, 1, 2, 2, 2]);
        let values = |alignment: ViewAlignment, allowed, step| {
            let at = StepContext {
                step,
                steps: 10,
                stage_step: 0,
                stage_steps: 1,
                seed: 3,
                device: device.clone(),
            };
            let view = alignment.apply(images.clone(), allowed, &at).into_data();
            view.iter::<f32>().collect::<Vec<_>>()
        };
        let mirrored = |allowed| -> Vec<_> {
            let view = |step| values(ViewAlignment::Mirrored, allowed, step);
            (0..20).map(view).collect()
        };
        let (first, second) = (
            vec![4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0],
            vec![2.0, 3.0, 0.0, 1.0, 6.0, 7.0, 4.0, 5.0],
        );
        let found = mirrored([true, true, false]);
        assert!(found.contains(&first) && found.contains(&second));
        assert!(found.iter().all(|view| [&first, &second].contains(&view)));
        assert_eq!(found, mirrored([true, true, false]));
        assert_eq!(mirrored([false, true, false]), vec![second; 20]);
        let whole: Vec<f32> = (0..8).map(|x| x as f32).collect();
        assert_eq!(mirrored([false; 3]), vec![whole.clone(); 20]);
        assert_eq!(values(ViewAlignment::Aligned, [true; 3], 7), whole);
    }
}
