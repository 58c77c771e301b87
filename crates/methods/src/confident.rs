//! Pseudo-labels of voxels of which the network is certain.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::IGNORED_LABEL;

use crate::error::MethodError;
use crate::method_settings::expect;
use crate::mixing::{Mixing, PseudoLabeled};
use crate::step_context::StepContext;

/// Most probable class and its probability in each voxel, `[batch, 1, depth, height, width]`, without gradient.
#[derive(Clone)]
pub(crate) struct Predicted {
    pub(crate) labels: Tensor<5, Int>,
    pub(crate) confidence: Tensor<5>,
}

impl Predicted {
    /// Reads the prediction off the logits.
    pub(crate) fn of(logits: Tensor<5>) -> Self {
        let (confidence, labels) = softmax(logits.detach(), 1).max_dim_with_indices(1);
        Self { labels, confidence }
    }

    /// Returns the mean confidence over the voxels of predicted foreground, 0 if there is none.
    ///
    /// Over all voxels it would be that of the background, which is most of a patch and easily told.
    pub(crate) fn foreground_confidence(&self) -> Tensor<1> {
        let foreground = self.labels.clone().greater_elem(0).float();
        let count = foreground.clone().sum().clamp_min(1.0);
        (self.confidence.clone() * foreground).sum() / count
    }

    /// Returns the labels; where the confidence is below the threshold they are ignored.
    pub(crate) fn confident(self, threshold: f64) -> Tensor<5, Int> {
        let uncertain = self.confidence.lower_elem(threshold);
        self.labels.mask_fill(uncertain, IGNORED_LABEL)
    }

    /// Mixes views of the predicted images, each with a box of the next, and the predictions alike; `stream` tells
    /// apart the boxes of several views.
    pub(crate) fn mixed(
        self,
        images: Tensor<5>,
        mixing: Mixing,
        stream: &str,
        at: &StepContext,
    ) -> (Tensor<5>, Self) {
        let labeled = PseudoLabeled {
            images,
            labels: self.labels,
            confidence: self.confidence,
        };
        let PseudoLabeled {
            images,
            labels,
            confidence,
        } = mixing.apply_for(stream, labeled, at);
        (images, Self { labels, confidence })
    }
}

/// Checks that pseudo-labels begin before the end of the run.
pub(crate) fn expect_before_end(from: f64) -> Result<(), MethodError> {
    let before = (0.0..1.0).contains(&from);
    expect(before, "pseudo_from", "0 to below 1", from)
}

/// Returns 0 before the share `from` of the stage and 1 after it.
pub(crate) fn begun(from: f64, at: &StepContext) -> f64 {
    match (at.stage_step as f64) < from * at.stage_steps as f64 {
        true => 0.0,
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// One image of four voxels and three classes, from probabilities.
    fn predicted() -> Predicted {
        let of_class = [
            [0.97, 0.2, 0.3, 0.1f32],
            [0.02, 0.7, 0.3, 0.0],
            [0.01, 0.1, 0.4, 0.9],
        ];
        let logits: Vec<f32> = of_class.concat().iter().map(|p| (p + 1e-6).ln()).collect();
        let logits = TensorData::new(logits, [1, 3, 1, 1, 4]);
        Predicted::of(Tensor::from_data(logits, &Device::flex()))
    }

    #[test]
    fn uncertain_voxels_are_ignored_and_the_foreground_is_averaged() {
        let found = predicted();
        let mean = found.foreground_confidence().into_scalar::<f32>();
        assert!((mean - (0.7 + 0.4 + 0.9) / 3.0).abs() < 1e-4, "{mean}");
        let labels = found.confident(0.65).into_data();
        assert_eq!(labels.iter::<i64>().collect::<Vec<_>>(), [0, 1, -1, 2]);
    }

    #[test]
    fn pseudo_labels_begin_at_their_share_of_the_stage() {
        let at = |stage_step| StepContext {
            step: stage_step,
            steps: 40,
            stage_step,
            stage_steps: 40,
            seed: 0,
            device: Device::flex(),
        };
        assert_eq!(
            [0, 9, 10, 39].map(|step| begun(0.25, &at(step))),
            [0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(begun(0.0, &at(0)), 1.0);
    }
}
