//! DTC: dual-task consistency between the segmentation and the signed distance map of one network.
//!
//! X. Luo, J. Chen, T. Song, G. Wang, "Semi-supervised Medical Image Segmentation through Dual-task
//! Consistency", AAAI 2021, arXiv 2009.04448.
//!
//! ```text
//! L     = L_seg + β·MSE(z, T(y)) + λ(t)·L_dtc
//! L_dtc = mean (p_c − T⁻¹(z_c))²,   T⁻¹(z) = 1 / (1 + exp(k z))        labeled and unlabeled
//! λ(t)  = λ · exp(−5 (1 − t/T)²)
//! ```
//!
//! `z` is the output of the network's tanh branch and `T(y)` the signed distance of the labels: negative inside,
//! positive outside, each side scaled to 1.
//!
//! # Deviations
//!
//! | item | paper | public code | here |
//! |---|---|---|---|
//! | `L_seg` | Dice | Dice of the foreground, weight 1 | ½ (CE + Dice), as in every recipe here, of which the Dice of the foreground is a part of ½ (1 − 1/C), so that `λ` weighs more |
//! | output | one probability, one map | one logit, sigmoid | softmax; one map per foreground class, against its probability |
//! | `k` | 1500 | same | same; `steepness` |
//! | `β` | – | 0.3 | same; `distance_weight` |
//! | `λ` | 1 | same | same; `consistency_weight` |
//! | ramp | over the whole run | in 40 steps of 150 iterations, the whole run of 6,000 | over the whole run |
//! | gradient of `L_dtc` | through both tasks | same | same |
//! | patch without the object, or nothing else | not given | without the object map 0, for which `T⁻¹` is ½; if there is nothing else 0/0, NaN | 1, or −1: all outside or inside; `absent_class = "zero"` |
//! | ignored voxels | – | – | outside in the distance map, without weight in its loss and in `L_seg` |
//! | schedule | rate ÷10 every 2,500 of 6,000 iterations | same | at the same shares of the run |

use burn::prelude::*;
use semivox_losses::{
    DiceCrossEntropyLoss, DualTaskConsistencyLoss, DualTaskConsistencyLossConfig,
    SignedDistanceLoss, SignedDistanceLossConfig,
};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_positive, expect_weight, one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::signed_distance::DistanceTargets;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Settings of [`Dtc`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DtcConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `β`, the weight of the signed distance in the supervised loss.
    pub distance_weight: f64,
    /// `λ`, the weight of the consistency at the end of its ramp-up.
    pub consistency_weight: f64,
    /// `k`, the steepness of the sigmoid that turns a distance into a probability.
    pub steepness: f64,
    /// Signed distance where a labeled patch has no surface of a class.
    pub absent_class: AbsentClass,
}

/// Signed distance in a patch that has no voxel of a class, or only voxels of that class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentClass {
    /// 1, all outside, or −1, all inside.
    Outside,
    /// 0, the distance on a surface, as in the public code without a voxel of the class.
    Zero,
}

impl DtcConfig {
    /// Returns the paper's settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            distance_weight: 0.3,
            consistency_weight: 1.0,
            steepness: 1500.0,
            absent_class: AbsentClass::Outside,
        }
    }
}

impl MethodSettings for DtcConfig {
    one_stage_settings!();

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("distance_weight", self.distance_weight)?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_both_kinds("batch", self.batch)?;
        expect_positive("steepness", self.steepness)
    }

    fn method(&self, mut context: MethodContext) -> Result<Method, MethodError> {
        let classes = context.network.classes;
        context.network.signed_distance = Some(classes - 1);
        Ok(Method::new(context).with_stage(Dtc::new(self.clone(), classes)))
    }
}

/// The only stage of DTC.
pub struct Dtc {
    config: DtcConfig,
    classes: usize,
    supervised: DiceCrossEntropyLoss,
    distance: SignedDistanceLoss,
    consistency: DualTaskConsistencyLoss,
}

impl Dtc {
    /// Creates the stage with these settings.
    pub fn new(config: DtcConfig, classes: usize) -> Self {
        let consistency = DualTaskConsistencyLossConfig::new().with_steepness(config.steepness);
        Self {
            config,
            classes,
            supervised: supervised_loss(),
            distance: SignedDistanceLossConfig::new().init(),
            consistency: consistency.init(),
        }
    }

    /// Computes `T(y)`, one map per foreground class.
    fn targets(&self, labels: &Tensor<5, Int>) -> DistanceTargets {
        let mut targets = DistanceTargets::new(labels, self.classes);
        if self.config.absent_class == AbsentClass::Outside {
            targets.maps = targets.maps + without_surface(labels, self.classes);
        }
        targets
    }
}

/// Marks classes without a surface: 1 if a patch has no voxel of the class, −1 if it has no other, else 0.
///
/// The result is `[batch, classes − 1, 1, 1, 1]`.
fn without_surface(labels: &Tensor<5, Int>, classes: usize) -> Tensor<5> {
    let signs = (1..classes as i64).map(|class| {
        let mask: Tensor<3> = labels.clone().equal_elem(class).float().flatten(2, 4);
        let (most, least) = (mask.clone().max_dim(2), mask.min_dim(2));
        (most + least).neg().add_scalar(1.0)
    });
    Tensor::cat(signs.collect(), 1).unsqueeze_dims(&[3, 4])
}

impl Stage for Dtc {
    type State = Network;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("dtc", self.config.iterations, self.config.batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
        Ok(networks.student)
    }

    fn terms(
        &self,
        network: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let output = network.forward(images);
        let distances = output.signed_distance.expect("built with this head");
        let [labeled, _] = split(output.logits.clone(), self.config.batch);
        let [labeled_distances, _] = split(distances.clone(), self.config.batch);

        let targets = self.targets(&labels);
        let supervised = self.supervised.forward(labeled, labels);
        let distance = targets.loss(&self.distance, labeled_distances);
        let consistency = self.consistency.forward(output.logits, distances);
        let weight = self.config.consistency_weight * at.ramp();
        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("signed_distance", self.config.distance_weight, distance)
            .with("consistency", weight, consistency))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_class_without_surface_is_outside_or_inside_unless_zero_is_asked_for() {
        // Class 1 borders on class 2, which fills the second patch.
        let device = crate::testing::device();
        let labels = Tensor::<5, Int>::from_ints([[[[[1, 2, 2]]]], [[[[2, 2, 2]]]]], &device);
        let found = |absent_class| {
            let config = DtcConfig {
                absent_class,
                ..DtcConfig::new(10)
            };
            let maps = Dtc::new(config, 3).targets(&labels).maps;
            maps.into_data().try_to_vec::<f32>().unwrap()
        };
        let surface = [0.0, 0.5, 1.0, 1.0, 0.0, -0.5];
        let [outside, zero] = [AbsentClass::Outside, AbsentClass::Zero].map(found);
        assert_eq!(outside[..3], surface[..3]);
        assert_eq!(zero[..6], outside[..6]);
        assert_eq!(outside[6..], [1.0, 1.0, 1.0, -1.0, -1.0, -1.0]);
        assert_eq!(zero[6..], [0.0; 6]);
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let config = DtcConfig {
            steepness: 0.0,
            ..DtcConfig::new(10)
        };
        let message = config.check([16; 3]).unwrap_err().to_string();
        assert!(message.contains("method.steepness: expected above 0, found 0"));
    }
}
