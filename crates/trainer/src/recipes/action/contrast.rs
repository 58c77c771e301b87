//! Stage iii: pseudo-labels and anatomical contrast.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::AnatomicalContrastiveInput;
use semivox_models::{NetworkOutput, RepresentationHead};
use semivox_sampling::{ContrastConfig, ContrastInput, ContrastSampler};

use super::grid::nearest;
use super::state::StageState;
use super::{Action, StudentPasses};
use crate::batch::Batch;
use crate::error::TrainError;
use crate::mixing::Pseudo;
use crate::recipe::{Recipe, StepContext};
use crate::terms::{LossTerms, StepValues};

/// What stage iii compares, on the grid of the representation head.
#[derive(Debug, Clone)]
pub(crate) struct Maps {
    /// `[batch, width, …]`, from the student.
    pub(crate) representations: Tensor<5>,
    /// `[batch, classes, …]`: the student's, without gradient.
    pub(crate) probabilities: Tensor<5>,
    /// `[batch, 1, …]`: labels and pseudo-labels.
    pub(crate) labels: Tensor<5, Int>,
    /// `[batch, 1, …]`: how sure the teacher is of the label, 1 where a person gave it.
    pub(crate) confidence: Tensor<5>,
}

impl Maps {
    fn new(
        head: &RepresentationHead,
        outputs: Vec<NetworkOutput>,
        labels: Tensor<5, Int>,
        pseudo: Pseudo,
    ) -> Self {
        let certain = Tensor::ones(labels.dims(), &labels.device());
        let represent = |output: NetworkOutput| (output.logits, head.forward(output.features));
        let (logits, representations) = outputs.into_iter().map(represent).unzip();
        let logits: Tensor<5> = Tensor::cat(logits, 0);
        let representations: Tensor<5> = Tensor::cat(representations, 0);
        let [_, _, grid @ ..] = representations.dims();
        Self {
            representations,
            probabilities: softmax(nearest(logits.detach(), grid), 1),
            labels: nearest(Tensor::cat(vec![labels, pseudo.labels], 0), grid),
            confidence: nearest(Tensor::cat(vec![certain, pseudo.confidence], 0), grid),
        }
    }

    /// The first `count` patches: the labeled ones.
    pub(crate) fn first(self, count: usize) -> Self {
        Self {
            representations: self.representations.narrow(0, 0, count),
            probabilities: self.probabilities.narrow(0, 0, count),
            labels: self.labels.narrow(0, 0, count),
            confidence: self.confidence.narrow(0, 0, count),
        }
    }

    /// The student's probability of each voxel's label, `[batch, 1, …]`.
    pub(crate) fn probability(&self) -> Tensor<5> {
        let labels = self.labels.clone().clamp_min(0);
        self.probabilities.clone().gather(1, labels)
    }
}

impl Action {
    /// Stage iii: labels where there are some, pseudo-labels elsewhere, and a
    /// contrast between anatomical classes on both. Also gives what it
    /// compared.
    pub(crate) fn contrast_terms(
        &self,
        head: &RepresentationHead,
        batch: Batch,
        at: &StepContext,
    ) -> Result<(LossTerms, Maps), TrainError> {
        let config = &self.config;
        let unlabeled = batch.unlabeled.expect("stage iii plans unlabeled patches");
        // Pseudo-labels of the weak view, mixed together with the strong view.
        let teacher = softmax(self.teach(unlabeled.weak).logits, 1);
        let (confidence, pseudo) = teacher.max_dim_with_indices(1);
        let pseudo = Pseudo {
            images: unlabeled.strong,
            labels: pseudo,
            confidence,
        };
        let pseudo = config.mixing.apply(pseudo, at);

        // Where the labeled patches have no strong view planned, theirs is the weak one.
        let (outputs, [on_labeled, on_unlabeled]) =
            self.forward_both(batch.labeled.strong, pseudo.images.clone());
        let labels = batch.labeled.labels;
        let unsupervised = self.losses.unsupervised.forward(
            on_unlabeled,
            pseudo.labels.clone(),
            pseudo.confidence.clone(),
        );
        let supervised = (self.losses.supervised).forward(on_labeled, labels.clone());
        let maps = Maps::new(head, outputs, labels, pseudo);
        let contrast = self.anatomical_contrast(maps.clone(), at)?;
        let terms = LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("unsupervised", config.unsupervised_weight, unsupervised)
            .with("contrast", config.contrast_weight, contrast);
        Ok((terms, maps))
    }

    /// The step of stage iii that the terms lead to; then the teacher follows.
    pub(crate) fn descend_contrast(
        &mut self,
        head: RepresentationHead,
        terms: LossTerms,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let module = (self.networks.student.clone(), head);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        self.networks.student = module.0;
        self.state = StageState::Contrast(Box::new(module.1));
        self.move_teacher();
        Ok(values)
    }

    /// The student's outputs for both kinds of patches, and their logits apart. In two passes each
    /// kind has its own batch statistics; in one they share them.
    fn forward_both(
        &self,
        labeled: Tensor<5>,
        unlabeled: Tensor<5>,
    ) -> (Vec<NetworkOutput>, [Tensor<5>; 2]) {
        match self.config.student_passes {
            StudentPasses::Separate => {
                let outputs =
                    [labeled, unlabeled].map(|images| self.networks.student.forward(images));
                let logits = outputs.clone().map(|output| output.logits);
                (outputs.into(), logits)
            }
            StudentPasses::Joint => {
                let counts = [labeled.dims()[0], unlabeled.dims()[0]];
                let images = Tensor::cat(vec![labeled, unlabeled], 0);
                let output = self.networks.student.forward(images);
                let part = |at, count| output.logits.clone().narrow(0, at, count);
                let logits = [part(0, counts[0]), part(counts[0], counts[1])];
                (vec![output], logits)
            }
        }
    }

    /// `L_anco` on the representations of both batches.
    fn anatomical_contrast(&self, maps: Maps, at: &StepContext) -> Result<Tensor<1>, TrainError> {
        let config = &self.config;
        let loss = &self.losses.contrast;
        let sampler = ContrastSampler::new(
            ContrastConfig {
                queries: config.queries,
                negatives: config.negatives,
                temperature: loss.temperature,
                hard_threshold: config.strong_threshold,
                shared_negatives: false,
            },
            self.setting.network.classes,
            at.seed,
        )?;
        // Labeled voxels are valid; pseudo-labeled ones if the teacher is fairly sure.
        let sure = (maps.confidence.clone()).greater_equal_elem(config.weak_threshold);
        let samples = sampler.sample(
            ContrastInput {
                probability: maps.probability(),
                valid: sure.bool_and(maps.labels.clone().greater_equal_elem(0)),
                representations: maps.representations,
                labels: maps.labels,
            },
            at.step,
        )?;
        Ok(loss.forward(AnatomicalContrastiveInput {
            queries: samples.queries,
            positive_keys: samples.positives,
            negatives: samples.negatives,
            valid: samples.valid_classes,
            queried: samples.classes_with_queries,
        }))
    }
}
