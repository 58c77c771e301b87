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
//! later papers and code. Slices and a U-Net take the same stages; the 2D
//! script's numbers are [`ActionConfig::official_2d`]. Where paper and code
//! differ, this table says what is done here.
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
//! | latent of the global loss | bottleneck (2D) | bottleneck (2D), first decoder map (3D) | as the code: `features[0]` |
//! | decoder in stage i | – | frozen (2D) | reached by no gradient and no weight decay; in 3D above the first map |
//! | local patches | – | one that ends at the border is left out in 2D: 36 of 256×256 | `last_patch`, kept; dropped in `official_2d` |
//! | contrast similarity | dot product | cosine | cosine |
//! | contrast reduction | sum | mean over queries, mean over valid classes | as the code |
//! | `λ₁`, `λ₂` | not found | 0.01, 1 | 0.01, 1 |
//! | labeled view of stage iii | – | weak | weak; `labeled_view = "strong"` as in ReCo |
//! | student's passes of stage iii | – | two | two; `student_passes = "joint"` shares batch statistics |
//! | teacher at stage iii | – | restarted from the student | as the code |
//! | stage iii batch | 6 (2D) | 1 + 1 (3D), where mixing is a no-op | 2 + 2 with CutMix |
//! | stage lengths | epochs | 30k each | the given total split 1 : 1 : 6 (5k + 15k for LA in ACTION++) |
//! | representation head | – | input resolution, width 128 (3D) or 512 (2D) | `representation_resolution`, `representation_width` |
//! | CutMix box | – | half the plane, 20 of 80 slices (3D) | half the plane, a quarter of the slices, at least one |
//! | random deformation (2D) | – | of the images, not of their pseudo-labels | none |
//! | labels below input resolution | – | – | nearest voxel of the aligned-corner grid |
//! | teacher's mode | – | batch statistics and dropout | as the code; `teacher_mode = "eval"` |
//! | `compact` preset: `k₁`, `k₂`, jitter, stage lengths | – | 1, 1, 2 %, 30k each | 0.01, 0.01, 25 % per volume, 100/700/1,200: why stands in `presets/methods.rs` |
//! | `compact` preset: teacher, labeled view, passes | – | batch statistics, weak, two | evaluation mode, strong, one pass: likewise |
//! | `compact` preset on slices: `λ₂` | – | 1 | 0: likewise |
//! | student at test time | – | batch statistics (no evaluation mode) | evaluation mode |

mod config;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::{
    AnatomicalContrastiveLoss, AnatomicalContrastiveLossConfig, DiceCrossEntropyLoss,
    GlobalDistillationLoss, GlobalDistillationLossConfig, LocalDistillationLoss,
    LocalDistillationLossConfig, UnsupervisedCrossEntropyLoss, UnsupervisedCrossEntropyLossConfig,
};
use semivox_models::{Network, NetworkOutput};
use semivox_sampling::ContrastConfig;

use super::supervised::supervised_loss;
use crate::batch::{Batch, LabeledBatch, split};
use crate::context::MethodContext;
use crate::ema::ema_update;
use crate::error::MethodError;
use crate::local_patches::LocalPatches;
use crate::mixing::PseudoLabeled;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::representations::Representations;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

pub use config::{ActionConfig, LabeledView, LastPatch, StudentPasses};
pub use state::{Contrasted, Distilled};

pub(crate) use config::Temperatures;

/// Stages i and ii: the student, seeing strong views, matches how the teacher, seeing weak views, relates
/// each image to the banked ones; in stage ii also how it relates the local patches of each image.
pub struct Distillation {
    config: ActionConfig,
    patches: LocalPatches,
    /// Whether this is stage ii, with labels and local patches.
    local: bool,
    supervised: DiceCrossEntropyLoss,
    global_loss: GlobalDistillationLoss,
    local_loss: LocalDistillationLoss,
}

impl Distillation {
    /// Stage i of the method, or stage ii if `local`.
    pub fn new(config: &ActionConfig, patch: [usize; 3], local: bool) -> Self {
        Self::with_temperatures(config, patch, local, config.temperatures())
    }

    /// The same with other temperatures than those of the settings.
    pub(crate) fn with_temperatures(
        config: &ActionConfig,
        patch: [usize; 3],
        local: bool,
        temperatures: Temperatures,
    ) -> Self {
        let global_loss = GlobalDistillationLossConfig::new()
            .with_student_temperature(temperatures.student)
            .with_teacher_temperature(temperatures.teacher);
        let local_loss = LocalDistillationLossConfig::new()
            .with_student_temperature(temperatures.student)
            .with_teacher_temperature(temperatures.teacher)
            .with_form(config.local_loss);
        Self {
            patches: LocalPatches::new(config, patch),
            config: config.clone(),
            local,
            supervised: supervised_loss(),
            global_loss: global_loss.init(),
            local_loss: local_loss.init(),
        }
    }

    /// `θ_t ← m·θ_t + (1 − m)·θ_s` for the teacher and the key projectors.
    fn update_teacher(&self, state: &mut Distilled) {
        let config = &self.config;
        let (mode, momentum) = (config.teacher_mode, config.teacher_momentum);
        mode.update(&mut state.teacher, &state.student.network, momentum);
        let projectors = &state.student.heads.projectors;
        state.keys = ema_update(state.keys.clone(), projectors, momentum);
    }

    /// `L_global`: images compared through their latent embeddings.
    fn global(
        &self,
        state: &mut Distilled,
        [student, teacher]: [&NetworkOutput; 2],
    ) -> Result<Tensor<1>, MethodError> {
        let heads = &state.student.heads;
        let query = heads.projectors.global.forward(student.features[0].clone());
        let query = heads.global_predictor.forward(query);
        let key = state.keys.global.forward(teacher.features[0].clone());
        let anchors = state.global_bank.entries();
        let loss = self.global_loss.forward(query, key.clone(), anchors);
        state.global_bank.enqueue(key)?;
        Ok(loss)
    }

    /// `L_local`: overlapping patches of each image's logits compared through their embeddings.
    fn local(
        &self,
        state: &mut Distilled,
        [student, teacher]: [NetworkOutput; 2],
    ) -> Result<Tensor<1>, MethodError> {
        let heads = &state.student.heads;
        let query = self.patches.embed(student.logits, |patches| {
            let projected = heads.projectors.local.forward(patches);
            heads.local_predictor.forward(projected)
        })?;
        let keys = &state.keys.local;
        let key = self
            .patches
            .embed(teacher.logits, |patches| keys.forward(patches))?;
        let bank = state
            .local_bank
            .as_mut()
            .expect("stage ii has a local bank");
        let loss = (self.local_loss).forward(query, key.clone(), bank.entries());
        bank.enqueue(key)?;
        Ok(loss)
    }
}

impl Stage for Distillation {
    type State = Distilled;

    fn plan(&self) -> StagePlan {
        let index = usize::from(self.local);
        StagePlan {
            name: ["i global distillation", "ii local distillation"][index],
            steps: self.config.iterations[index],
            batch: BatchPlan::new(self.config.distillation_batch, StrongViews::All),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, context: &MethodContext) -> Result<Distilled, MethodError> {
        Distilled::new(networks, &self.config, context, self.local)
    }

    fn terms(
        &self,
        state: &mut Distilled,
        batch: Batch,
        _at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let student = state.student.network.forward(strong);
        // The teacher moves before the optimizer does, as in the code.
        self.update_teacher(state);
        let teacher = self.config.teacher_mode.forward(&state.teacher, weak);

        let [k1, k2] = self.config.distillation_weights;
        let global = self.global(state, [&student, &teacher])?;
        let terms = LossTerms::new().with("global", k1, global);
        if !self.local {
            return Ok(terms);
        }
        let labeled = student.logits.clone().narrow(0, 0, labels.dims()[0]);
        let supervised = self.supervised.forward(labeled, labels);
        let local = self.local(state, [student, teacher])?;
        Ok(terms
            .with("supervised", 1.0, supervised)
            .with("local", k2, local))
    }
}

/// Stage iii: labels where there are some, pseudo-labels elsewhere, and a contrast between anatomical
/// classes on both.
pub struct AnatomicalContrast {
    config: ActionConfig,
    supervised: DiceCrossEntropyLoss,
    unsupervised: UnsupervisedCrossEntropyLoss,
    contrast: AnatomicalContrastiveLoss,
}

impl AnatomicalContrast {
    /// Stage iii of the method.
    pub fn new(config: &ActionConfig) -> Self {
        Self::with_temperature(config, config.contrast_temperature)
    }

    /// The same with another temperature of the contrast than that of the settings.
    pub(crate) fn with_temperature(config: &ActionConfig, temperature: f64) -> Self {
        let unsupervised = UnsupervisedCrossEntropyLossConfig::new()
            .with_confidence_threshold(config.strong_threshold);
        Self {
            config: config.clone(),
            supervised: supervised_loss(),
            unsupervised: unsupervised.init(),
            contrast: AnatomicalContrastiveLossConfig::new()
                .with_temperature(temperature)
                .init(),
        }
    }

    /// The teacher's output, which never carries a gradient.
    pub(crate) fn teach(&self, teacher: &Network, images: Tensor<5>) -> NetworkOutput {
        self.config.teacher_mode.forward(teacher, images)
    }

    /// The loss terms, and the representations that the contrast compares.
    pub(crate) fn terms_and_representations(
        &self,
        state: &Contrasted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<(LossTerms, Representations), MethodError> {
        let unlabeled = batch.unlabeled.expect("stage iii plans unlabeled patches");
        // Pseudo-labels of the weak view, mixed together with the strong view.
        let teacher = softmax(self.teach(&state.teacher, unlabeled.weak).logits, 1);
        let (confidence, labels) = teacher.max_dim_with_indices(1);
        let pseudo = PseudoLabeled {
            images: unlabeled.strong,
            labels,
            confidence,
        };
        let pseudo = self.config.mixing.apply(pseudo, at);

        // Where the labeled patches have no strong view planned, theirs is the weak one.
        let LabeledBatch { strong, labels, .. } = batch.labeled;
        let student = &state.student;
        let (outputs, [on_labeled, on_unlabeled]) =
            self.forward_both(&student.network, strong, pseudo.images.clone());
        let supervised = (self.supervised).forward(on_labeled, labels.clone());
        let (targets, confidence) = (pseudo.labels.clone(), pseudo.confidence.clone());
        let unsupervised = (self.unsupervised).forward(on_unlabeled, targets, confidence);
        let maps = Representations::new(&student.heads, outputs, labels, pseudo);
        let contrast = self.anatomical_contrast(maps.clone(), at)?;
        let terms = LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with(
                "unsupervised",
                self.config.unsupervised_weight,
                unsupervised,
            )
            .with("contrast", self.config.contrast_weight, contrast);
        Ok((terms, maps))
    }

    /// The student's outputs for both kinds of patches, and their logits apart. In two passes each
    /// kind has its own batch statistics; in one they share them.
    fn forward_both(
        &self,
        student: &Network,
        labeled: Tensor<5>,
        unlabeled: Tensor<5>,
    ) -> (Vec<NetworkOutput>, [Tensor<5>; 2]) {
        match self.config.student_passes {
            StudentPasses::Separate => {
                let outputs = [labeled, unlabeled].map(|images| student.forward(images));
                let logits = outputs.clone().map(|output| output.logits);
                (outputs.into(), logits)
            }
            StudentPasses::Joint => {
                let counts = [labeled.dims()[0], unlabeled.dims()[0]];
                let output = student.forward(Tensor::cat(vec![labeled, unlabeled], 0));
                let logits = split(output.logits.clone(), counts);
                (vec![output], logits)
            }
        }
    }

    /// `L_anco`: voxels of each class against the class's mean and voxels of other classes. Labeled voxels
    /// take part; pseudo-labeled ones if the teacher is fairly sure.
    fn anatomical_contrast(
        &self,
        maps: Representations,
        at: &StepContext,
    ) -> Result<Tensor<1>, MethodError> {
        let config = &self.config;
        let settings = ContrastConfig {
            queries: config.queries,
            negatives: config.negatives,
            temperature: self.contrast.temperature,
            hard_threshold: config.strong_threshold,
            shared_negatives: false,
        };
        let samples = maps.sample(settings, config.weak_threshold, at)?;
        Ok(self.contrast.forward(samples))
    }
}

impl Stage for AnatomicalContrast {
    type State = Contrasted;

    fn plan(&self) -> StagePlan {
        let strong = match self.config.labeled_view {
            LabeledView::Weak => StrongViews::Unlabeled,
            LabeledView::Strong => StrongViews::All,
        };
        StagePlan {
            name: "iii anatomical contrast",
            steps: self.config.iterations[2],
            batch: BatchPlan {
                replacement: true,
                ..BatchPlan::new(self.config.contrast_batch, strong)
            },
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init_nesterov()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Contrasted, MethodError> {
        Ok(Contrasted::new(networks, &self.config, context))
    }

    fn terms(
        &self,
        state: &mut Contrasted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let (terms, _) = self.terms_and_representations(state, batch, at)?;
        Ok(terms)
    }

    /// `θ_t ← m·θ_t + (1 − m)·θ_s`.
    fn after_step(&self, state: &mut Contrasted, _at: &StepContext) -> Result<(), MethodError> {
        let (mode, momentum) = (self.config.teacher_mode, self.config.teacher_momentum);
        mode.update(&mut state.teacher, &state.student.network, momentum);
        Ok(())
    }
}
