//! ACTION: anatomical-aware contrastive distillation.
//!
//! C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan, "Bootstrapping
//! Semi-supervised Medical Image Segmentation with Anatomical-aware
//! Contrastive Distillation", IPMI 2023, arXiv 2206.02307. Three stages, in
//! the paper's order:
//!
//! | stage | data | objective |
//! |---|---|---|
//! | i, global distillation | all images, no labels | `L_global` |
//! | ii, local distillation | all images, labels of some | `L_sup + k₁·L_global + k₂·L_local` |
//! | iii, anatomical contrast | labeled and pseudo-labeled | `L_sup + λ₂·L_unsup + λ₁·L_anco` |
//!
//! # Deviations
//!
//! The paper prints 2D experiments; its 3D numbers come from the authors'
//! later papers and code. Where paper and code differ, this table says what
//! is done here.
//!
//! | item | paper | official code | here |
//! |---|---|---|---|
//! | anchors | randomly sampled images | queue of 36 past teacher embeddings | the queue |
//! | distillation loss | prints `−log` inside `p_t`, `p_s` | softmax, then `KL(P_t‖P_s)` | as the code |
//! | `τ_t` | 0.01 | 0.6 in 3D | 0.01; `teacher_temperature` |
//! | local loss | per location | flat buffer reinterpreted without a transpose | per location; `local_loss = "official_code"` |
//! | views | weak to teacher, strong to student | one aliased tensor | weak to teacher, strong to a copy |
//! | strong view | – | jitter and blur through clamping and 8 bits | on floats, no clamping |
//! | order of mixing and strong view | – | mix, then jitter | jitter per image, then mix: both on the loader's host batch |
//! | key heads | – | optimized, not detached | copied at the start, EMA only, no gradient |
//! | latent of the global loss | bottleneck (2D) | first decoder map (3D) | first decoder map |
//! | contrast similarity | dot product | cosine | cosine |
//! | contrast reduction | sum | mean over queries, mean over valid classes | as the code |
//! | `λ₁`, `λ₂` | not found | 0.01, 1 | 0.01, 1 |
//! | teacher at stage iii | – | restarted from the student | as the code |
//! | stage iii batch | 6 (2D) | 1 + 1 (3D), where mixing is a no-op | 2 + 2 with CutMix |
//! | stage lengths | epochs | 30k each | the given total split 1 : 1 : 6 (5k + 15k for LA in ACTION++) |
//! | representation head | – | input resolution, width 128 | `representation_scale`, `representation_width` |
//! | test mode | – | batch statistics (no evaluation mode) | evaluation mode |

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::{
    AnatomicalContrast, AnatomicalContrastConfig, DiceCrossEntropy, DiceCrossEntropyConfig,
    GlobalDistillation, GlobalDistillationConfig, LocalDistillation, LocalDistillationConfig,
    LocalDistillationForm, UnsupervisedCrossEntropy, UnsupervisedCrossEntropyConfig,
};
use semivox_models::VNet;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::{ema_update, teacher_of};
use crate::error::TrainError;
use crate::mixing::Mixing;
use crate::optimizer::OptimizerConfig;
use crate::recipe::{BatchPlan, Recipe, Stage, StepContext, StrongViews};
use crate::terms::{LossTerms, StepValues};

/// Settings of [`Action`]; the defaults are those recommended for 3D volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionConfig {
    /// Iterations of the stages i, ii and iii.
    pub iterations: [u64; 3],
    /// Labeled and unlabeled patches per batch in stages i and ii.
    pub distillation_batch: [usize; 2],
    /// Labeled and unlabeled patches per batch in stage iii.
    pub contrast_batch: [usize; 2],
    /// Optimizer and schedule, restarted at each stage; stage iii uses Nesterov momentum.
    pub optimizer: OptimizerConfig,
    /// EMA momentum `m` of teacher and key heads.
    pub teacher_momentum: f64,
    /// Whether the teacher sees batch statistics and dropout, as the code does.
    pub teacher_mode: TeacherMode,
    /// `τ_s` of both distillation losses.
    pub student_temperature: f64,
    /// `τ_t` of both distillation losses.
    pub teacher_temperature: f64,
    /// Entries `K` of each memory bank.
    pub bank: usize,
    /// Width `D_g` of the global embeddings.
    pub global_width: usize,
    /// Side of the local patches, in voxels.
    pub local_patch: usize,
    /// Step between local patches.
    pub local_step: usize,
    /// Side to which a local patch is pooled.
    pub local_pooled: usize,
    /// Per-location loss, or the official code's reinterpreted buffer.
    pub local_loss: LocalDistillationForm,
    /// `k₁` and `k₂`, the weights of the global and the local loss.
    pub distillation_weights: [f64; 2],
    /// `λ₁`, the weight of the anatomical contrast.
    pub contrast_weight: f64,
    /// `λ₂`, the weight of the unsupervised cross-entropy.
    pub unsupervised_weight: f64,
    /// `θ_s`: confidence from which a voxel counts as sure.
    pub strong_threshold: f64,
    /// `θ_w`: confidence from which a pseudo-labeled voxel takes part in the contrast.
    pub weak_threshold: f64,
    /// `τ` of the contrast.
    pub contrast_temperature: f64,
    /// Query voxels per class and batch.
    pub queries: usize,
    /// Negative voxels per query.
    pub negatives: usize,
    /// How the unlabeled images of a batch are mixed.
    pub mixing: Mixing,
    /// Width of the representation head.
    pub representation_width: usize,
    /// The representation head works at 1/scale of the input resolution.
    pub representation_scale: usize,
}

/// How the teacher runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherMode {
    /// Batch statistics and dropout, as in training.
    Train,
    /// Running statistics, no dropout.
    Eval,
}

impl ActionConfig {
    /// The recommended settings for a run of `iterations` in all, split 1 : 1 : 6.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations: split(iterations),
            distillation_batch: [1, 1],
            contrast_batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            teacher_momentum: 0.99,
            teacher_mode: TeacherMode::Train,
            student_temperature: 0.1,
            teacher_temperature: 0.01,
            bank: 36,
            global_width: 128,
            local_patch: 20,
            local_step: 10,
            local_pooled: 4,
            local_loss: LocalDistillationForm::PerLocation,
            distillation_weights: [1.0, 1.0],
            contrast_weight: 0.01,
            unsupervised_weight: 1.0,
            strong_threshold: 0.97,
            weak_threshold: 0.7,
            contrast_temperature: 0.5,
            queries: 256,
            negatives: 512,
            mixing: Mixing::Cutmix,
            representation_width: 128,
            representation_scale: 1,
        }
    }

    /// The official 3D script: 30k iterations per stage, `τ_t` 0.6, one image
    /// of each kind in stage iii, ClassMix (a no-op at that batch), and the
    /// local loss on the reinterpreted buffer.
    pub fn official_3d() -> Self {
        Self {
            iterations: [30_000; 3],
            teacher_temperature: 0.6,
            contrast_batch: [1, 1],
            mixing: Mixing::Classmix,
            local_loss: LocalDistillationForm::OfficialCode,
            ..Self::new(0)
        }
    }

    /// The same settings for a run of `iterations` in all, split 1 : 1 : 6.
    pub fn with_iterations(self, iterations: u64) -> Self {
        Self {
            iterations: split(iterations),
            ..self
        }
    }
}

/// The total split 1 : 1 : 6 over the stages, the rest going to the last.
fn split(iterations: u64) -> [u64; 3] {
    let pretraining = iterations / 8;
    [pretraining, pretraining, iterations - 2 * pretraining]
}

/// The recipe: student, teacher and the state of the current stage.
#[derive(Debug)]
pub struct Action {
    config: ActionConfig,
    student: VNet,
    teacher: VNet,
    optimizer: ModuleOptimizer,
    stage: StageState,
    device: Device,
}

/// What exists only during a stage.
#[derive(Debug)]
enum StageState {
    Distillation(Box<Distillation>),
    Contrast(RepresentationHead),
}

/// Heads and banks of stages i and ii.
#[derive(Debug)]
struct Distillation {
    heads: Heads,
    keys: Projectors,
    global_bank: FeatureQueue,
    local_bank: Option<FeatureQueue>,
}

/// Projectors, of queries (trained) or of keys (averaged).
#[derive(Module, Debug)]
struct Projectors {
    global: GlobalProjector,
    local: LocalProjector,
}

/// The student's heads in stages i and ii.
#[derive(Module, Debug)]
struct Heads {
    projectors: Projectors,
    global_predictor: GlobalPredictor,
    local_predictor: LocalPredictor,
}

impl Action {
    /// Trains `student`, which must live on the training device `device`.
    pub fn new(config: ActionConfig, student: VNet, device: &Device) -> Self {
        let optimizer = config.optimizer.init(false);
        let teacher = teacher_of(&student);
        let stage = StageState::Contrast(representation_head(&config, &student, device));
        Self { config, student, teacher, optimizer, stage, device: device.clone() }
    }

    /// Stages i and ii (sections 4.2 to 4.5 of the method's text).
    fn distill(&mut self, mut state: Distillation, batch: Batch, at: &StepContext) -> Result<(Distillation, StepValues), TrainError> {
        let labeled = batch.labeled.labels.dims()[0];
        let momentum = self.config.teacher_momentum;
        let [weak, strong] = batch.views();
        let student = self.student.forward(strong);
        // The code averages inside the forward pass, before the optimizer moves.
        self.teacher = ema_update(self.teacher.clone(), &self.student, momentum);
        state.keys = ema_update(state.keys, &state.heads.projectors, momentum);
        let teacher = self.teach(weak);

        // L_global: KL between similarities to the bank's anchors.
        let heads = &state.heads;
        let query = heads.projectors.global.forward(student.features[0].clone());
        let query = heads.global_predictor.forward(query);
        let key = state.keys.global.forward(teacher.features[0].clone()).detach();
        let [k1, k2] = self.config.distillation_weights;
        let global = self.global_loss().forward(query, key.clone(), state.global_bank.entries());
        let mut terms = LossTerms::new().with("global", k1, global);

        // Stage ii adds labels and the same comparison patch by patch.
        let mut local_key = None;
        if let Some(bank) = &state.local_bank {
            let supervised = student.logits.clone().narrow(0, 0, labeled);
            let supervised = supervised_loss().forward(supervised, batch.labeled.labels);
            let query = self.patches(student.logits, &heads.projectors.local, Some(&heads.local_predictor));
            let key = self.patches(teacher.logits, &state.keys.local, None).detach();
            let local = self.local_loss().forward(query, key.clone(), bank.entries());
            terms = terms.with("supervised", 1.0, supervised).with("local", k2, local);
            local_key = Some(key);
        }

        let module = (self.student.clone(), state.heads);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        (self.student, state.heads) = module;
        state.global_bank.enqueue(key);
        if let (Some(bank), Some(key)) = (&mut state.local_bank, local_key) {
            bank.enqueue(key);
        }
        Ok((state, values))
    }

    /// Stage iii (section 5).
    fn contrast(&mut self, head: RepresentationHead, batch: Batch, at: &StepContext) -> Result<(RepresentationHead, StepValues), TrainError> {
        let config = &self.config;
        // 5.1 pseudo-labels of the weak view, then mixing with the strong view.
        let probabilities = softmax(self.teach(batch.unlabeled.weak).logits, 1).detach();
        let (confidence, pseudo) = probabilities.max_dim_with_indices(1);
        let mixed = config.mixing.apply(batch.unlabeled.strong, pseudo, confidence, at);

        // Two passes: labeled and unlabeled images have their own batch statistics.
        let labeled = self.student.forward(batch.labeled.weak);
        let unlabeled = self.student.forward(mixed.images);
        let supervised = supervised_loss().forward(labeled.logits.clone(), batch.labeled.labels.clone());
        // 5.2
        let unsupervised = UnsupervisedCrossEntropyConfig::new()
            .with_threshold(config.strong_threshold)
            .init()
            .forward(unlabeled.logits.clone(), mixed.labels.clone(), mixed.confidence.clone());
        // 5.3
        let contrast = ...;
        let terms = LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("unsupervised", config.unsupervised_weight, unsupervised)
            .with("contrast", config.contrast_weight, contrast);
        let module = (self.student.clone(), head);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        self.student = module.0;
        self.teacher = ema_update(self.teacher.clone(), &self.student, self.config.teacher_momentum);
        Ok((module.1, values))
    }
}
