//! CPS: cross pseudo supervision, two networks that learn from each other's pseudo-labels.
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
//! Both networks have the same architecture and different initial weights. The
//! first is evaluated.
//!
//! # Deviations
//!
//! | item | paper | the field's code (SSL4MIS) | here |
//! |---|---|---|---|
//! | `L_cps` on | labeled and unlabeled images | unlabeled | unlabeled, as the other patches have true labels |
//! | `L_sup` | cross-entropy, mean of the two networks | ½ (cross-entropy + Dice), sum of the two | as the code |
//! | `λ` | 1.5 to 6 by data set, constant | 0.1, ramped over the run | as the code |
//! | initial weights | backbone pretrained, heads from different seeds | one network Kaiming, the other Xavier (3D); one initializer (2D) | one initializer, different seeds |
//! | optimizer | SGD, poly | one for each network, SGD 0.01, poly | one for both, which is the same unless `clip_norm` is set; rate divided by 10 at 5/12 and 10/12 as in the other baselines |
//! | CutMix | a variant | – | – |
//! | at test time | first network | each separately | first network |

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
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_weight, one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::pair::Pair;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Settings of [`Cps`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpsConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `λ`, the weight of the cross pseudo supervision at the end of its ramp-up.
    pub pseudo_weight: f64,
}

impl CpsConfig {
    /// Returns the field's usual settings for a run of `iterations`.
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

    fn maps_kept(&self) -> f64 {
        2.0
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("pseudo_weight", self.pseudo_weight)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(Cps::new(self.clone())))
    }
}

/// Returns a second network of the same architecture, drawn from another seed.
fn second_network(context: &MethodContext) -> Network {
    let seed = keyed(context.seed, 0, "second network").next_u64();
    let context = MethodContext {
        seed,
        ..context.clone()
    };
    context.student()
}

/// The only stage of CPS.
pub struct Cps {
    config: CpsConfig,
    supervised: DiceCrossEntropyLoss,
    pseudo: CrossPseudoSupervisionLoss,
}

impl Cps {
    /// Creates the stage with these settings.
    pub fn new(config: CpsConfig) -> Self {
        Self {
            config,
            supervised: supervised_loss(),
            pseudo: CrossPseudoSupervisionLossConfig::new().init(),
        }
    }
}

impl Stage for Cps {
    type State = Pair<Network>;

    fn plan(&self) -> StagePlan {
        let CpsConfig {
            iterations, batch, ..
        } = self.config;
        StagePlan::weak("cross pseudo supervision", iterations, batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Pair<Network>, MethodError> {
        Ok(Pair {
            first: networks.student,
            second: second_network(context),
        })
    }

    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let logits = [&networks.first, &networks.second]
            .map(|network| network.forward(images.clone()).logits);
        let [[of_first, first], [of_second, second]] =
            logits.map(|logits| split(logits, self.config.batch));

        let [of_first, of_second] =
            [of_first, of_second].map(|logits| self.supervised.forward(logits, labels.clone()));
        let [first, second] = self.pseudo.forward_each(first, second);
        let weight = self.config.pseudo_weight * at.ramp();
        Ok(LossTerms::new()
            .with("supervised", 1.0, of_first)
            .with("supervised_second", 1.0, of_second)
            .with("pseudo", weight, first)
            .with("pseudo_second", weight, second))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::prelude::*;
    use semivox_models::NetworkConfig;

    #[test]
    fn the_networks_begin_apart() {
        let device = crate::testing::device();
        let context = crate::testing::context(NetworkConfig::new(1, 2).with_filters(1), [16; 3]);
        let images = Tensor::<5>::ones([1, 1, 16, 16, 16], &device);
        let method = Cps::new(CpsConfig::new(10));
        let networks = Handover::new(context.student());
        let pair = method.begin(networks, &context).unwrap();
        let [first, second] = [&pair.first, &pair.second]
            .map(|network| network.forward(images.clone()).logits.into_data());
        assert_ne!(first, second);
    }
}
