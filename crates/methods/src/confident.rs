//! Pseudo-labels of voxels of which the network is certain.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_kernels::total;
use semivox_losses::IGNORED_LABEL;
use semivox_models::Network;

use crate::error::MethodError;
use crate::method_settings::expect;
use crate::mixing::{Mixing, PseudoLabeled};
use crate::step_context::StepContext;
use crate::student_teacher::TeacherMode;

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

    /// Predicts with the network in evaluation mode.
    pub(crate) fn evaluated(network: &Network, images: Tensor<5>) -> Self {
        let output = TeacherMode::Eval.forward(network, images);
        Self::of(Tensor::from_inner(output.logits))
    }

    /// Returns the mean confidence over the voxels of predicted foreground, 0 if there is none.
    ///
    /// Over all voxels it would be that of the background, which is most of a patch and easily told.
    pub(crate) fn foreground_confidence(&self) -> Tensor<1> {
        let foreground = self.labels.clone().greater_elem(0).float();
        let count = total(foreground.clone()).clamp_min(1.0);
        total(self.confidence.clone() * foreground) / count
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
    /// Whether they have none in steps in which less than half of the labeled foreground is given its class.
    pub(crate) guard: bool,
}

impl PseudoStart {
    /// Returns the factor of the weights in a step, 0 or 1, and the same as a value of the log, from logits of labeled
    /// patches `[batch, class, depth, height, width]` with their labels.
    ///
    /// The guard is for a network that predicts background wherever it is in doubt: its pseudo-labels would teach it
    /// background, too. Ignored voxels do not count, and patches without foreground show nothing, so that there is no
    /// weight. It waits for one number from the device in each step.
    pub(crate) fn factor<const N: usize>(
        self,
        labeled: [(&Tensor<5>, &Tensor<5, Int>); N],
        at: &StepContext,
    ) -> (f64, Tensor<1>) {
        let begun = at.stage_step as f64 >= self.from * at.stage_steps as f64;
        let counts = begun && (!self.guard || learned(labeled));
        let factor = f64::from(u8::from(counts));
        (factor, Tensor::full([1], factor, &at.device))
    }
}

/// Returns whether at least half of the labeled foreground voxels are given their class, of which there has to be one.
fn learned<const N: usize>(labeled: [(&Tensor<5>, &Tensor<5, Int>); N]) -> bool {
    let counts = labeled.map(|(logits, labels)| {
        let foreground = labels.clone().greater_elem(0);
        let right = logits.clone().detach().argmax(1).equal(labels.clone());
        let right = right.bool_and(foreground.clone());
        Tensor::cat(vec![right.int().sum(), foreground.int().sum()], 0)
    });
    let sums = Tensor::stack::<2>(counts.to_vec(), 0).sum_dim(0);
    let sums: Vec<i64> = sums.into_data().iter().collect();
    sums[1] > 0 && 2 * sums[0] >= sums[1]
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
        let factor = |from, step| PseudoStart { from, guard: false }.factor([], &at(step)).0;
        assert_eq!(
            [0, 9, 10, 39].map(|step| factor(0.25, step)),
            [0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(factor(0.0, 0), 1.0);
    }

    /// Returns the guard's factor for patches of predicted classes and labels, with three classes.
    fn guarded<const N: usize>(patches: [(&[i32], &[i32]); N], step: u64) -> f64 {
        let device = Device::flex();
        let patches = patches.map(|(predicted, labels)| {
            let shape = [1, 1, 1, 1, labels.len()];
            let logits =
                (0..3).flat_map(|class| predicted.iter().map(move |&p| (p == class) as i32));
            let logits = TensorData::new(logits.collect(), [1, 3, 1, 1, predicted.len()]);
            let logits = Tensor::<5, Int>::from_data(logits, &device).float();
            let labels = Tensor::from_data(TensorData::new(labels.to_vec(), shape), &device);
            (logits, labels)
        });
        let start = PseudoStart {
            from: 0.25,
            guard: true,
        };
        let labeled = std::array::from_fn(|i| (&patches[i].0, &patches[i].1));
        let (factor, logged) = start.factor::<N>(labeled, &at(step));
        assert_eq!(f64::from(logged.into_scalar::<f32>()), factor);
        factor
    }

    #[test]
    fn pseudo_labels_wait_until_half_of_the_foreground_is_right() {
        let labels = [0, 0, 0, 1, 1, 2, 2];
        assert_eq!(guarded([(&[0; 7], &labels)], 39), 0.0);
        assert_eq!(guarded([(&[0, 0, 0, 1, 0, 1, 0], &labels)], 39), 0.0);
        assert_eq!(guarded([(&[0, 0, 0, 1, 0, 1, 2], &labels)], 39), 1.0);
        assert_eq!(guarded([(&[1, 2, 1, 1, 1, 2, 2], &labels)], 39), 1.0);
        assert_eq!(guarded([(&labels, &labels)], 9), 0.0);
    }

    #[test]
    fn ignored_voxels_and_patches_without_foreground_show_nothing() {
        assert_eq!(guarded([(&[0, 0], &[0, 0])], 39), 0.0);
        assert_eq!(guarded([(&[1, 2], &[IGNORED_LABEL as i32; 2])], 39), 0.0);
        let sparse = [IGNORED_LABEL as i32, IGNORED_LABEL as i32, 1];
        assert_eq!(guarded([(&[0, 0, 1], &sparse)], 39), 1.0);
        // Over both patches: one of two, and one of three.
        assert_eq!(guarded([(&[1], &[1]), (&[0], &[2])], 39), 1.0);
        assert_eq!(guarded([(&[1], &[1]), (&[0, 0], &[2, 2])], 39), 0.0);
    }
}
