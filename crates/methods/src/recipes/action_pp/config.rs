//! Settings of ACTION++.

use semivox_losses::PositiveNormalization;
use serde::{Deserialize, Serialize};

use super::{AdaptiveContrast, ScheduledDistillation};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_positive, expect_share, expect_some, expect_weight,
};
use crate::optimizer::OptimizerConfig;
use crate::recipes::ActionConfig;
use crate::schedule::CosineTemperature;
use crate::step_context::StepContext;

/// Settings of ACTION++; the defaults are those recommended for 3D volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionPpConfig {
    /// Weight of `L_aaco` in stage iii; with 0 it is not computed.
    pub adaptive_weight: f64,
    /// `λ_a`, the weight of the class center within `L_aaco`.
    pub center_weight: f64,
    /// Normalization of the terms of a voxel.
    pub normalization: PositiveNormalization,
    /// Assignment of classes to centers.
    pub assignment: CenterAssignment,
    /// `η`, the update rate of running centers: the weight of the batch's mean.
    pub center_rate: f64,
    /// Voxels drawn per class and batch.
    pub voxels: usize,
    /// Probability of the own class below which a voxel is hard; if set, only hard voxels are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_below: Option<f64>,
    /// Capacity of the memory bank of labeled features.
    pub queue: usize,
    /// Temperature of `L_aaco` without a schedule.
    pub temperature: f64,
    /// Schedule `τ(t)` of all contrasts: of the student in pre-training, of `L_anco` and `L_aaco` in fine-tuning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<CosineTemperature>,
    /// Schedule `τ_t(t)` of the teacher in pre-training; without it the temperature is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher_schedule: Option<CosineTemperature>,
    /// All of ACTION's settings; a schedule replaces its temperatures.
    pub action: ActionConfig,
}

/// Assignment of classes to centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CenterAssignment {
    /// At every step, the assignment of least distance to the running centers of the classes.
    Adaptive,
    /// A random assignment, fixed from the start.
    Random,
}

impl ActionPpConfig {
    /// Returns the recommended settings for a run of `iterations` in total: a quarter for pre-training, with
    /// labels from the start, and the rest for fine-tuning.
    pub fn new(iterations: u64) -> Self {
        let mut action = ActionConfig::new(0);
        action.iterations = [0, 1, 3];
        action.set_iterations(iterations);
        Self::of(action)
    }

    /// Returns the default settings of ACTION++ on top of these settings of ACTION.
    pub fn of(action: ActionConfig) -> Self {
        Self {
            adaptive_weight: 0.01,
            center_weight: 0.2,
            normalization: PositiveNormalization::Code,
            assignment: CenterAssignment::Adaptive,
            center_rate: 0.1,
            voxels: 256,
            hard_below: None,
            queue: 12_288,
            temperature: 0.07,
            schedule: Some(CosineTemperature::default()),
            teacher_schedule: None,
            action,
        }
    }

    /// Returns an ablation of the paper: `without_saacl`, `without_ats` or `random_assignment`.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let mut config = self;
        match name {
            "without_saacl" => config.adaptive_weight = 0.0,
            "without_ats" => (config.schedule, config.teacher_schedule) = (None, None),
            "random_assignment" => config.assignment = CenterAssignment::Random,
            _ => {
                let expected = "without_saacl, without_ats \
                     or random_assignment";
                return Err(MethodError::unknown(
                    "ablation of action_pp",
                    name,
                    expected,
                ));
            }
        }
        Ok(config)
    }

    /// Checks that representations are wide enough, as centers on the corners of a simplex need at least `classes − 1`
    /// dimensions, and that the queue holds the voxels of a step, as the first classes would be lost otherwise.
    fn check_centers(&self, classes: usize) -> Result<(), MethodError> {
        let (width, least) = (self.action.representation_width, classes - 1);
        let fits = width >= least || self.adaptive_weight == 0.0;
        let wanted = format!("at least {least}, for {classes} classes");
        expect(fits, "action.representation_width", &wanted, width)?;
        let least = self.voxels * classes;
        let fits = self.queue >= least || self.adaptive_weight == 0.0;
        let wanted = format!("at least {least}, voxels for each of {classes} classes");
        expect(fits, "queue", &wanted, self.queue)
    }

    /// Returns the temperature of `L_aaco` at a step of stage iii.
    pub(super) fn temperature(&self, at: &StepContext) -> f64 {
        match &self.schedule {
            Some(schedule) => schedule.at(at.stage_step, at.stage_steps),
            None => self.temperature,
        }
    }
}

impl MethodSettings for ActionPpConfig {
    ablations!();

    fn iterations(&self) -> u64 {
        self.action.iterations()
    }

    fn set_iterations(&mut self, iterations: u64) {
        self.action.set_iterations(iterations);
    }

    fn stages(&mut self) -> &mut [u64] {
        self.action.stages()
    }

    fn batch(&self) -> [usize; 2] {
        self.action.batch()
    }

    fn optimizer(&self) -> &OptimizerConfig {
        self.action.optimizer()
    }

    fn nesterov(&self) -> bool {
        self.action.nesterov()
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.action.set_optimizer(optimizer);
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.action.set_batch(batch);
    }

    fn control(&self) -> &'static str {
        self.action.control()
    }

    fn momenta(&mut self) -> Vec<&mut f64> {
        self.action.momenta()
    }

    fn maps_kept(&self) -> f64 {
        self.action.maps_kept()
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        let action = self.action.check(patch);
        action.map_err(|error| error.within("action"))?;
        expect_positive("temperature", self.temperature)?;
        expect_share("center_rate", self.center_rate)?;
        expect_share("hard_below", self.hard_below.unwrap_or(1.0))?;
        expect_weight("adaptive_weight", self.adaptive_weight)?;
        expect_weight("center_weight", self.center_weight)?;
        expect_some("voxels", self.voxels)?;
        expect_some("queue", self.queue)?;
        for (key, schedule) in [
            ("schedule", &self.schedule),
            ("teacher_schedule", &self.teacher_schedule),
        ] {
            let Some(schedule) = schedule else { continue };
            expect_positive(&format!("{key}.low"), schedule.low)?;
            expect_positive(&format!("{key}.high"), schedule.high)?;
            expect_positive(&format!("{key}.period"), schedule.period)?;
        }
        Ok(())
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        self.check(context.patch)?;
        self.check_centers(context.network.classes)?;
        let patch = context.patch;
        Ok(Method::new(context)
            .with_stage(ScheduledDistillation::new(self.clone(), patch, false))
            .with_stage(ScheduledDistillation::new(self.clone(), patch, true))
            .with_stage(AdaptiveContrast::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_total_is_split_into_pre_training_and_fine_tuning() {
        let config = ActionPpConfig::new(20_000);
        assert_eq!(config.action.iterations, [0, 5_000, 15_000]);
        assert_eq!(config.iterations(), 20_000);
    }

    #[test]
    fn ablations_change_what_they_name_and_an_unknown_one_lists_them() {
        let of = |name: &str| ActionPpConfig::new(10).ablation(name).unwrap();
        assert_eq!(of("without_saacl").adaptive_weight, 0.0);
        assert_eq!(of("without_ats").schedule, None);
        assert_eq!(of("random_assignment").assignment, CenterAssignment::Random);
        let message = ActionPpConfig::new(10).ablation("none").unwrap_err();
        assert!(message.to_string().contains("random_assignment"));
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut ActionPpConfig)| {
            let mut config = ActionPpConfig::new(10);
            change(&mut config);
            config.check([32; 3]).unwrap_err().to_string()
        };
        assert!(check(|c| c.center_rate = 1.5).contains("center_rate"));
        assert!(check(|c| c.queue = 0).contains("method.queue"));
        let queue = |queue, classes| {
            let config = ActionPpConfig {
                queue,
                ..ActionPpConfig::new(10)
            };
            config
                .check_centers(classes)
                .map_err(|error| error.to_string())
        };
        assert_eq!(queue(512, 2), Ok(()));
        assert!(
            queue(511, 2)
                .unwrap_err()
                .contains("at least 512, voxels for each of 2 classes")
        );
        let text = check(|c| c.action.weak_threshold = 2.0);
        assert!(text.contains("method.action.weak_threshold"), "{text}");
        let text = check(|c| c.action.optimizer.momentum = 1.0);
        assert!(text.contains("method.action.optimizer.momentum"), "{text}");
        let text = check(|c| c.schedule = c.schedule.map(|s| CosineTemperature { low: 0.0, ..s }));
        assert!(text.contains("schedule.low") && text.contains("found 0"));
    }
}
