//! Section 3.3 of ACTION: anatomical contrast.

use burn::prelude::*;
use semivox_losses::{
    AnatomicalContrastiveLoss, AnatomicalContrastiveLossConfig, DiceCrossEntropyLoss,
    UnsupervisedCrossEntropyLoss, UnsupervisedCrossEntropyLossConfig,
};
use semivox_models::{Network, NetworkOutput};
use semivox_sampling::ContrastConfig;

use super::choices::{LabeledView, PseudoLabels, StudentPasses};
use super::config::ActionConfig;
use super::state::Contrasted;
use crate::batch::{Batch, LabeledBatch, split};
use crate::confident::{Predicted, PseudoStart};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::mixing::PseudoLabeled;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::recipes::supervised::supervised_loss;
use crate::representations::Representations;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Stage iii: segmentation losses on labels and pseudo-labels, and a contrast between anatomical classes on
/// both.
pub struct AnatomicalContrast {
    config: ActionConfig,
    supervised: DiceCrossEntropyLoss,
    unsupervised: UnsupervisedCrossEntropyLoss,
    contrast: AnatomicalContrastiveLoss,
}

impl AnatomicalContrast {
    /// Creates stage iii of the method.
    pub fn new(config: &ActionConfig) -> Self {
        Self::with_temperature(config, config.contrast_temperature)
    }

    /// Creates stage iii with a temperature of the contrast other than that of the settings.
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

    /// Computes the teacher's output, through which no gradient flows.
    pub(crate) fn teach(&self, teacher: &Network, images: Tensor<5>) -> NetworkOutput {
        self.config.teacher_mode.forward(teacher, images)
    }

    /// Computes the loss terms, and the representations that the contrast compares.
    pub(crate) fn terms_and_representations(
        &self,
        state: &Contrasted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<(LossTerms, Representations), MethodError> {
        let unlabeled = batch.unlabeled.expect("stage iii plans unlabeled patches");
        // Pseudo-labels of the weak view, mixed together with the strong view.
        let predicted = Predicted::of(self.teach(&state.teacher, unlabeled.weak).logits);
        let foreground_confidence = predicted.foreground_confidence();
        let pseudo = PseudoLabeled {
            images: unlabeled.strong,
            labels: predicted.labels,
            confidence: predicted.confidence,
        };
        let pseudo = self.config.mixing.apply(pseudo, at);

        // Without a planned strong view of labeled patches, `strong` is the weak view.
        let LabeledBatch { strong, labels, .. } = batch.labeled;
        let student = &state.student;
        let (outputs, [on_labeled, on_unlabeled]) =
            self.forward_both(&student.network, strong, pseudo.images.clone());
        let start = PseudoStart {
            from: 0.0,
            guard: self.config.pseudo_guard,
        };
        let (factor, active) = start.factor([(&on_labeled, &labels)], at);
        let supervised = (self.supervised).forward(on_labeled, labels.clone());
        let confidence = pseudo.confidence.clone();
        let unsupervised =
            (self.unsupervised).forward(on_unlabeled, self.targets(&pseudo), confidence);
        let maps = Representations::new(&student.heads, outputs, labels, pseudo);
        let contrast = self.anatomical_contrast(maps.clone(), at)?;
        let ramp = match self.config.unsupervised_ramp {
            true => at.ramp(),
            false => 1.0,
        };
        let unsupervised_weight = self.config.unsupervised_weight * ramp * factor;
        let terms = LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("unsupervised", unsupervised_weight, unsupervised)
            .with("contrast", self.config.contrast_weight, contrast)
            .with("pseudo_active", 0.0, active)
            .with("foreground_confidence", 0.0, foreground_confidence);
        Ok((terms, maps))
    }

    /// Returns the pseudo-labels that the unsupervised cross-entropy takes.
    pub(super) fn targets(&self, pseudo: &PseudoLabeled) -> Tensor<5, Int> {
        let labels = pseudo.labels.clone();
        match self.config.pseudo_labels {
            PseudoLabels::All => labels,
            PseudoLabels::Confident => {
                let confidence = pseudo.confidence.clone();
                Predicted { labels, confidence }.confident(self.config.strong_threshold)
            }
        }
    }

    /// Computes the student's outputs for both kinds of patches, and the logits of each kind. With two passes
    /// each kind has its own batch statistics; with one they share them.
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

    /// Computes `L_anco`: voxels of each class against the mean of the class and voxels of other classes.
    /// Labeled voxels always take part, pseudo-labeled ones if the teacher's confidence reaches `θ_w`.
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
        match self.config.nesterov {
            true => self.config.optimizer.init_nesterov(),
            false => self.config.optimizer.init(),
        }
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

    /// Updates the teacher, `θ_t ← m·θ_t + (1 − m)·θ_s`.
    fn after_step(&self, state: &mut Contrasted, _at: &StepContext) -> Result<(), MethodError> {
        let (mode, momentum) = (self.config.teacher_mode, self.config.teacher_momentum);
        mode.update(&mut state.teacher, &state.student.network, momentum);
        Ok(())
    }
}
