//! UA-MT: uncertainty-aware mean teacher, with consistency only where the teacher is certain.
//!
//! L. Yu, S. Wang, X. Li, C.-W. Fu, P.-A. Heng, "Uncertainty-aware
//! Self-ensembling Model for Semi-supervised 3D Left Atrium Segmentation",
//! MICCAI 2019, arXiv 1907.07034.
//!
//! ```text
//! L     = ½ (L_ce + L_dice)(labeled) + λ(t) · L_con(unlabeled)
//! p̄     = 1/T · Σ_i softmax F_t(x + η_i; dropout),   u = −Σ_c p̄_c ln p̄_c         Eq. 2
//! L_con = Σ 1[u < H(t)] ‖p_s − p_t‖² / Σ 1[u < H(t)]                             Eq. 3
//! H(t)  = (¾ + ¼·Ψ(t)) · ln C,   λ(t) = λ·Ψ(t),   Ψ(t) = exp(−5 (1 − t/T)²)
//! θ_t ← m_t·θ_t + (1 − m_t)·θ_s,   m_t = min(1 − 1/(t+1), m)
//! ```
//!
//! # Deviations
//!
//! | item | paper | authors' code | here |
//! |---|---|---|---|
//! | passes | 8, noise and dropout | 8, on two copies of the batch at a time, besides the one that gives `p_t` | 8 besides that one, each on one copy; `passes` |
//! | noise | Gaussian | `clip(0.1·N(0,1), ±0.2)`, on the teacher's input | as the code; `noise` |
//! | largest entropy | "maximum uncertainty value" | ln 2, for two classes; SSL4MIS also for four | ln C, at which a voxel between two of several classes counts as certain; `threshold` |
//! | logarithm of 0 | – | `ln(p + 1e-6)` | 0 · ln 0 = 0 |
//! | denominator | certain voxels | twice the certain voxels, plus 1e-16 | C times, plus 1e-16 |
//! | ramp | over the run | over 40 × 150 of 6,000 iterations, in steps of 150 | over the run, at every step |
//! | EMA | 0.99 | with warm-up | as the code |
//! | Dice in `L_sup` | – | foreground | all classes, as in every recipe here |
//! | SGD | 0.01, divided by 10 every 2,500 of 6,000 | the same | at 5/12 and 10/12 of the run |

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_losses::{
    DiceCrossEntropyLoss, UncertaintyConsistencyLoss, UncertaintyConsistencyLossConfig,
    predictive_entropy,
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
    MethodSettings, expect, expect_both_kinds, expect_share, expect_weight, one_stage_settings,
};
use crate::noise::clipped_noise;
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;

/// Settings of [`UaMt`]; the defaults are those of paper and code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UaMtConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// EMA momentum `m` of the teacher once warmed up.
    pub teacher_momentum: f64,
    /// `λ`, the weight of the consistency at the end of its ramp-up.
    pub consistency_weight: f64,
    /// Standard deviation of the teacher's noise, which is cut at twice this value.
    pub noise: f64,
    /// Number of stochastic forward passes of the teacher from which its uncertainty is estimated.
    pub passes: usize,
    /// Initial threshold of the uncertainty as a share of the largest entropy; it rises to 1.
    pub threshold: f64,
}

impl UaMtConfig {
    /// Returns the paper's settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            teacher_momentum: 0.99,
            consistency_weight: 0.1,
            noise: 0.1,
            passes: 8,
            threshold: 0.75,
        }
    }
}

impl MethodSettings for UaMtConfig {
    one_stage_settings!();

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_weight("noise", self.noise)?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        expect_share("threshold", self.threshold)?;
        expect(self.passes > 0, "passes", "at least 1", self.passes)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(UaMt::new(self.clone())))
    }
}

/// The only stage of UA-MT.
pub struct UaMt {
    config: UaMtConfig,
    supervised: DiceCrossEntropyLoss,
    consistency: UncertaintyConsistencyLoss,
}

impl UaMt {
    /// Creates the stage with these settings.
    pub fn new(config: UaMtConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
            consistency: UncertaintyConsistencyLossConfig::new().init(),
        }
    }

    /// Computes the teacher's logits with dropout and noise, drawn anew at each call.
    fn stochastic_pass(&self, networks: &StudentTeacher<Network>, images: &Tensor<5>) -> Tensor<5> {
        let noisy = clipped_noise(images.clone(), self.config.noise);
        networks.teacher.forward(noisy).logits
    }

    /// Computes the uncertainty `u`, Eq. 2: the entropy of the mean probability over all passes.
    fn uncertainty(&self, networks: &StudentTeacher<Network>, images: &Tensor<5>) -> Tensor<5> {
        let pass = |_| softmax(self.stochastic_pass(networks, images), 1);
        let sum = (1..self.config.passes).map(pass).fold(pass(0), Tensor::add);
        predictive_entropy(sum / self.config.passes as f64)
    }

    /// Returns the threshold `H(t)` for the ramp-up factor `Ψ(t)`.
    fn threshold(&self, classes: usize, ramp: f64) -> f64 {
        let share = self.config.threshold + (1.0 - self.config.threshold) * ramp;
        share * (classes as f64).ln()
    }
}

impl Stage for UaMt {
    type State = StudentTeacher<Network>;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("ua-mt", self.config.iterations, self.config.batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Self::State, MethodError> {
        Ok(networks.into())
    }

    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let logits = networks.student.forward(images.clone()).logits;
        let [labeled, student] = split(logits, self.config.batch);
        let [_, images] = split(images, self.config.batch);
        let teacher = self.stochastic_pass(networks, &images);
        let uncertainty = self.uncertainty(networks, &images);

        let supervised = self.supervised.forward(labeled, labels);
        let threshold = self.threshold(student.dims()[1], at.ramp());
        let consistency = (self.consistency).forward(student, teacher, uncertainty, threshold);
        let weight = self.config.consistency_weight * at.ramp();
        Ok(LossTerms::new().with("supervised", 1.0, supervised).with(
            "consistency",
            weight,
            consistency,
        ))
    }

    fn after_step(&self, networks: &mut Self::State, at: &StepContext) -> Result<(), MethodError> {
        networks.update_warmed_up(self.config.teacher_momentum, at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{begun, context};
    use semivox_models::NetworkConfig;

    #[test]
    fn the_threshold_rises_from_three_quarters_of_the_largest_entropy_to_all_of_it() {
        let device = crate::testing::device();
        let context = context(NetworkConfig::new(1, 4).with_filters(2), [16; 3]);
        let running = begun(UaMt::new(UaMtConfig::new(10)), &context);
        let (method, networks) = (&running.stage, running.state());
        assert!((method.threshold(2, 0.0) - 0.75 * 2f64.ln()).abs() < 1e-12);
        assert!((method.threshold(4, 1.0) - 4f64.ln()).abs() < 1e-12);

        let images = Tensor::ones([1, 1, 16, 16, 16], &device);
        let passes = [0, 1].map(|_| method.stochastic_pass(networks, &images).into_data());
        assert_ne!(passes[0], passes[1], "dropout and noise are drawn anew");
        let uncertainty = method.uncertainty(networks, &images);
        assert_eq!(uncertainty.dims(), [1, 1, 16, 16, 16]);
        assert!(!uncertainty.is_tracked(), "no pass records a graph");
        assert!(uncertainty.max().into_scalar::<f32>() <= 4f32.ln() + 1e-5);
    }
}
