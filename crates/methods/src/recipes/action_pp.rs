//! ACTION++: ACTION with adaptive anatomical contrast and scheduled temperatures.
//!
//! C. You, W. Dai, Y. Min, L. Staib, J. Sekhon, J. S. Duncan, "ACTION++: Improving Semi-supervised Medical Image Segmentation
//! with Adaptive Anatomical Contrast", MICCAI 2023, arXiv 2304.02689. It runs the stages of [ACTION](super::action) and adds:
//!
//! ```text
//! ψ_1 … ψ_K    fixed class centers, spread evenly                              uniform_centers
//! φ_c, π*      running class centers, assigned to them at each step            ClassCenters
//! L_aaco       labeled voxels against banked features and assigned centers     AdaptiveContrastiveLoss
//! τ(t)         τ⁻ + ½ (1 + cos(2π t/T)) (τ⁺ − τ⁻)                              CosineTemperature
//! stage iii    L_sup + λ₂·L_unsup + λ₁·L_anco + w·L_aaco
//! ```
//!
//! The teacher's features come from a head that is the moving average of the student's.
//!
//! # Deviations
//!
//! These come in addition to those of ACTION. The full text of the paper was not available; its column is taken
//! from summaries.
//!
//! | item | paper | official code | here |
//! |---|---|---|---|
//! | class centers | minimize `L_unif` | Adam, 10,000 steps, τ 0.07 | the minimum in closed form, rotated at random by the seed |
//! | assignment | `argmin Σ ‖ψ_π(c) − φ_c‖` | maximum of `Σ φ_c·ψ_π(c)` | as the code; the same squared |
//! | `η` of the running centers | not found | 0.1 | 0.1 |
//! | terms of a voxel | undivided sums | divided by the number of positives with the center | `normalization`: `code`, or `paper` (means) |
//! | `λ_a` | 0.2 | 0.2 (3D), 0.1 (2D) | 0.2; the outer weight is 0.01 as in the code |
//! | weights in all | equal | 1, 1, 0.01, 0.01 | as the code |
//! | rate | – | polynomial decay in each stage | same; `quick`, `standard`: one decay over all stages, as for every method (`OptimizerConfig::comparable`) |
//! | temperature of `L_aaco` | scheduled | 0.07 (3D), scheduled (2D) | scheduled; `temperature` without a schedule |
//! | schedule | per iteration, one period | per epoch, 10 periods by default in fine-tuning | per iteration, one period for pre-training and one for fine-tuning |
//! | teacher's temperature | – | scheduled from 0.6 or 0.01 | fixed; `teacher_schedule` |
//! | teacher's features | – | projected (3D), raw maps (2D) | projected |
//! | voxels | – | 256 per class, shuffled | 256 per class, in order, which affects only the order in the bank, as that holds a step's voxels |
//! | one class in the crop | – | 256 voxels of any class, a shape error in 3D | 256 voxels of that class |
//! | hard voxels | – | a switch, probability below 0.7 | `hard_below`, off |
//! | labeled view | weak | weak | `labeled_view` of ACTION for the student, weak for the teacher |
//! | pre-training | one run with all losses; 5k + 15k for LA, 10k + 20k for ACDC | the same; 30k + 30k | stage i has no steps, ii and iii 1 : 3, in the `paper` preset of ACDC 1 : 2; all presets but `paper` take ACTION's lengths |
//! | random assignment (ablation) | not found | – | class `c` is assigned center `c` of the randomly rotated simplex |

mod adaptive;
mod config;
#[cfg(test)]
mod tests;

use semivox_models::{Network, RepresentationHead};

use super::action::{AnatomicalContrast, Contrasted, Distillation, Distilled, Temperatures};
use crate::batch::Batch;
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage, State};
use crate::step_context::StepContext;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

use adaptive::Adaptive;
pub use config::{ActionPpConfig, CenterAssignment};

/// Returns the scheduled temperatures; pre-training (stages i and ii) is one period of `τ(t)`, fine-tuning another.
fn temperatures(config: &ActionPpConfig, at: &StepContext) -> Temperatures {
    let mut temperatures = config.action.temperatures();
    let pretraining = config.action.iterations[..2].iter().sum();
    if let Some(schedule) = &config.schedule {
        temperatures.student = schedule.at(at.step, pretraining);
        temperatures.contrast = schedule.at(at.stage_step, at.stage_steps);
    }
    if let Some(schedule) = &config.teacher_schedule {
        temperatures.teacher = schedule.at(at.step, pretraining);
    }
    temperatures
}

/// Stages i and ii: those of ACTION, with scheduled temperatures.
pub struct ScheduledDistillation {
    config: ActionPpConfig,
    patch: [usize; 3],
    local: bool,
    stage: Distillation,
}

impl ScheduledDistillation {
    /// Creates stage i of the method, or stage ii if `local`.
    pub fn new(config: ActionPpConfig, patch: [usize; 3], local: bool) -> Self {
        Self {
            stage: Distillation::new(&config.action, patch, local),
            config,
            patch,
            local,
        }
    }
}

impl Stage for ScheduledDistillation {
    type State = Distilled;

    fn plan(&self) -> StagePlan {
        self.stage.plan()
    }

    fn optimizer(&self) -> Optimizer {
        self.stage.optimizer()
    }

    fn begin(&self, networks: Handover, context: &MethodContext) -> Result<Distilled, MethodError> {
        self.stage.begin(networks, context)
    }

    fn terms(
        &self,
        state: &mut Distilled,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let (action, temperatures) = (&self.config.action, temperatures(&self.config, at));
        let stage = Distillation::with_temperatures(action, self.patch, self.local, temperatures);
        stage.terms(state, batch, at)
    }
}

/// Stage iii: that of ACTION with a scheduled temperature, and `L_aaco` on the labeled patches.
pub struct AdaptiveContrast {
    config: ActionPpConfig,
    stage: AnatomicalContrast,
}

impl AdaptiveContrast {
    /// Creates stage iii of the method.
    pub fn new(config: ActionPpConfig) -> Self {
        Self {
            stage: AnatomicalContrast::new(&config.action),
            config,
        }
    }
}

/// The state of stage iii: that of ACTION, and the key head, memory bank and class centers of `L_aaco`.
#[derive(Debug, Clone)]
pub struct Adapted {
    contrasted: Contrasted,
    adaptive: Option<Adaptive>,
}

impl State for Adapted {
    type Trained = WithHeads<RepresentationHead>;

    fn trained(&mut self) -> &mut Self::Trained {
        self.contrasted.trained()
    }

    fn student(&self) -> &Network {
        self.contrasted.student()
    }

    fn teacher(&self) -> Option<&Network> {
        self.contrasted.teacher()
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.contrasted.visit_state(visitor)?;
        match &mut self.adaptive {
            Some(adaptive) => adaptive.visit_state(visitor),
            None => Ok(()),
        }
    }
}

impl Stage for AdaptiveContrast {
    type State = Adapted;

    fn plan(&self) -> StagePlan {
        self.stage.plan()
    }

    fn optimizer(&self) -> Optimizer {
        self.stage.optimizer()
    }

    fn begin(&self, networks: Handover, context: &MethodContext) -> Result<Adapted, MethodError> {
        let contrasted = self.stage.begin(networks, context)?;
        let wanted = self.config.adaptive_weight > 0.0;
        let adaptive = wanted.then(|| Adaptive::new(&self.config, context, &contrasted));
        Ok(Adapted {
            adaptive: adaptive.transpose()?,
            contrasted,
        })
    }

    fn terms(
        &self,
        state: &mut Adapted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let temperature = temperatures(&self.config, at).contrast;
        let stage = AnatomicalContrast::with_temperature(&self.config.action, temperature);
        let weak = batch.labeled.weak.clone();
        let contrasted = &state.contrasted;
        let (terms, maps) = stage.terms_and_representations(contrasted, batch, at)?;
        let Some(adaptive) = &mut state.adaptive else {
            return Ok(terms);
        };
        let labeled = maps.first(weak.dims()[0]);
        let keys = adaptive.keys(stage.teach(&contrasted.teacher, weak));
        let loss = adaptive.loss(&self.config, labeled, keys, at)?;
        Ok(terms.with("adaptive", self.config.adaptive_weight, loss))
    }

    fn after_step(&self, state: &mut Adapted, at: &StepContext) -> Result<(), MethodError> {
        self.stage.after_step(&mut state.contrasted, at)?;
        if let Some(adaptive) = &mut state.adaptive {
            let head = &state.contrasted.student.heads;
            adaptive.update_key_head(head, self.config.action.teacher_momentum);
        }
        Ok(())
    }
}
