//! Mean teacher: consistency between a student and its moving average on noisy input.
//!
//! A. Tarvainen, H. Valpola, "Mean teachers are better role models", NeurIPS
//! 2017, arXiv 1703.01780, as the baseline of the field's 3D code (Yu et al.,
//! MICCAI 2019, arXiv 1907.07034) implements it.
//!
//! ```text
//! L = ½ (L_ce + L_dice)(labeled) + λ(t) · L_con(unlabeled)
//! λ(t) = λ · exp(−5 (1 − t/T)²),   θ_t ← m_t·θ_t + (1 − m_t)·θ_s,   m_t = min(1 − 1/(t+1), m)
//! ```
//!
//! | choice | origin |
//! |---|---|
//! | one forward pass of labeled and unlabeled patches together | the field's code |
//! | the teacher sees the patches with noise `clip(0.1·N(0,1), −0.2, 0.2)` | same |
//! | λ 0.1, ramp over the whole run, m 0.99, teacher in train mode | same |
//! | SGD 0.01, momentum 0.9, weight decay 1e-4 | same |
//! | rate divided by 10 at 5/12 and 10/12 | UA-MT's script; the one for plain mean teacher (SSL4MIS) has polynomial decay |
//! | consistency from the first step | UA-MT's script and the 3D one of SSL4MIS; its 2D script begins after 1,000 iterations |

use semivox_losses::{ConsistencyLoss, ConsistencyLossConfig, DiceCrossEntropyLoss};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_share, expect_weight, one_stage_settings,
};
use crate::noise::clipped_noise;
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;

/// Settings of [`MeanTeacher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanTeacherConfig {
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
}

impl MeanTeacherConfig {
    /// Returns the field's usual settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            teacher_momentum: 0.99,
            consistency_weight: 0.1,
            noise: 0.1,
        }
    }
}

impl MethodSettings for MeanTeacherConfig {
    one_stage_settings!();

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_weight("noise", self.noise)?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(MeanTeacher::new(self.clone())))
    }
}

/// The only stage of mean teacher.
pub struct MeanTeacher {
    config: MeanTeacherConfig,
    supervised: DiceCrossEntropyLoss,
    consistency: ConsistencyLoss,
}

impl MeanTeacher {
    /// Creates the stage with these settings.
    pub fn new(config: MeanTeacherConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
            consistency: ConsistencyLossConfig::new().init(),
        }
    }
}

impl Stage for MeanTeacher {
    type State = StudentTeacher<Network>;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("mean teacher", self.config.iterations, self.config.batch)
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
        let images = clipped_noise(images, self.config.noise);
        let teacher = networks.teacher.forward(images).logits;

        let supervised = self.supervised.forward(labeled, labels);
        let consistency = self.consistency.forward(student, teacher);
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
