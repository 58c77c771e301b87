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
use semivox_losses::{
    CrossPseudoSupervisionLoss, CrossPseudoSupervisionLossConfig, DiceCrossEntropyLoss,
};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use super::SupervisedConfig;
use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_weight, one_stage_settings,
};
use crate::one_stage::{Networks, OneStage, OneStageRecipe};
use crate::optimizer::OptimizerConfig;
use crate::recipe::{Recipe, Setting, Stage, StepContext};
use crate::terms::LossTerms;

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
    one_stage_settings!();

    fn check(&self, _patch: [usize; 3]) -> Result<(), TrainError> {
        self.optimizer.check()?;
        expect_weight("pseudo_weight", self.pseudo_weight)?;
        expect_both_kinds("batch", self.batch)
    }

    fn recipe(&self, setting: Setting) -> Result<Box<dyn Recipe>, TrainError> {
        Ok(Box::new(Cps::new(self.clone(), &setting)))
    }
}

/// Two networks that share nothing.
#[derive(Module, Debug)]
pub struct Pair {
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

/// The first is evaluated.
impl Networks for Pair {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn network(&self) -> &Network {
        &self.first
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module(PAIR[0], &self.first)?;
        checkpoint.module(PAIR[1], &self.second)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.first = checkpoint.module(PAIR[0], self.first.clone())?;
        self.second = checkpoint.module(PAIR[1], self.second.clone())?;
        Ok(())
    }
}

/// The two networks.
pub struct Cps {
    config: CpsConfig,
    supervised: DiceCrossEntropyLoss,
    pseudo: CrossPseudoSupervisionLoss,
}

impl Cps {
    /// A run of the method from new networks.
    pub fn new(config: CpsConfig, setting: &Setting) -> OneStageRecipe<Self> {
        let optimizer = config.optimizer.clone();
        let method = Self {
            config,
            supervised: supervised_loss(),
            pseudo: CrossPseudoSupervisionLossConfig::new().init(),
        };
        OneStageRecipe::new(Pair::new(setting), optimizer, method)
    }
}

impl OneStage for Cps {
    type Networks = Pair;

    fn stage(&self) -> Stage {
        let CpsConfig {
            iterations, batch, ..
        } = self.config;
        Stage::only("cross pseudo supervision", iterations, batch)
    }

    fn terms(&self, networks: &Pair, batch: Batch, at: &StepContext) -> LossTerms {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let logits = networks.forward(images);
        let [[of_first, first], [of_second, second]] =
            logits.map(|logits| split(logits, self.config.batch));

        let [of_first, of_second] =
            [of_first, of_second].map(|logits| self.supervised.forward(logits, labels.clone()));
        let [first, second] = self.pseudo.forward_each(first, second);
        let weight = self.config.pseudo_weight * at.ramp();
        LossTerms::new()
            .with("supervised", 1.0, of_first)
            .with("supervised_second", 1.0, of_second)
            .with("pseudo", weight, first)
            .with("pseudo_second", weight, second)
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
