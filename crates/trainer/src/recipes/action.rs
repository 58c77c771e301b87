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
//! | local loss | per location | flat buffer reinterpreted without a transpose | per location; `local_loss = "OfficialCode"` |
//! | views | weak to teacher, strong to student | one aliased tensor | weak to teacher, strong to a copy |
//! | strong view | – | jitter and blur through clamping and 8 bits | on floats, no clamping |
//! | order of mixing and strong view | – | mix, then jitter | jitter per image, then mix: both on the loader's host batch |
//! | key heads | – | optimized, not detached | copied at the start, EMA only, no gradient |
//! | latent of the global loss | bottleneck (2D) | first decoder map (3D) | first decoder map |
//! | contrast similarity | dot product | cosine | cosine |
//! | contrast reduction | sum | mean over queries, mean over valid classes | as the code |
//! | `λ₁`, `λ₂` | not found | 0.01, 1 | 0.01, 1 |
//! | labeled view of stage iii | – | weak | weak; `labeled_view = "strong"` as in ReCo |
//! | student's passes of stage iii | – | two | two; `student_passes = "joint"` shares batch statistics |
//! | teacher at stage iii | – | restarted from the student | as the code |
//! | stage iii batch | 6 (2D) | 1 + 1 (3D), where mixing is a no-op | 2 + 2 with CutMix |
//! | stage lengths | epochs | 30k each | the given total split 1 : 1 : 6 (5k + 15k for LA in ACTION++) |
//! | representation head | – | input resolution, width 128 | `representation_resolution`, `representation_width` |
//! | CutMix box | – | half the plane, 20 of 80 slices | half the plane, a quarter of the slices |
//! | labels below input resolution | – | – | nearest voxel of the aligned-corner grid |
//! | `k₁`, `k₂`, jitter, stage lengths of the `compact` preset | – | 1, 1, 2 %, 30k each | 0.01, 0.01, 25 % per volume, 100/700/1,200: why stands in `presets.rs` |
//! | test mode | – | batch statistics (no evaluation mode) | evaluation mode |

mod config;
mod grid;
mod state;

use burn::optim::ModuleOptimizer;
use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::{
    AnatomicalContrastInput, AnatomicalContrastLossConfig, DiceCrossEntropyLossConfig,
    GlobalDistillationLossConfig, LocalDistillationLossConfig, UnsupervisedCrossEntropyLossConfig,
};
use semivox_models::{RepresentationHead, VNet, VNetOutput};
use semivox_sampling::{ContrastConfig, ContrastInput, ContrastSampler, pooled_patches};

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::{ema_update, ema_update_with_buffers, teacher_of};
use crate::error::TrainError;
use crate::mixing::Pseudo;
use crate::recipe::{BatchPlan, Recipe, Setting, Stage, StepContext, StrongViews};
use crate::terms::{LossTerms, StepValues};

pub use config::{ActionConfig, LabeledView, StudentPasses, TeacherMode};
use grid::nearest;
use state::{Distillation, Heads, Projectors, StageState};

/// The recipe: student, teacher and what the current stage needs.
pub struct Action {
    config: ActionConfig,
    setting: Setting,
    student: VNet,
    teacher: VNet,
    optimizer: ModuleOptimizer,
    state: StageState,
}

impl Action {
    /// A run of the method from a new network.
    ///
    /// # Errors
    /// If a setting contradicts another; see [`ActionConfig::check`].
    pub fn new(config: ActionConfig, setting: Setting) -> Result<Self, TrainError> {
        config.check(setting.patch)?;
        let student = setting.student();
        let state = StageState::new(0, &config, &setting)?;
        Ok(Self {
            teacher: teacher_of(&student),
            optimizer: config.optimizer.init(false),
            state,
            config,
            setting,
            student,
        })
    }

    /// Stages i and ii: the student, seeing strong views, matches how the
    /// teacher, seeing weak views, relates each image to the banked ones.
    fn distill(
        &mut self,
        mut state: Distillation,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let momentum = self.config.teacher_momentum;
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let student = self.student.forward(strong);
        // The teacher moves before the optimizer does, as in the code.
        self.move_teacher();
        state.keys = ema_update(state.keys, &state.heads.projectors, momentum);
        let teacher = self.teach(weak);

        let heads = &state.heads;
        let query = heads.projectors.global.forward(student.features[0].clone());
        let query = heads.global_predictor.forward(query);
        let key = state.keys.global.forward(teacher.features[0].clone());
        let anchors = state.global_bank.entries();
        let [k1, k2] = self.config.distillation_weights;
        let global = self.global_loss(query, key.clone(), anchors);
        let mut terms = LossTerms::new().with("global", k1, global);
        let mut local_key = None;
        if let Some(bank) = &state.local_bank {
            let labeled = student.logits.clone().narrow(0, 0, labels.dims()[0]);
            terms = terms.with("supervised", 1.0, supervised(labeled, labels));
            let query = self.local_query(&state.heads, student.logits)?;
            let key = self.local_key(&state.keys, teacher.logits)?;
            let local = self.local_loss(query, key.clone(), bank.entries());
            terms = terms.with("local", k2, local);
            local_key = Some(key);
        }

        let module = (self.student.clone(), state.heads);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        (self.student, state.heads) = module;
        state.global_bank.enqueue(key)?;
        if let (Some(bank), Some(key)) = (&mut state.local_bank, local_key) {
            bank.enqueue(key)?;
        }
        self.state = StageState::Distillation(Box::new(state));
        Ok(values)
    }

    /// `L_global = KL(P_t ‖ P_s)` over similarities to the anchors.
    fn global_loss(&self, query: Tensor<2>, key: Tensor<2>, anchors: Tensor<2>) -> Tensor<1> {
        GlobalDistillationLossConfig::new()
            .with_student_temperature(self.config.student_temperature)
            .with_teacher_temperature(self.config.teacher_temperature)
            .init()
            .forward(query, key, anchors)
    }

    /// `L_local`: the same for every patch of the logits.
    fn local_loss(&self, query: Tensor<3>, key: Tensor<3>, bank: Tensor<3>) -> Tensor<1> {
        LocalDistillationLossConfig::new()
            .with_student_temperature(self.config.student_temperature)
            .with_teacher_temperature(self.config.teacher_temperature)
            .with_form(self.config.local_loss)
            .init()
            .forward(query, key, bank)
    }

    /// `S[b,p]`: the student's local embeddings, `[batch, patch, width]`.
    fn local_query(&self, heads: &Heads, logits: Tensor<5>) -> Result<Tensor<3>, TrainError> {
        self.embed_patches(logits, |patches| {
            let projected = heads.projectors.local.forward(patches);
            heads.local_predictor.forward(projected)
        })
    }

    /// `T[b,p]`: the teacher's local embeddings.
    fn local_key(&self, keys: &Projectors, logits: Tensor<5>) -> Result<Tensor<3>, TrainError> {
        self.embed_patches(logits, |patches| keys.local.forward(patches))
    }

    /// Cuts logits into overlapping patches, pools and embeds each.
    fn embed_patches(
        &self,
        logits: Tensor<5>,
        embed: impl Fn(Tensor<5>) -> Tensor<5>,
    ) -> Result<Tensor<3>, TrainError> {
        let ActionConfig {
            local_patch,
            local_step,
            local_pooled,
            ..
        } = self.config;
        let patches = pooled_patches(logits, local_patch, local_step, local_pooled)?;
        let [batch, count, classes, d, h, w] = patches.dims();
        let embedded = embed(patches.reshape([batch * count, classes, d, h, w]));
        Ok(embedded.reshape([batch, count, classes * d * h * w]))
    }

    /// Stage iii: labels where there are some, pseudo-labels elsewhere, and a
    /// contrast between anatomical classes on both.
    fn contrast(
        &mut self,
        head: RepresentationHead,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
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
        let unsupervised = UnsupervisedCrossEntropyLossConfig::new()
            .with_confidence_threshold(config.strong_threshold)
            .init()
            .forward(
                on_unlabeled,
                pseudo.labels.clone(),
                pseudo.confidence.clone(),
            );
        let supervised = supervised(on_labeled, labels.clone());
        let contrast = self.anatomical_contrast(&head, outputs, labels, pseudo, at)?;
        let terms = LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("unsupervised", config.unsupervised_weight, unsupervised)
            .with("contrast", config.contrast_weight, contrast);

        let module = (self.student.clone(), head);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        self.student = module.0;
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
    ) -> (Vec<VNetOutput>, [Tensor<5>; 2]) {
        match self.config.student_passes {
            StudentPasses::Separate => {
                let outputs = [labeled, unlabeled].map(|images| self.student.forward(images));
                let logits = outputs.clone().map(|output| output.logits);
                (outputs.into(), logits)
            }
            StudentPasses::Joint => {
                let counts = [labeled.dims()[0], unlabeled.dims()[0]];
                let output = self
                    .student
                    .forward(Tensor::cat(vec![labeled, unlabeled], 0));
                let part = |at, count| output.logits.clone().narrow(0, at, count);
                let logits = [part(0, counts[0]), part(counts[0], counts[1])];
                (vec![output], logits)
            }
        }
    }

    /// `L_anco` on the representations of both batches.
    fn anatomical_contrast(
        &self,
        head: &RepresentationHead,
        outputs: Vec<VNetOutput>,
        labels: Tensor<5, Int>,
        pseudo: Pseudo,
        at: &StepContext,
    ) -> Result<Tensor<1>, TrainError> {
        let config = &self.config;
        let sampler = ContrastSampler::new(
            ContrastConfig {
                queries: config.queries,
                negatives: config.negatives,
                temperature: config.contrast_temperature,
                hard_threshold: config.strong_threshold,
                shared_negatives: false,
            },
            self.setting.network.classes,
            at.seed,
        )?;
        // Labeled voxels are valid; pseudo-labeled ones if the teacher is fairly sure.
        let certain = Tensor::ones(labels.dims(), &at.device);
        let confidence = Tensor::cat(vec![certain, pseudo.confidence], 0);
        let labels = Tensor::cat(vec![labels, pseudo.labels], 0);
        let represent = |output: VNetOutput| (output.logits, head.forward(output.features));
        let (logits, representations) = outputs.into_iter().map(represent).unzip();
        let logits = Tensor::cat(logits, 0);
        let representations = Tensor::cat(representations, 0);

        let [_, _, grid @ ..] = representations.dims();
        let labels = nearest(labels, grid);
        let valid = nearest(confidence, grid).greater_equal_elem(config.weak_threshold);
        let probabilities = softmax(nearest(logits.detach(), grid), 1);
        let samples = sampler.sample(
            ContrastInput {
                representations,
                probability: probabilities.gather(1, labels.clone().clamp_min(0)),
                valid: valid.bool_and(labels.clone().greater_equal_elem(0)),
                labels,
            },
            at.step,
        )?;
        let loss = AnatomicalContrastLossConfig::new()
            .with_temperature(config.contrast_temperature)
            .init();
        Ok(loss.forward(AnatomicalContrastInput {
            queries: samples.queries,
            positive_keys: samples.positives,
            negatives: samples.negatives,
            valid: samples.valid_classes,
            queried: samples.classes_with_queries,
        }))
    }

    /// `θ_t ← m·θ_t + (1 − m)·θ_s`.
    fn move_teacher(&mut self) {
        let update = match self.config.teacher_mode {
            TeacherMode::Train => ema_update,
            TeacherMode::Eval => ema_update_with_buffers,
        };
        let momentum = self.config.teacher_momentum;
        self.teacher = update(self.teacher.clone(), &self.student, momentum);
    }

    /// The teacher's answer, which never carries a gradient.
    fn teach(&self, images: Tensor<5>) -> VNetOutput {
        match self.config.teacher_mode {
            TeacherMode::Train => self.teacher.forward(images),
            TeacherMode::Eval => self.teacher.valid().forward(images.inner()),
        }
    }
}

impl Recipe for Action {
    fn stages(&self) -> Vec<Stage> {
        let names = [
            "i global distillation",
            "ii local distillation",
            "iii anatomical contrast",
        ];
        let plan = |stage: usize| {
            let contrast = stage == 2;
            let [labeled, unlabeled] = match contrast {
                true => self.config.contrast_batch,
                false => self.config.distillation_batch,
            };
            BatchPlan {
                labeled,
                unlabeled,
                replacement: contrast,
                strong: match (contrast, self.config.labeled_view) {
                    (true, LabeledView::Weak) => StrongViews::Unlabeled,
                    _ => StrongViews::All,
                },
            }
        };
        (0..3)
            .map(|stage| Stage {
                name: names[stage],
                steps: self.config.iterations[stage],
                plan: plan(stage),
            })
            .collect()
    }

    fn begin_stage(&mut self, index: usize) -> Result<(), TrainError> {
        self.optimizer = self.config.optimizer.init(index == 2);
        self.state = StageState::new(index, &self.config, &self.setting)?;
        if index == 2 {
            self.teacher = teacher_of(&self.student);
        }
        Ok(())
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        match self.state.clone() {
            StageState::Distillation(state) => self.distill(*state, batch, at),
            StageState::Contrast(head) => self.contrast(*head, batch, at),
        }
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.config.optimizer.at(at)
    }

    fn network(&self) -> &VNet {
        &self.student
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module("student", &self.student)?;
        checkpoint.module("teacher", &self.teacher)?;
        checkpoint.optimizer("optimizer", &self.optimizer)?;
        self.state.save(checkpoint)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.student = checkpoint.module("student", self.student.clone())?;
        self.teacher = checkpoint.module("teacher", self.teacher.clone())?;
        self.optimizer = checkpoint.optimizer("optimizer", self.optimizer.clone())?;
        self.state.load(checkpoint, &self.setting)
    }
}

/// `L_sup = ½ (L_ce + L_dice)` (section 4.4 of the method's text).
fn supervised(logits: Tensor<5>, labels: Tensor<5, Int>) -> Tensor<1> {
    DiceCrossEntropyLossConfig::new()
        .init()
        .forward(logits, labels)
}
