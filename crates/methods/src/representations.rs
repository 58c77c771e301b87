//! Representations of voxels with their classes, which ACTION's contrast compares.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::AnatomicalContrastiveInput;
use semivox_models::{NetworkOutput, RepresentationHead};
use semivox_sampling::{ContrastConfig, ContrastInput, ContrastSampler, SamplingError};

use crate::aligned_grid::nearest;
use crate::mixing::PseudoLabeled;
use crate::step_context::StepContext;

/// Feature maps, probabilities and labels on the grid of a representation head, labeled patches first.
#[derive(Debug, Clone)]
pub(crate) struct Representations {
    /// The student's representations, `[batch, width, …]`.
    pub(crate) features: Tensor<5>,
    /// The student's class probabilities, `[batch, classes, …]`, without gradient.
    pub(crate) probabilities: Tensor<5>,
    /// Labels and pseudo-labels, `[batch, 1, …]`.
    pub(crate) labels: Tensor<5, Int>,
    /// The teacher's confidence in a pseudo-label, 1 for given labels, `[batch, 1, …]`.
    pub(crate) confidence: Tensor<5>,
}

impl Representations {
    /// Computes the representations of the student's outputs with `head`.
    pub(crate) fn new(
        head: &RepresentationHead,
        outputs: Vec<NetworkOutput>,
        labels: Tensor<5, Int>,
        pseudo: PseudoLabeled,
    ) -> Self {
        let certain = Tensor::ones(labels.dims(), &labels.device());
        let represent = |output: NetworkOutput| (output.logits, head.forward(output.features));
        let (logits, features) = outputs.into_iter().map(represent).unzip();
        let logits: Tensor<5> = Tensor::cat(logits, 0);
        let features: Tensor<5> = Tensor::cat(features, 0);
        let [_, _, grid @ ..] = features.dims();
        Self {
            features,
            probabilities: softmax(nearest(logits.detach(), grid), 1),
            labels: nearest(Tensor::cat(vec![labels, pseudo.labels], 0), grid),
            confidence: nearest(Tensor::cat(vec![certain, pseudo.confidence], 0), grid),
        }
    }

    /// Keeps the first `count` patches.
    pub(crate) fn first(self, count: usize) -> Self {
        Self {
            features: self.features.narrow(0, 0, count),
            probabilities: self.probabilities.narrow(0, 0, count),
            labels: self.labels.narrow(0, 0, count),
            confidence: self.confidence.narrow(0, 0, count),
        }
    }

    /// Returns the student's probability of each voxel's label, `[batch, 1, …]`.
    pub(crate) fn probability(&self) -> Tensor<5> {
        let labels = self.labels.clone().clamp_min(0);
        self.probabilities.clone().gather(1, labels)
    }

    /// Draws queries, positives and negatives of each class, among the voxels whose confidence is at least
    /// `threshold`.
    pub(crate) fn sample(
        self,
        settings: ContrastConfig,
        threshold: f64,
        at: &StepContext,
    ) -> Result<AnatomicalContrastiveInput, SamplingError> {
        let classes = self.probabilities.dims()[1];
        let sampler = ContrastSampler::new(settings, classes, at.seed)?;
        let sure = self.confidence.clone().greater_equal_elem(threshold);
        let input = ContrastInput {
            probability: self.probability(),
            valid: sure.bool_and(self.labels.clone().greater_equal_elem(0)),
            representations: self.features,
            labels: self.labels,
        };
        let samples = sampler.sample(input, at.step)?;
        Ok(AnatomicalContrastiveInput {
            queries: samples.queries,
            positive_keys: samples.positives,
            negatives: samples.negatives,
            valid: samples.valid_classes,
            queried: samples.classes_with_queries,
        })
    }
}
