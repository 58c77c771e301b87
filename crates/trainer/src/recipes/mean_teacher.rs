//! Mean teacher: the student agrees with its own moving average under noise.
//!
//! A. Tarvainen, H. Valpola, "Mean teachers are better role models", NeurIPS
//! 2017, arXiv 1703.01780, as the baseline of the field's 3D code (Yu et al.,
//! MICCAI 2019, arXiv 1907.07034) has it.
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
//! | SGD 0.01, momentum 0.9, weight decay 1e-4, rate divided by 10 at 5/12 and 10/12 | same |

use semivox_losses::{ConsistencyLossConfig, DiceCrossEntropyLossConfig};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::descent::Descent;
use crate::ema::warmed_up;
use crate::error::TrainError;
use crate::method::{MethodSettings, expect_both_kinds, expect_share};
use crate::noise::clipped_noise;
use crate::optimizer::OptimizerConfig;
use crate::recipe::{Recipe, Setting, Stage, StepContext};
use crate::schedule::sigmoid_ramp_up;
use crate::student_teacher::{NETWORKS, StudentTeacher, TeacherMode};
use crate::terms::{LossTerms, StepValues};

/// Settings of [`MeanTeacher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanTeacherConfig {
    /// Iterations in all.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and schedule.
    pub optimizer: OptimizerConfig,
    /// EMA momentum `m` of the teacher once warmed up.
    pub teacher_momentum: f64,
    /// `λ`, the weight of the consistency at the end of its ramp.
    pub consistency_weight: f64,
    /// Standard deviation of the teacher's noise, which is cut at twice this value.
    pub noise: f64,
}

impl MeanTeacherConfig {
    /// The field's settings for a run of `iterations`.
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
    fn iterations(&self) -> u64 {
        self.iterations
    }

    fn set_iterations(&mut self, iterations: u64) {
        self.iterations = iterations;
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.batch = batch;
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), TrainError> {
        self.optimizer.check()?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)
    }

    fn recipe(&self, setting: Setting) -> Result<Box<dyn Recipe>, TrainError> {
        Ok(Box::new(MeanTeacher::new(self.clone(), &setting)))
    }
}

/// Student and teacher.
pub struct MeanTeacher {
    config: MeanTeacherConfig,
    networks: StudentTeacher<Network>,
    descent: Descent,
}

impl MeanTeacher {
    /// A run of the method from a new network.
    pub fn new(config: MeanTeacherConfig, setting: &Setting) -> Self {
        Self {
            networks: StudentTeacher::new(setting.student()),
            descent: Descent::new(&config.optimizer),
            config,
        }
    }
}

impl Recipe for MeanTeacher {
    fn stages(&self) -> Vec<Stage> {
        Stage::only("mean teacher", self.config.iterations, self.config.batch)
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        let labels = batch.labeled.labels.clone();
        let [labeled, unlabeled] = self.config.batch;
        let [images, _] = batch.views();
        let logits = self.networks.student.forward(images.clone()).logits;
        let images = clipped_noise(images.narrow(0, labeled, unlabeled), self.config.noise);
        let teacher = self.networks.teach(images, TeacherMode::Train).logits;

        let supervised = DiceCrossEntropyLossConfig::new().init();
        let supervised = supervised.forward(logits.clone().narrow(0, 0, labeled), labels);
        let student = logits.narrow(0, labeled, unlabeled);
        let consistency = ConsistencyLossConfig::new()
            .init()
            .forward(student, teacher);
        let ramp = sigmoid_ramp_up(at.stage_step, at.stage_steps);
        let terms = LossTerms::new().with("supervised", 1.0, supervised).with(
            "consistency",
            self.config.consistency_weight * ramp,
            consistency,
        );

        let values = self.descent.step(&mut self.networks.student, terms, at)?;
        let momentum = warmed_up(self.config.teacher_momentum, at.stage_step);
        self.networks.move_teacher(momentum, TeacherMode::Train);
        Ok(values)
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.descent.learning_rate(at)
    }

    fn network(&self) -> &Network {
        &self.networks.student
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.networks.save(checkpoint, NETWORKS)?;
        self.descent.save(checkpoint)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.networks.load(checkpoint, NETWORKS)?;
        self.descent.load(checkpoint)
    }
}
