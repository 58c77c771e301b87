//! SimCVD: contrastive voxel-wise representation distillation.
//!
//! C. You, Y. Zhou, R. Zhao, L. Staib, J. S. Duncan, "SimCVD: Simple Contrastive Voxel-Wise
//! Representation Distillation for Semi-Supervised Medical Image Segmentation", IEEE TMI 41(9), 2022,
//! arXiv 2108.06227. One stage:
//!
//! ```text
//! L          = L_sup + λ·L_contrast + β·L_pd + γ·Ψ(t)·L_con                      Eq. 6
//! L_sup      = ½ (L_ce + L_dice) + α·MSE(S_s, S)                  labeled        Eq. 1
//! L_contrast = slices of H(X + S_s; z_s) against those of H(X + S_t; z_t)        Eqs. 2, 3
//! L_pd       = positions of the bottleneck against the teacher's                 Eq. 4
//! L_con      = MSE(F_s(X + η_s), F_t(X + η_t))                    unlabeled      Eq. 5
//! Ψ(t)       = exp(−5 (1 − t/T)²),   θ_t ← a·θ_t + (1 − a)·θ_s
//! ```
//!
//! # Deviations
//!
//! No official code is public. Where the text leaves something open, this implementation takes the
//! public code of the baselines that the paper follows (UA-MT, DTC). The last column names the setting that
//! chooses otherwise.
//!
//! | item | paper | baselines' code | here |
//! |---|---|---|---|
//! | signed distance | drawn as a function of the probability, and as a tanh branch | 1×1×1 convolution, tanh | as the code; `distance_head = "logits"` |
//! | views of the two networks | different affine transforms and crops, yet compared voxel by voxel | one | one |
//! | sum over positions in `L_pd` | sum | – | mean; `position_reduction = "sum"` |
//! | what `Ψ` ramps | "parameters" | the consistency | the consistency; `ramped = "all"` |
//! | projection heads | two, one letter | – | the teacher's is the average of the student's; `shared_head` |
//! | maps in `L_con` | both in the formula, the probability in the figure | probability | probability; `consistent = "both"` |
//! | embeddings in `L_contrast` | inner product | – | unit length, i.e. cosine similarity; `normalized = false` |
//! | slices in `L_contrast` | B of the batch, B not given | – | all of the batch; `slices = B` |
//! | `a` | 0.999, following UA-MT | 0.99, warm-up `min(1 − 1/(t+1), a)` | 0.999 with the warm-up; `teacher_momentum`. `quick`, `standard`: less in short runs (`scaled_momentum`) |
//! | `L_seg` | Dice and cross-entropy | ½ of each, Dice of the foreground | ½ of each, Dice of all classes, as in every recipe here |
//! | map of `L_pd` | last of the encoder | after its dropout | after its dropout; V-Net: `pairwise_map = "before_dropout"` |
//! | without signed distance (Table III) | not described | – | image + foreground probability; `boundary = "probability"` |
//! | dropout | alpha dropout in the head | channel dropout in the V-Net | both |
//! | noise | not given | `clip(0.1·N(0,1), ±0.2)` on the teacher's input | the same on both inputs, drawn independently |
//! | image in `X + S` | – | – | without noise, as in Fig. 1 |
//! | output | one probability | two classes, softmax | softmax over the classes; one distance map per foreground class, of which `X + S` takes the mean |
//! | head's widths and activation | three layers | – | 256, 256, 128, ReLU; `hidden`, `embedding` |
//! | pooled side | 128 | – | 128; 64 in all presets but `paper`, the side of the left atrium's small patches; `pooled` |
//! | distance of a class that a labeled patch lacks | – | – | 0 everywhere |
//! | ignored voxels | – | – | outside in the distance map, without weight in its loss and in `L_seg` |
//! | several channels | – | – | `X + S` adds the map to each; `H` takes all channels of a slice |
//! | augmentation of the pancreas | rotation, flip, crop | crop | crop |
//! | weight decay, schedule | 5e-4, ÷10 every 3,000 of 6,000 | 1e-4, every 2,500 | the paper's; `quick`, `standard`: 1e-4 and polynomial decay, as for every method (`OptimizerConfig::comparable`) |

mod config;
mod settings;
mod terms;
#[cfg(test)]
mod tests;

use burn::prelude::*;
use semivox_models::{Network, NetworkOutput, SliceProjector, SliceProjectorConfig};

use crate::batch::Batch;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::noise::clipped_noise;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::signed_distance::DistanceTargets;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

pub use config::{Boundary, Consistent, DistanceHead, PairwiseMap, Ramped, SimCvdConfig};
use terms::Losses;

/// Student and teacher, each with a projection head.
type Networks = StudentTeacher<WithHeads<SliceProjector>>;

/// The only stage of SimCVD.
pub struct SimCvd {
    config: SimCvdConfig,
    classes: usize,
    losses: Losses,
}

impl SimCvd {
    /// Creates the stage for `classes` classes, including the background.
    pub fn new(config: SimCvdConfig, classes: usize) -> Self {
        Self {
            losses: Losses::new(&config),
            config,
            classes,
        }
    }

    /// Computes the student's outputs for labeled and unlabeled images, and the teacher's for unlabeled ones.
    ///
    /// The noise on unlabeled images is drawn independently for student and teacher.
    fn forward_both(
        &self,
        networks: &Networks,
        labeled: Tensor<5>,
        images: &Tensor<5>,
    ) -> [NetworkOutput; 3] {
        let noisy = || clipped_noise(images.clone(), self.config.noise);
        let counts = [&labeled, images].map(|images| images.dims()[0]);
        let seen = Tensor::cat(vec![labeled, noisy()], 0);
        let output = self.forward(&networks.student.network, seen);
        let teacher = self.forward(&networks.teacher.network, noisy());
        let student = output.narrow(counts[0], counts[1]);
        [output.narrow(0, counts[0]), student, teacher]
    }

    /// Runs a network; `bottleneck` of the output is the map that `L_pd` compares.
    fn forward(&self, network: &Network, images: Tensor<5>) -> NetworkOutput {
        let encoded = network.encode(images);
        let before_dropout = encoded[4].clone();
        let output = network.decode(encoded);
        match self.config.pairwise_map {
            PairwiseMap::AfterDropout => output,
            PairwiseMap::BeforeDropout => NetworkOutput {
                bottleneck: before_dropout,
                ..output
            },
        }
    }
}

impl Stage for SimCvd {
    type State = Networks;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("simcvd", self.config.iterations, self.config.batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, context: &MethodContext) -> Result<Networks, MethodError> {
        let config = &self.config;
        let heads = SliceProjectorConfig::new()
            .with_channels(context.network.in_channels)
            .with_side(config.pooled)
            .with_pooling(config.pooling)
            .with_dropout(config.head_dropout)
            .with_hidden(config.hidden)
            .with_embedding(config.embedding);
        Ok(StudentTeacher::new(WithHeads {
            network: networks.student,
            heads: context.drawn(|device| heads.init(device)),
        }))
    }

    /// Computes the terms of Eq. 6, except those of weight 0.
    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let labels = batch.labeled.labels;
        let images = batch
            .unlabeled
            .expect("the stage plans unlabeled patches")
            .weak;
        let [labeled, student, teacher] = self.forward_both(networks, batch.labeled.weak, &images);
        let outputs = [&student, &teacher];

        let supervised = (self.losses.supervised).forward(labeled.logits.clone(), labels.clone());
        let mut terms = LossTerms::new().with("supervised", 1.0, supervised);
        if config.distance_weight > 0.0 {
            let targets = DistanceTargets::new(&labels, self.classes);
            let distance = targets.loss(&self.losses.distance, self.distance(&labeled));
            terms = terms.with("signed_distance", config.distance_weight, distance);
        }
        let others = match config.ramped {
            Ramped::All => at.ramp(),
            Ramped::Consistency => 1.0,
        };
        if config.contrast_weight > 0.0 {
            let contrast = self.contrast(networks, images, outputs, at);
            terms = terms.with("contrast", config.contrast_weight * others, contrast);
        }
        if config.pairwise_weight > 0.0 {
            let pairwise = self.pairwise(outputs);
            terms = terms.with("pairwise", config.pairwise_weight * others, pairwise);
        }
        if config.consistency_weight > 0.0 {
            let consistency = self.consistency(outputs);
            let weight = config.consistency_weight * at.ramp();
            terms = terms.with("consistency", weight, consistency);
        }
        Ok(terms)
    }

    fn after_step(&self, networks: &mut Self::State, at: &StepContext) -> Result<(), MethodError> {
        networks.update_warmed_up(self.config.teacher_momentum, at);
        Ok(())
    }
}
