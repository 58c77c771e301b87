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
//! | temperatures | – | 0.1, the default of both sources | `batch_temperature`, `feature_temperature` |
//! | weights | – | 0.1, as SimCVD weighs feature-level terms; 0.01 for both contrasts in `quick` and `standard` (reason in `presets/methods.rs`) | `batch_weight`, `feature_weight`, `consistency_weight` |
//! | views | – | one crop, noise `clip(0.1·N(0,1), ±0.2)` drawn for each network | `noise` |
//! | supervised loss, consistency, schedule | – | SimCVD; in `quick` and `standard` weight decay, schedule and momentum as there | `optimizer`, `consistency_weight` |
//! | hidden width of the high level | – | at most the bottleneck's width | `high` |
//! | effective rank of `Z^s` | – | logged as the participation ratio of the eigenvalues of the correlations, without decomposing them | – |

mod config;
mod diversity;

use burn::module::Module;
use burn::prelude::*;
use rand::seq::index::sample;
use semivox_data::rng::keyed;
use semivox_losses::{
    ConsistencyLoss, ConsistencyLossConfig, DiceCrossEntropyLoss, InfoNceLoss, InfoNceLossConfig,
    Similarity,
};
use semivox_models::{NetworkOutput, VoxelProjector, VoxelProjectorConfig};

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

/// The projection heads of the high and the low level.
#[derive(Module, Debug)]
pub struct Heads {
    high: VoxelProjector,
    low: VoxelProjector,
}

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

    /// Returns all positions of the bottleneck, `[batch · positions, channels]`.
    fn high(output: &NetworkOutput) -> Tensor<2> {
        rows(output.bottleneck.clone(), None)
    }

    /// Returns the drawn voxels of the last decoder stage, `[batch · voxels, channels]`.
    fn low(output: &NetworkOutput, drawn: &Tensor<1, Int>) -> Tensor<2> {
        rows(output.features[4].clone(), Some(drawn))
    }

    /// Draws the voxels of a step, the same for both networks.
    fn drawn(&self, output: &NetworkOutput, at: &StepContext) -> Tensor<1, Int> {
        let [_, _, d, h, w] = output.logits.dims();
        let mut rng = keyed(at.seed, at.step, "contrasted voxels");
        let drawn = sample(&mut rng, d * h * w, self.config.voxels);
        let drawn: Vec<i32> = drawn.iter().map(|voxel| voxel as i32).collect();
        let count = drawn.len();
        Tensor::from_data(TensorData::new(drawn, [count]), &at.device)
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
            let student_rows = heads.high.forward(Self::high(student));
            let teacher_rows = key_heads.high.forward(Self::high(teacher));
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
            let drawn = self.drawn(student, at);
            let student_rows = heads.low.forward(Self::low(student, &drawn));
            let teacher_rows = key_heads.low.forward(Self::low(teacher, &drawn));
            let names = ["low_batch", "low_feature", "low_rank", "low_correlation"];
            terms = self.with_level(terms, names, [student_rows, teacher_rows], None);
        }
        terms
    }
}

/// Turns positions of a map into rows: `[batch, channels, …]` to `[batch · positions, channels]`, all or the drawn.
fn rows(map: Tensor<5>, drawn: Option<&Tensor<1, Int>>) -> Tensor<2> {
    let [_, channels, ..] = map.dims();
    let map: Tensor<3> = map.flatten(2, 4); // [batch, channels, positions]
    let map = match drawn {
        Some(drawn) => map.select(2, drawn.clone()),
        None => map,
    };
    let [batch, _, positions] = map.dims();
    map.swap_dims(1, 2).reshape([batch * positions, channels])
}

/// Marks pairs of adjacent positions of the same volume, `[batch · positions, batch · positions]`.
fn neighbors([batch, _, d, h, w]: [usize; 5], device: &Device) -> Tensor<2, Bool> {
    let positions = d * h * w;
    let place = |i: usize| {
        [
            i / positions,
            i % positions / (h * w),
            i % (h * w) / w,
            i % w,
        ]
    };
    let touch = |a: [usize; 4], b: [usize; 4]| {
        a[0] == b[0] && a != b && (1..4).all(|axis| a[axis].abs_diff(b[axis]) <= 1)
    };
    let count = batch * positions;
    let pairs = (0..count * count).map(|i| touch(place(i / count), place(i % count)));
    let pairs: Vec<bool> = pairs.collect();
    Tensor::from_data(TensorData::new(pairs, [count, count]), device)
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
        let filters = context.network.filters;
        let (bottleneck, last) = (16 * filters, filters);
        let [hidden, embedding] = self.config.high;
        let head = |channels, [hidden, embedding]: [usize; 2]| {
            let head = VoxelProjectorConfig::new(channels, hidden, embedding);
            context.drawn(|device| head.init(device))
        };
        let heads = Heads {
            high: head(bottleneck, [hidden.min(bottleneck), embedding]),
            low: head(last, self.config.low),
        };
        Ok(StudentTeacher::new(WithHeads {
            network: networks.student,
            heads,
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

    #[test]
    fn rows_are_positions_and_neighbors_touch_within_a_volume() {
        let device = Device::flex();
        let map = Tensor::<1, Int>::arange(0..2 * 3 * 4, &device).float();
        let map = map.reshape([2, 3, 1, 2, 2]);
        let all = rows(map.clone(), None)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert_eq!(all[..3], [0.0, 4.0, 8.0]);
        assert_eq!(all[12..15], [12.0, 16.0, 20.0]);
        let drawn = Tensor::<1, Int>::from_ints([3, 1], &device);
        let two = rows(map, Some(&drawn))
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert_eq!(two[..3], [3.0, 7.0, 11.0]);

        let near = neighbors([2, 3, 1, 1, 3], &device).into_data();
        let near: Vec<bool> = near.iter().collect();
        let row = |r: usize| near[6 * r..6 * r + 6].to_vec();
        assert_eq!(row(0), [false, true, false, false, false, false]);
        assert_eq!(row(4), [false, false, false, true, false, true]);
    }
}
