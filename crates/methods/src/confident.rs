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

/// When pseudo-labels have their weight, and when they have none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PseudoStart {
    /// Share of the stage before which they have none.
    pub(crate) from: f64,
    /// Whether they have none in steps whose labeled patches are segmented no better than by background alone.
    pub(crate) guard: bool,
}

impl PseudoStart {
    /// Returns the factor of the weights in a step with this supervised term, 0 or 1, and the same as a value of the log.
    ///
    /// A network that is sure of background everywhere has a Dice loss of 1 for each of the other classes, so that
    /// `½ (L_ce + L_dice)` is at least `½ (C − 1)/C`. Its pseudo-labels would teach background, too.
    pub(crate) fn factor(
        self,
        supervised: &Tensor<1>,
        classes: usize,
        at: &StepContext,
    ) -> (f64, Tensor<1>) {
        let begun = at.stage_step as f64 >= self.from * at.stage_steps as f64;
        let background = 0.5 * (classes - 1) as f64 / classes as f64;
        let learned = || supervised.clone().into_scalar::<f32>();
        let counts = begun && (!self.guard || f64::from(learned()) < background);
        let factor = f64::from(u8::from(counts));
        (factor, Tensor::full([1], factor, &supervised.device()))
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

    fn at(stage_step: u64) -> StepContext {
        StepContext {
            step: stage_step,
            steps: 40,
            stage_step,
            stage_steps: 40,
            seed: 0,
            device: Device::flex(),
        }
    }

    #[test]
    fn pseudo_labels_begin_at_their_share_of_the_stage() {
        let factor = |from, step| {
            let supervised = Tensor::from_floats([9.0], &Device::flex());
            PseudoStart { from, guard: false }
                .factor(&supervised, 2, &at(step))
                .0
        };
        assert_eq!(
            [0, 9, 10, 39].map(|step| factor(0.25, step)),
            [0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(factor(0.0, 0), 1.0);
    }

    #[test]
    fn pseudo_labels_wait_for_more_than_background() {
        use crate::recipes::supervised::supervised_loss;
        let device = Device::flex();
        for classes in [2, 4] {
            let voxels = 4 * classes;
            let labels: Vec<i32> = (0..voxels).map(|v| (v % classes) as i32).collect();
            let supervised = |sure_of: &dyn Fn(usize) -> i32| {
                let of = |class| (0..voxels).map(move |v| (class, v));
                let logits = (0..classes as i32).flat_map(of);
                let logits =
                    logits.map(|(class, v)| if sure_of(v) == class { 9.0 } else { 0.0f32 });
                let logits = TensorData::new(logits.collect(), [1, classes, 1, 1, voxels]);
                let labels = TensorData::new(labels.clone(), [1, 1, 1, 1, voxels]);
                let logits = Tensor::<5>::from_data(logits, &device);
                supervised_loss().forward(logits, Tensor::from_data(labels, &device))
            };
            let start = PseudoStart {
                from: 0.25,
                guard: true,
            };
            let (background, right) = (supervised(&|_| 0), supervised(&|v| labels[v]));
            let factor = |loss: &_, step| {
                let (factor, logged) = start.factor(loss, classes, &at(step));
                assert_eq!(f64::from(logged.into_scalar::<f32>()), factor);
                factor
            };
            assert_eq!(factor(&background, 39), 0.0);
            assert_eq!([9, 39].map(|step| factor(&right, step)), [0.0, 1.0]);
            // Just below the Dice loss of background, and just above it.
            let least = 0.5 * (1.0 - 1.0 / classes as f32);
            let of = |loss: f32| Tensor::from_floats([loss], &device);
            let factors = [-1e-3, 1e-3].map(|d| factor(&of(least + d), 39));
            assert_eq!(factors, [1.0, 0.0]);
        }
    }
}
