//! CPS: two networks, each of which learns from the other's labels.
//!
//! X. Chen, Y. Yuan, G. Zeng, J. Wang, "Semi-Supervised Semantic Segmentation
//! with Cross Pseudo Supervision", CVPR 2021, arXiv 2106.01226.
//!
//! ```text
//! L     = Σ_m ½ (L_ce + L_dice)(F_m; labeled) + λ(t) · L_cps
//! L_cps = L_ce(F_1, y_2) + L_ce(F_2, y_1),   y_m = argmax_c F_m (constant)
//! λ(t)  = λ · exp(−5 (1 − t/T)²)
//! ```
//!
//! Both networks have one architecture and different random beginnings. The
//! first is evaluated.
//!
//! # Deviations
//!
//! | item | paper | the field's code (SSL4MIS) | here |
//! |---|---|---|---|
//! | `L_cps` on | labeled and unlabeled images | unlabeled | unlabeled, as the labels of the others are known |
//! | `L_sup` | cross-entropy, mean of the two networks | ½ (cross-entropy + Dice), sum of the two | as the code |
//! | `λ` | 1.5 to 6 by data set, constant | 0.1, ramped over the run | as the code |
//! | beginnings | backbone pretrained, heads from different seeds | one network Kaiming's, the other Xavier's | one initializer, different seeds |
//! | optimizer | SGD, poly | one for each network, SGD 0.01, poly | one for both, which is the same unless `clip_norm` is set; rate divided by 10 at 5/12 and 10/12 as in the other baselines |
//! | CutMix | a variant | – | – |
//! | at test time | first network | each on its own | first network |

use burn::prelude::*;
use rand::Rng;
use semivox_data::rng::keyed;
use semivox_losses::{CrossPseudoLossConfig, DiceCrossEntropyLossConfig};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::descent::Descent;
use crate::error::TrainError;
use crate::method::{MethodSettings, expect_both_kinds};
use crate::optimizer::OptimizerConfig;
use crate::recipe::{Recipe, Setting, Stage, StepContext};
use crate::schedule::sigmoid_ramp_up;
use crate::terms::{LossTerms, StepValues};

/// The names of the two networks in a checkpoint; the first is the one that is evaluated.
const PAIR: [&str; 2] = ["student", "second"];

/// Settings of [`Cps`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpsConfig {
    /// Iterations in all.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and schedule.
    pub optimizer: OptimizerConfig,
    /// `λ`, the weight of the cross pseudo supervision at the end of its ramp.
    pub pseudo_weight: f64,
}

impl CpsConfig {
    /// The field's settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SupervisedConfig::new(iterations).optimizer,
            pseudo_weight: 0.1,
        }
    }
}

impl MethodSettings for CpsConfig {
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
        expect_both_kinds("batch", self.batch)
    }

    fn recipe(&self, setting: Setting) -> Result<Box<dyn Recipe>, TrainError> {
        Ok(Box::new(Cps::new(self.clone(), &setting)))
    }
}

/// Two networks that share nothing.
#[derive(Module, Debug)]
struct Pair {
    first: Network,
    second: Network,
}

impl Pair {
    /// The first as every method's student, the second from a seed of its own.
    fn new(setting: &Setting) -> Self {
        let first = setting.student();
        let seed = keyed(setting.seed, 0, "second network").next_u64();
        let setting = Setting {
            seed,
            ..setting.clone()
        };
        let second = setting.student();
        Self { first, second }
    }

    /// Both networks' logits.
    fn forward(&self, images: Tensor<5>) -> [Tensor<5>; 2] {
        [&self.first, &self.second].map(|network| network.forward(images.clone()).logits)
    }
}

/// The two networks.
pub struct Cps {
    config: CpsConfig,
    networks: Pair,
    descent: Descent,
}

impl Cps {
    /// A run of the method from new networks.
    pub fn new(config: CpsConfig, setting: &Setting) -> Self {
        Self {
            networks: Pair::new(setting),
            descent: Descent::new(&config.optimizer),
            config,
        }
    }
}

impl Recipe for Cps {
    fn stages(&self) -> Vec<Stage> {
        let CpsConfig {
            iterations, batch, ..
        } = self.config;
        Stage::only("cross pseudo supervision", iterations, batch)
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        let labels = batch.labeled.labels.clone();
        let [labeled, unlabeled] = self.config.batch;
        let [images, _] = batch.views();
        let logits = self.networks.forward(images);

        let supervised = DiceCrossEntropyLossConfig::new().init();
        let [first, second] = logits
            .each_ref()
            .map(|logits| supervised.forward(logits.clone().narrow(0, 0, labeled), labels.clone()));
        let [one, other] = logits.map(|logits| logits.narrow(0, labeled, unlabeled));
        let pseudo = CrossPseudoLossConfig::new().init();
        let [of_one, of_other] = pseudo.forward_each(one, other);
        let weight = self.config.pseudo_weight * sigmoid_ramp_up(at.stage_step, at.stage_steps);
        let terms = LossTerms::new()
            .with("supervised", 1.0, first)
            .with("supervised_second", 1.0, second)
            .with("pseudo", weight, of_one)
            .with("pseudo_second", weight, of_other);
        self.descent.step(&mut self.networks, terms, at)
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.descent.learning_rate(at)
    }

    fn network(&self) -> &Network {
        &self.networks.first
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module(PAIR[0], &self.networks.first)?;
        checkpoint.module(PAIR[1], &self.networks.second)?;
        self.descent.save(checkpoint)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        let Pair { first, second } = self.networks.clone();
        self.networks = Pair {
            first: checkpoint.module(PAIR[0], first)?,
            second: checkpoint.module(PAIR[1], second)?,
        };
        self.descent.load(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_models::NetworkConfig;

    #[test]
    fn the_networks_begin_apart() {
        let device = Device::flex().autodiff();
        let setting = crate::testing::setting(NetworkConfig::new(1, 2).with_filters(1), [16; 3]);
        let images = Tensor::ones([1, 1, 16, 16, 16], &device);
        let [first, second] = Pair::new(&setting).forward(images).map(Tensor::into_data);
        assert_ne!(first, second);
    }
}
