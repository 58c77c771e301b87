//! Settings of SS-Net.

use semivox_losses::DiceForm;
use serde::{Deserialize, Serialize};

use super::SsNet;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_some, expect_weight, one_stage_settings,
};
use crate::optimizer::OptimizerConfig;
use crate::recipes::whole_run;
use crate::schedule::LearningRate;

/// Settings of [`SsNet`]; the defaults are those of the public code for volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SsNetConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// Weight of the smoothness at the end of its ramp-up.
    pub smoothness_weight: f64,
    /// Weights of the separation on labeled and on unlabeled patches at the end of their ramp-up.
    pub separation_weights: [f64; 2],
    /// Share of the run over which these weights rise.
    #[serde(default = "whole_run")]
    pub ramp_share: f64,
    /// `D`, the distance between the predictions for an image and for its perturbation.
    pub distance: DiceForm,
    /// `ε`, the Euclidean norm of a patch's perturbation.
    pub magnitude: f64,
    /// `ξ`, the norm of the perturbation at which the adversarial direction is found.
    pub probe: f64,
    /// Number of gradients taken to find the adversarial direction.
    pub power_iterations: usize,
    /// Length of the embeddings.
    pub width: usize,
    /// Largest number of prototypes of a class.
    pub prototypes: usize,
    /// Largest number of voxels of a class that take part in the separation, drawn anew in each step.
    pub voxels: usize,
    /// Whether the background has prototypes too.
    pub background: bool,
}

impl SsNetConfig {
    /// Returns the settings of the public code for volumes in a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig {
                schedule: LearningRate::Step {
                    milestones: (1..6).map(|sixth| f64::from(sixth) / 6.0).collect(),
                    factor: 0.1,
                },
                ..OptimizerConfig::default()
            },
            smoothness_weight: 1.0,
            separation_weights: [0.1, 0.1],
            ramp_share: 0.4,
            distance: DiceForm::Joint,
            magnitude: 10.0,
            probe: 10.0,
            power_iterations: 1,
            width: 32,
            prototypes: 32,
            voxels: 4_096,
            background: false,
        }
    }

    /// Returns the settings of the public code for slices in a run of `iterations`.
    pub fn official_2d(iterations: u64) -> Self {
        Self {
            batch: [12, 12],
            optimizer: OptimizerConfig {
                schedule: LearningRate::Constant,
                ..OptimizerConfig::default()
            },
            smoothness_weight: 0.1,
            separation_weights: [0.01, 0.01],
            ramp_share: 1.0,
            distance: DiceForm::PerClass,
            magnitude: 6.0,
            ..Self::new(iterations)
        }
    }

    fn ablation(mut self, name: &str) -> Result<Self, MethodError> {
        match name {
            "without_smoothness" => self.smoothness_weight = 0.0,
            "without_separation" => self.separation_weights = [0.0; 2],
            _ => {
                let known = "without_smoothness or without_separation";
                return Err(MethodError::unknown("ablation", name, known));
            }
        }
        Ok(self)
    }
}

impl MethodSettings for SsNetConfig {
    one_stage_settings!();
    ablations!();

    fn maps_kept(&self) -> f64 {
        2.6
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_both_kinds("batch", self.batch)?;
        expect_weight("smoothness_weight", self.smoothness_weight)?;
        for weight in self.separation_weights {
            expect_weight("separation_weights", weight)?;
        }
        expect_share("ramp_share", self.ramp_share)?;
        expect_weight("magnitude", self.magnitude)?;
        expect_positive("probe", self.probe)?;
        expect_some("power_iterations", self.power_iterations)?;
        expect_some("width", self.width)?;
        for (key, count) in [("prototypes", self.prototypes), ("voxels", self.voxels)] {
            expect(count > 1, key, "at least 2", count)?;
        }
        Ok(())
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(SsNet::new(self.clone())))
    }
}
