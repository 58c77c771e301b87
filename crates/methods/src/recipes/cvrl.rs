//! CVRL (reconstruction): contrast of voxels along the batch and along the features.
//!
//! C. You, R. Zhao, L. H. Staib, J. S. Duncan, "Momentum Contrastive Voxel-wise Representation Learning for
//! Semi-supervised Volumetric Medical Image Segmentation", MICCAI 2022, arXiv 2105.07059. Only the
//! abstract could be read, and no code is public. **This is not the authors' method**: it is assembled from
//! what the abstract asks for and from public sources, and its results say nothing about theirs.
//!
//! ```text
//! L       = L_sup + w_b (L_batch^high + L_batch^low) + w_f (L_feat^high + L_feat^low) + w_c·Ψ(t)·L_con
//! L_batch = InfoNCE of each position of the student among all positions of the teacher
//! L_feat  = InfoNCE of each channel of the student among all channels of the teacher, and vice versa
//! Ψ(t)    = exp(−5 (1 − t/T)²),   θ_t ← m·θ_t + (1 − m)·θ_s
//! ```
//!
//! # Origin of each part
//!
//! | item | abstract | taken from | switch |
//! |---|---|---|---|
//! | contrast along batch and features | asked for | Chaitanya et al. 2020; DimCL 2023 | `batch_weight`, `feature_weight` |
//! | low and high level | asked for | chosen here: last decoder stage, 512 voxels per volume; bottleneck, all positions | `levels`, `voxels` |
//! | drawn voxels | – | chosen here: the same in both networks, as asked, and in all volumes of the batch | – |
//! | positives | "not all voxels equally positive" | same position in the other network, nothing else | – |
//! | negatives next to the anchor | – | chosen here: kept | `spare_neighbors` |
//! | momentum network | in the title | mean teacher of SimCVD: 0.999, warmed up, train mode | `keys`, `teacher_momentum` |
//! | heads | – | 256 → 128 and 64 → 64 with batch norm, chosen here; the teacher's are averages | `high`, `low` |
//! | channels as vectors | – | DimCL standardizes them and sets their length to 1, here 1e-5 is added to the variances in their correlation: a constant channel has no direction | – |
//! | temperatures | – | 0.1, the default of both sources | `batch_temperature`, `feature_temperature` |
//! | weights | – | 0.1, as SimCVD weighs feature-level terms; 0.01 for both contrasts in `quick` and `standard` (reason in `presets/methods.rs`) | `batch_weight`, `feature_weight`, `consistency_weight` |
//! | views | – | one crop, noise `clip(0.1·N(0,1), ±0.2)` drawn for each network | `noise` |
//! | supervised loss, consistency, schedule | – | SimCVD; in `quick` and `standard` weight decay, schedule and momentum as there | `optimizer`, `consistency_weight` |
//! | hidden width of the high level | – | at most the bottleneck's width | `high` |
//! | effective rank of `Z^s` | – | logged as the participation ratio of the eigenvalues of the correlations, without decomposing them | – |

mod config;
mod diversity;
mod levels;

use burn::prelude::*;
use semivox_losses::{
    ConsistencyLoss, ConsistencyLossConfig, DiceCrossEntropyLoss, InfoNceLoss, InfoNceLossConfig,
    Similarity,
};
use semivox_models::NetworkOutput;

use super::supervised::supervised_loss;
use crate::batch::Batch;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::noise::clipped_noise;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

pub use config::{CvrlConfig, Keys, Levels};
use diversity::diversity;
pub use levels::Heads;
use levels::{drawn_voxels, high, low, neighbors};

/// Student and teacher, each with two projection heads.
type Networks = StudentTeacher<WithHeads<Heads>>;

/// The only stage of CVRL.
pub struct Cvrl {
    config: CvrlConfig,
    supervised: DiceCrossEntropyLoss,
    along_batch: InfoNceLoss,
    along_features: InfoNceLoss,
    consistency: ConsistencyLoss,
}

impl Cvrl {
    /// Creates the stage with these settings.
    pub fn new(config: CvrlConfig) -> Self {
        let along_batch = InfoNceLossConfig::new().with_temperature(config.batch_temperature);
        let along_features = InfoNceLossConfig::new()
            .with_temperature(config.feature_temperature)
            .with_similarity(Similarity::Correlation)
            .with_symmetric(true);
        Self {
            config,
            supervised: supervised_loss(),
            along_batch: along_batch.init(),
            along_features: along_features.init(),
            consistency: ConsistencyLossConfig::new().init(),
        }
    }

    /// Adds `L_batch` and `L_feat` of one level, and the diversity of its channels with weight 0, for the log.
    fn with_level(
        &self,
        terms: LossTerms,
        names: [&'static str; 4],
        [student, teacher]: [Tensor<2>; 2],
        spared: Option<Tensor<2, Bool>>,
    ) -> LossTerms {
        let [rank, correlation] = diversity(student.clone());
        let mut terms = terms
            .with(names[2], 0.0, rank)
            .with(names[3], 0.0, correlation);
        if self.config.batch_weight > 0.0 {
            let loss = self
                .along_batch
                .forward(student.clone(), teacher.clone(), spared);
            terms = terms.with(names[0], self.config.batch_weight, loss);
        }
        if self.config.feature_weight > 0.0 {
            let [student, teacher] = [student, teacher].map(Tensor::transpose);
            let loss = self.along_features.forward(student, teacher, None);
            terms = terms.with(names[1], self.config.feature_weight, loss);
        }
        terms
    }

    /// Adds the contrast at the configured levels.
    fn contrast(
        &self,
        networks: &Networks,
        mut terms: LossTerms,
        outputs: [&NetworkOutput; 2],
        at: &StepContext,
    ) -> LossTerms {
        let key_heads = match self.config.keys {
            Keys::Momentum => &networks.teacher.heads,
            Keys::Student => &networks.student.heads,
        };
        let heads = &networks.student.heads;
        let [student, teacher] = outputs;
        if self.config.levels != Levels::Low {
            let student_rows = heads.high.forward(high(student));
            let teacher_rows = key_heads.high.forward(high(teacher));
            let spared = self.config.spare_neighbors;
            let spared = spared.then(|| neighbors(student.bottleneck.dims(), &at.device));
            let names = [
                "high_batch",
                "high_feature",
                "high_rank",
                "high_correlation",
            ];
            terms = self.with_level(terms, names, [student_rows, teacher_rows], spared);
        }
        if self.config.levels != Levels::High {
            let drawn = drawn_voxels(student, self.config.voxels, at);
            let student_rows = heads.low.forward(low(student, &drawn));
            let teacher_rows = key_heads.low.forward(low(teacher, &drawn));
            let names = ["low_batch", "low_feature", "low_rank", "low_correlation"];
            terms = self.with_level(terms, names, [student_rows, teacher_rows], None);
        }
        terms
    }
}

impl Stage for Cvrl {
    type State = Networks;

    fn plan(&self) -> StagePlan {
        let CvrlConfig {
            iterations, batch, ..
        } = self.config;
        StagePlan::weak("cvrl (reconstruction)", iterations, batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, context: &MethodContext) -> Result<Networks, MethodError> {
        Ok(StudentTeacher::new(WithHeads {
            network: networks.student,
            heads: Heads::new(&self.config, context),
        }))
    }

    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let [labeled, unlabeled] = config.batch;
        let images = batch
            .unlabeled
            .expect("the stage plans unlabeled patches")
            .weak;
        let noisy = || clipped_noise(images.clone(), config.noise);
        let seen = Tensor::cat(vec![batch.labeled.weak, noisy()], 0);
        let output = networks.student.network.forward(seen);
        let teacher = networks.teacher.network.forward(noisy());
        let student = output.narrow(labeled, unlabeled);

        let labeled = output.logits.clone().narrow(0, 0, labeled);
        let supervised = self.supervised.forward(labeled, batch.labeled.labels);
        let mut terms = LossTerms::new().with("supervised", 1.0, supervised);
        let keys = match config.keys {
            Keys::Momentum => teacher.clone(),
            Keys::Student => networks.student.network.forward(noisy()),
        };
        terms = self.contrast(networks, terms, [&student, &keys], at);
        if config.consistency_weight > 0.0 {
            let consistency = self.consistency.forward(student.logits, teacher.logits);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{batch, begun, context, first_step, taught};
    use semivox_models::NetworkConfig;

    /// High-level terms train the encoder, low-level ones the decoder too, and none of them the output layer.
    #[test]
    fn terms_teach_the_parts_that_they_should() {
        let network = NetworkConfig::new(1, 3).with_filters(2);
        let context = context(network.with_dropout(0.0), [32, 32, 16]);
        let running = begun(Cvrl::new(CvrlConfig::new(10)), &context);
        let student = &running.state().student;
        let parts = ["encoder", "ups", "segmentation", "high", "low"];
        // The backward pass consumes the graph, so each term needs its own forward pass.
        let taught = |name: &str| {
            let batch = batch([2, 2], &context, 0);
            let at = first_step(&context);
            let mut state = running.state().clone();
            let terms = running.stage.terms(&mut state, batch, &at).unwrap();
            taught(&terms.term(name), student, &parts)
        };
        assert_eq!(taught("supervised"), ["encoder", "ups", "segmentation"]);
        for name in ["high_batch", "high_feature"] {
            assert_eq!(taught(name), ["encoder", "high"], "{name}");
        }
        for name in ["low_batch", "low_feature"] {
            assert_eq!(taught(name), ["encoder", "ups", "low"], "{name}");
        }
        assert_eq!(taught("consistency"), ["encoder", "ups", "segmentation"]);
    }
}
