//! Sections 3.1 and 3.2 of ACTION: global and local distillation.

use burn::prelude::*;
use semivox_losses::{
    DiceCrossEntropyLoss, GlobalDistillationLoss, GlobalDistillationLossConfig,
    LocalDistillationLoss, LocalDistillationLossConfig,
};
use semivox_models::NetworkOutput;

use super::config::ActionConfig;
use super::state::Distilled;
use super::temperatures::Temperatures;
use crate::batch::Batch;
use crate::context::MethodContext;
use crate::ema::ema_update;
use crate::error::MethodError;
use crate::local_patches::LocalPatches;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::recipes::supervised::supervised_loss;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Stages i and ii: the student (strong views) is trained to match the teacher (weak views) in the similarities
/// of each image to those of a memory bank; in stage ii also in those of its local patches.
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
    /// Creates stage i of the method, or stage ii if `local`.
    pub fn new(config: &ActionConfig, patch: [usize; 3], local: bool) -> Self {
        Self::with_temperatures(config, patch, local, config.temperatures())
    }

    /// Creates the stage with temperatures other than those of the settings.
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

    /// Updates the teacher and the key projectors, `θ_t ← m·θ_t + (1 − m)·θ_s`.
    fn update_teacher(&self, state: &mut Distilled) {
        let config = &self.config;
        let (mode, momentum) = (config.teacher_mode, config.teacher_momentum);
        mode.update(&mut state.teacher, &state.student.network, momentum);
        let projectors = &state.student.heads.projectors;
        state.keys = ema_update(state.keys.clone(), projectors, momentum);
    }

    /// Computes `L_global` from the latent embeddings of the images.
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

    /// Computes `L_local` from the embeddings of overlapping local patches of the logits.
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
        // The teacher is updated before the optimizer's step, as in the official code.
        self.update_teacher(state);
        let teacher = self.config.teacher_mode.forward(&state.teacher, weak);

        let [k1, k2] = self.config.distillation_weights;
        let global = self.global(state, [&student, &teacher])?;
        // Alone in stage i, the loss has nothing to be weighed against.
        let k1 = if self.local { k1 } else { 1.0 };
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
