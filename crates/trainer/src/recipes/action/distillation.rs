//! Stages i and ii: global and local distillation.

use burn::prelude::*;

use super::Action;
use super::local::LocalPatches;
use super::state::{Distillation, Heads, Projectors, StageState};
use crate::batch::Batch;
use crate::ema::ema_update;
use crate::error::TrainError;
use crate::recipe::{Recipe, StepContext};
use crate::terms::{LossTerms, StepValues};

impl Action {
    /// Stages i and ii: the student, seeing strong views, matches how the
    /// teacher, seeing weak views, relates each image to the banked ones.
    pub(super) fn distill(
        &mut self,
        mut state: Distillation,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let momentum = self.config.teacher_momentum;
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let student = self.networks.student.forward(strong);
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
        let global = self.losses.global.forward(query, key.clone(), anchors);
        let mut terms = LossTerms::new().with("global", k1, global);
        let mut local_key = None;
        if let Some(bank) = &state.local_bank {
            let labeled = student.logits.clone().narrow(0, 0, labels.dims()[0]);
            let supervised = self.losses.supervised.forward(labeled, labels);
            terms = terms.with("supervised", 1.0, supervised);
            let query = self.local_query(&state.heads, student.logits)?;
            let key = self.local_key(&state.keys, teacher.logits)?;
            let local = (self.losses.local).forward(query, key.clone(), bank.entries());
            terms = terms.with("local", k2, local);
            local_key = Some(key);
        }

        let module = (self.networks.student.clone(), state.heads);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        (self.networks.student, state.heads) = module;
        state.global_bank.enqueue(key)?;
        if let (Some(bank), Some(key)) = (&mut state.local_bank, local_key) {
            bank.enqueue(key)?;
        }
        self.state = StageState::Distillation(Box::new(state));
        Ok(values)
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
        let patches = LocalPatches::new(&self.config, self.setting.patch).pool(logits)?;
        let [batch, count, classes, d, h, w] = patches.dims();
        let embedded = embed(patches.reshape([batch * count, classes, d, h, w]));
        Ok(embedded.reshape([batch, count, classes * d * h * w]))
    }
}
