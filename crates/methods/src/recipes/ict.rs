//! ICT: interpolation consistency training. The student's prediction for a mix of two images is trained to equal
//! the mix of the teacher's predictions.
//!
//! V. Verma, A. Lamb, J. Kannala, Y. Bengio, D. Lopez-Paz, "Interpolation
//! Consistency Training for Semi-Supervised Learning", IJCAI 2019, arXiv
//! 1903.03825, as the field's segmentation code implements it.
//!
//! ```text
//! Mix_r(a, b) = (1 − r)·a + r·b,   r ~ Beta(α, α) for each pair
//! L     = ½ (L_ce + L_dice)(labeled) + λ(t) · L_con(unlabeled)
//! L_con = MSE(p_s(Mix_r(u, u')), Mix_r(p_t(u), p_t(u')))
//! λ(t)  = λ · exp(−5 (1 − t/T)²),   θ_t ← m_t·θ_t + (1 − m_t)·θ_s,   m_t = min(1 − 1/(t+1), m)
//! ```
//!
//! # Deviations
//!
//! | item | paper | the field's code (SSL4MIS) | here |
//! |---|---|---|---|
//! | pairs | two batches | the two halves of the unlabeled patches | the two halves; of an odd number, the one in the middle is in both |
//! | one unlabeled patch | – | cannot run | mixed with itself, hence unchanged |
//! | `α` | 0.1 to 1 by data set | 0.2 | 0.2, at most 1; `mixing` |
//! | teacher's passes | one | one for each half | one for all patches, so both halves share batch statistics |
//! | `λ` | 1 to 100 by data set | 0.1, ramped over the run | as the code |
//! | `m` | 0.999 | 0.99, with warm-up | as the code |
//! | optimizer | SGD, cosine | SGD 0.01, poly | that of the other baselines: 0.01, divided by 10 at 5/12 and 10/12 |

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_data::rng::{beta, keyed};
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
    MethodSettings, expect, expect_both_kinds, expect_share, expect_weight, one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;

/// Settings of [`Ict`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IctConfig {
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
    /// `α` of Beta(α, α), from which mixing factors are drawn; small values mix little.
    pub mixing: f64,
}

impl IctConfig {
    /// Returns the field's usual settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            teacher_momentum: 0.99,
            consistency_weight: 0.1,
            mixing: 0.2,
        }
    }
}

impl MethodSettings for IctConfig {
    one_stage_settings!();

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        let drawable = self.mixing > 0.0 && self.mixing <= 1.0;
        expect(drawable, "mixing", "above 0 and at most 1", self.mixing)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(Ict::new(self.clone())))
    }
}

/// The only stage of ICT.
pub struct Ict {
    config: IctConfig,
    supervised: DiceCrossEntropyLoss,
    consistency: ConsistencyLoss,
}

impl Ict {
    /// Creates the stage with these settings.
    pub fn new(config: IctConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
            consistency: ConsistencyLossConfig::new().init(),
        }
    }

    /// Draws `r` of each pair of unlabeled patches, `[pairs, 1, 1, 1, 1]`.
    fn factors(&self, at: &StepContext) -> Tensor<5> {
        let pairs = self.config.batch[1].div_ceil(2);
        let mut rng = keyed(at.seed, at.step, "interpolation");
        let drawn = (0..pairs).map(|_| beta(&mut rng, self.config.mixing) as f32);
        let drawn = TensorData::new(drawn.collect(), [pairs, 1, 1, 1, 1]);
        Tensor::from_data(drawn, &at.device)
    }
}

/// Computes `Mix_r` of the first and the second half of a batch; of an odd number, the middle one is in both.
fn interpolate(batch: Tensor<5>, factors: Tensor<5>) -> Tensor<5> {
    let (count, pairs) = (batch.dims()[0], factors.dims()[0]);
    let first = batch.clone().narrow(0, 0, pairs);
    let second = batch.narrow(0, count - pairs, pairs);
    let difference = second - first.clone();
    first + difference * factors
}

impl Stage for Ict {
    type State = StudentTeacher<Network>;

    fn plan(&self) -> StagePlan {
        let IctConfig {
            iterations, batch, ..
        } = self.config;
        StagePlan::weak("interpolation consistency", iterations, batch)
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
        let images = batch
            .unlabeled
            .expect("the stage plans unlabeled patches")
            .weak;
        let factors = self.factors(at);
        let mixed = interpolate(images.clone(), factors.clone());
        let counts = [self.config.batch[0], mixed.dims()[0]];
        let seen = Tensor::cat(vec![batch.labeled.weak, mixed], 0);
        let [labeled, student] = split(networks.student.forward(seen).logits, counts);
        let teacher = networks.teacher.forward(images).logits;

        let supervised = self.supervised.forward(labeled, batch.labeled.labels);
        let target = interpolate(softmax(teacher, 1), factors);
        let consistency = self.consistency.forward_probabilities(student, target);
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

    /// Mixes a batch whose element `b` has the value `b`.
    fn mixed(count: usize, factor: f32) -> Vec<f32> {
        let device = Device::flex();
        let batch = Tensor::<1, Int>::arange(0..count as i64, &device).float();
        let pairs = count.div_ceil(2);
        let factors = Tensor::full([pairs, 1, 1, 1, 1], factor, &device);
        let mixed = interpolate(batch.reshape([count, 1, 1, 1, 1]), factors);
        mixed.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn halves_are_mixed_and_one_alone_stays_itself() {
        assert_eq!(mixed(4, 0.25), [0.5, 1.5]);
        assert_eq!(mixed(4, 0.0), [0.0, 1.0]);
        assert_eq!(mixed(3, 0.5), [0.5, 1.5]);
        assert_eq!(mixed(1, 0.3), [0.0]);
    }

    #[test]
    fn a_factor_that_cannot_be_drawn_is_refused_by_name() {
        for mixing in [0.0, 1.5, f64::NAN] {
            let config = IctConfig {
                mixing,
                ..IctConfig::new(10)
            };
            let message = config.check([16; 3]).unwrap_err().to_string();
            assert!(message.contains("method.mixing"), "{message}");
        }
    }
}
