//! ACTION++: ACTION with adaptive anatomical contrast and scheduled temperatures.
//!
//! C. You, W. Dai, Y. Min, L. Staib, J. Sekhon, J. S. Duncan, "ACTION++: Improving Semi-supervised
//! Medical Image Segmentation with Adaptive Anatomical Contrast", MICCAI 2023, arXiv 2304.02689. What it
//! adds to [`Action`](super::action), whose stages run as they are:
//!
//! ```text
//! ψ_1 … ψ_K    class centers, spread evenly once                               uniform_centers
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
//! Beside those of ACTION. The paper's text was not at hand in full; its column is taken from digests.
//!
//! | item | paper | official code | here |
//! |---|---|---|---|
//! | class centers | minimize `L_unif` | Adam, 10,000 steps, τ 0.07 | the minimum in closed form, turned by the seed |
//! | assignment | `argmin Σ ‖ψ_π(c) − φ_c‖` | maximum of `Σ φ_c·ψ_π(c)` | as the code; the same squared |
//! | `η` of the running centers | not found | 0.1 | 0.1 |
//! | terms of a voxel | undivided sums | divided by the number of positives with the center | `normalization`: `code`, or `paper` (means) |
//! | `λ_a` | 0.2 | 0.2 (3D), 0.1 (2D) | 0.2; the outer weight is 0.01 as in the code |
//! | weights in all | equal | 1, 1, 0.01, 0.01 | as the code |
//! | temperature of `L_aaco` | scheduled | 0.07 (3D), scheduled (2D) | scheduled; `temperature` without a schedule |
//! | schedule | per iteration, one period | per epoch, 10 periods by default in fine-tuning | per iteration, one period for pre-training and one for fine-tuning |
//! | teacher's temperature | – | scheduled from 0.6 or 0.01 | fixed; `teacher_schedule` |
//! | teacher's features | – | projected (3D), raw maps (2D) | projected |
//! | voxels | – | 256 per class, shuffled | 256 per class, in order: only the bank's order depends on it |
//! | one class in the crop | – | 256 voxels of any class, a shape error in 3D | 256 voxels of that class |
//! | hard voxels | – | a switch, probability below 0.7 | `hard_below`, off |
//! | labeled view | weak | weak | `labeled_view` of ACTION for the student, weak for the teacher |
//! | pre-training | one run with all losses; 5k + 15k for LA, 10k + 20k for ACDC | the same; 30k + 30k | stage i has no steps, ii and iii 1 : 3, in the `paper` preset of ACDC 1 : 2; `smoke` and `compact` take ACTION's lengths |
//! | random assignment (ablation) | not found | – | class `c` takes center `c` of the randomly turned simplex |

mod adaptive;
mod config;

use semivox_models::Network;

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::method_settings::{MethodSettings, expect};
use crate::recipe::{Recipe, Setting, Stage, StepContext};
use crate::recipes::action::{Action, Temperatures};
use crate::terms::StepValues;

use adaptive::Adaptive;
pub use config::{ActionPpConfig, CenterAssignment};

/// The recipe: ACTION, and what its successor adds to stage iii.
pub struct ActionPp {
    config: ActionPpConfig,
    setting: Setting,
    action: Action,
    adaptive: Option<Adaptive>,
}

impl ActionPp {
    /// A run of the method from a new network.
    ///
    /// # Errors
    /// If a setting contradicts another.
    pub fn new(config: ActionPpConfig, setting: Setting) -> Result<Self, TrainError> {
        config.check(setting.patch)?;
        if config.adaptive_weight > 0.0 {
            // As far apart as a simplex's corners, centers need a dimension less than there are classes.
            let (width, least) = (
                config.action.representation_width,
                setting.network.classes - 1,
            );
            let wanted = format!("at least {least}, for {} classes", least + 1);
            expect(
                width >= least,
                "action.representation_width",
                &wanted,
                width,
            )?;
        }
        Ok(Self {
            action: Action::new(config.action.clone(), setting.clone())?,
            adaptive: None,
            config,
            setting,
        })
    }

    /// `τ(t)`: pre-training (stages i and ii) is one period, fine-tuning another.
    fn temperatures(&self, at: &StepContext) -> Temperatures {
        let config = &self.config;
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

    /// Stage iii with `L_aaco`.
    fn contrast(
        &mut self,
        mut adaptive: Adaptive,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let head = self.action.representation_head();
        let head = head.expect("stage iii has a head").clone();
        let weak = batch.labeled.weak.clone();
        let (terms, maps) = self.action.contrast_terms(&head, batch, at)?;
        let labeled = maps.first(weak.dims()[0]);
        let keys = adaptive.keys(self.action.teach(weak));
        let (loss, entries) = adaptive.loss(&self.config, labeled, keys, at);
        let terms = terms.with("adaptive", self.config.adaptive_weight, loss);
        let values = self.action.descend_contrast(head, terms, at)?;
        let head = self.action.representation_head();
        let head = head.expect("stage iii has a head");
        adaptive.advance(head, self.config.action.teacher_momentum, entries)?;
        self.adaptive = Some(adaptive);
        Ok(values)
    }
}

impl Recipe for ActionPp {
    fn stages(&self) -> Vec<Stage> {
        self.action.stages()
    }

    fn begin_stage(&mut self, index: usize) -> Result<(), TrainError> {
        self.action.begin_stage(index)?;
        let wanted = self.config.adaptive_weight > 0.0;
        let head = self.action.representation_head().filter(|_| wanted);
        let adaptive = head.map(|head| Adaptive::new(&self.config, &self.setting, head));
        self.adaptive = adaptive.transpose()?;
        Ok(())
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        self.action.set_temperatures(self.temperatures(at));
        match self.adaptive.clone() {
            Some(adaptive) => self.contrast(adaptive, batch, at),
            None => self.action.step(batch, at),
        }
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.action.learning_rate(at)
    }

    fn network(&self) -> &Network {
        self.action.network()
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.action.save(checkpoint)?;
        match &self.adaptive {
            Some(adaptive) => adaptive.save(checkpoint),
            None => Ok(()),
        }
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.action.load(checkpoint)?;
        match &mut self.adaptive {
            Some(adaptive) => adaptive.load(checkpoint, &self.setting.device),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use semivox_losses::PositiveNormalization;
    use semivox_models::{NetworkConfig, Resolution};

    use super::*;
    use crate::recipes::{ActionConfig, LabeledView, StudentPasses};
    use crate::student_teacher::TeacherMode;
    use crate::testing::{off_average, run_stage, run_steps, setting, term};

    fn config() -> ActionPpConfig {
        let action = ActionConfig {
            iterations: [0, 2, 4],
            queries: 8,
            negatives: 8,
            representation_width: 8,
            representation_resolution: Resolution::Half,
            ..ActionConfig::new(0)
        };
        ActionPpConfig {
            voxels: 16,
            queue: 100,
            ..ActionPpConfig::of(action)
        }
    }

    fn run(config: ActionPpConfig) -> (ActionPp, Vec<StepValues>) {
        let setting = setting(NetworkConfig::new(1, 3).with_filters(1), [32; 3]);
        let mut recipe = ActionPp::new(config, setting.clone()).unwrap();
        let values = run_stage(&mut recipe, 2, &setting);
        (recipe, values)
    }

    #[test]
    fn the_bank_fills_and_every_switch_keeps_the_terms_finite() {
        let (recipe, values) = run(config());
        assert!(term(&values, "adaptive").iter().all(|&value| value > 0.0));
        let adaptive = recipe.adaptive.as_ref().unwrap();
        let labels = adaptive.labels();
        assert!((0..3).all(|class| labels.contains(&class)) && labels.len() == 100);
        let joint = ActionPpConfig {
            action: ActionConfig {
                teacher_mode: TeacherMode::Eval,
                labeled_view: LabeledView::Strong,
                student_passes: StudentPasses::Joint,
                ..config().action
            },
            normalization: PositiveNormalization::Paper,
            ..config()
        };
        run(joint);
        run(ActionPpConfig {
            hard_below: Some(0.7),
            ..config()
        });
        run(config().ablation("random_assignment").unwrap());
    }

    #[test]
    fn the_key_head_follows_the_head_of_after_the_step() {
        const HALF: f64 = 0.5;
        let setting = setting(NetworkConfig::new(1, 3).with_filters(1), [32; 3]);
        let mut config = config();
        config.action.teacher_momentum = HALF;
        let mut recipe = ActionPp::new(config, setting.clone()).unwrap();
        let head = |recipe: &ActionPp| recipe.action.representation_head().unwrap().clone();
        let key = |recipe: &ActionPp| recipe.adaptive.as_ref().unwrap().key_head().clone();
        recipe.begin_stage(2).unwrap();
        let first = head(&recipe);
        assert_eq!(off_average(&key(&recipe), [&first, &first], HALF), 0.0);
        run_steps(&mut recipe, 2, 0..1, &setting);
        let (key, head) = (key(&recipe), head(&recipe));
        assert!(off_average(&key, [&first, &head], HALF) < 1e-6);
        assert!(off_average(&key, [&first, &first], HALF) > 1e-5);
    }

    #[test]
    fn centers_need_room() {
        let setting = setting(NetworkConfig::new(1, 10).with_filters(1), [32; 3]);
        let error = ActionPp::new(config(), setting.clone()).err().unwrap();
        let message = error.to_string();
        assert!(
            message.contains("representation_width: expected at least 9, for 10 classes, found 8")
        );
        assert!(ActionPp::new(config().ablation("without_saacl").unwrap(), setting).is_ok());
    }

    #[test]
    fn without_its_contrast_it_is_action_with_a_schedule() {
        let (recipe, values) = run(config().ablation("without_saacl").unwrap());
        assert!(recipe.adaptive.is_none());
        assert_eq!(values[0].len(), 3);
        // No voxel is so hard: the term is there and 0.
        let (_, values) = run(ActionPpConfig {
            hard_below: Some(0.0),
            ..config()
        });
        assert_eq!(term(&values, "adaptive"), [0.0; 4]);
    }

    #[test]
    fn pre_training_and_fine_tuning_have_a_period_each() {
        let setting = setting(NetworkConfig::new(1, 3).with_filters(1), [32; 3]);
        let mut config = config();
        config.action.iterations = [10, 10, 40];
        let recipe = ActionPp::new(config.clone(), setting.clone()).unwrap();
        let at = |step, stage_step, stage_steps| StepContext {
            step,
            stage_step,
            stage_steps,
            seed: 0,
            device: setting.device.clone(),
        };
        let middle = recipe.temperatures(&at(10, 0, 10));
        assert!((middle.student - 0.1).abs() < 1e-12 && middle.teacher == 0.01);
        assert!((recipe.temperatures(&at(40, 20, 40)).contrast - 0.1).abs() < 1e-12);
        let fixed = config.ablation("without_ats").unwrap();
        let recipe = ActionPp::new(fixed.clone(), setting.clone()).unwrap();
        let found = recipe.temperatures(&at(10, 0, 10));
        assert_eq!(found, fixed.action.temperatures());
    }
}
