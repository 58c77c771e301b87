//! MC-Net+: three decoders on one encoder, which differ in their upsampling; each is made consistent with the sharpened
//! predictions of the others.
//!
//! Y. Wu, Z. Ge, D. Zhang, M. Xu, L. Zhang, Y. Xia, J. Cai, "Mutual Consistency Learning for Semi-supervised Medical
//! Image Segmentation", Medical Image Analysis 81, 2022, arXiv 2109.09960.
//!
//! ```text
//! L     = w·Σ_m L_dice(p_m, y) + λ(t)·L_mc                                labeled; labeled and unlabeled
//! L_mc  = Σ_m Σ_{n≠m} MSE(p_m, s(p_n)),   s(p) = p^(1/T) / (p^(1/T) + (1 − p)^(1/T))
//! λ(t)  = λ · exp(−5 (1 − t/t_max)²),   λ from t_max on
//! ```
//!
//! # Deviations
//!
//! Of the paper, the abstract could be read; equations and values are those of its authors' public code.
//!
//! | item | paper | public code | here |
//! |---|---|---|---|
//! | decoders | different upsampling | transposed convolution, linear with aligned corners, nearest neighbor | same |
//! | convolution of an interpolating decoder | – | V-Net: 3×3×3 after it; U-Net: 1×1 before it | same |
//! | dropout of the lowest map | – | one mask for all decoders | a V-Net's decoders draw a mask each, the U-Net's is in its encoder |
//! | supervised loss | – | Dice alone (cross-entropy is logged, not minimized), of the foreground with linear denominator; 2D: of all classes, squared | Dice alone, of all classes, squared |
//! | `w` | – | 0.5; 2D: 1, of a loss 1 − Σpy/(Σp² + Σy²), half of a Dice loss but for a constant | 0.5, the same gradient; `supervised_weight` |
//! | soft pseudo-labels | of the other decoders | each class sharpened by itself, also with four classes | same |
//! | `T` | – | 0.1 | same; `temperature` |
//! | gradient of `L_mc` | – | also through the pseudo-labels | same |
//! | `λ` | – | 1; 2D: 0.1 | same; `consistency_weight` |
//! | `t_max` | – | 6,000 of 15,000 iterations; 2D: 30,000 of 30,000; in steps of 150 | the same shares of the run, at every step; `ramp_share` |
//! | schedule | – | SGD, constant rate 0.01 | same; `quick`, `standard`: polynomial decay, as for every method (`OptimizerConfig::comparable`) |
//! | at test time | – | the first decoder: transposed; 2D: linear | the network's own decoder, transposed unless `network.upsampling` says another |
//! | checkpoint | – | best of the test set (3D), of a validation set (2D) | the last |
//!
//! The 2D values are set by the presets for slices.

use burn::prelude::*;
use semivox_losses::{
    DiceLoss, DiceLossConfig, MutualConsistencyLoss, MutualConsistencyLossConfig,
};
use semivox_models::{Decoder, Upsampling};
use serde::{Deserialize, Serialize};

use super::whole_run;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_positive, expect_share, expect_weight,
    one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::pair::Pair;
use crate::plan::StagePlan;
use crate::schedule::LearningRate;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Settings of [`McNetPlus`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McNetPlusConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `w`, the weight of each decoder's Dice loss.
    pub supervised_weight: f64,
    /// `λ`, the weight of the mutual consistency at the end of its ramp-up.
    pub consistency_weight: f64,
    /// Share of the run over which the weight of the consistency rises.
    #[serde(default = "whole_run")]
    pub ramp_share: f64,
    /// `T`, the temperature of the sharpening.
    pub temperature: f64,
}

impl McNetPlusConfig {
    /// Returns the public code's settings for volumes and a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig {
                schedule: LearningRate::Constant,
                ..OptimizerConfig::default()
            },
            supervised_weight: 0.5,
            consistency_weight: 1.0,
            ramp_share: 0.4,
            temperature: 0.1,
        }
    }

    /// Returns these settings with the weight and the ramp of the public code for slices.
    pub fn with_weights_of_slices(self) -> Self {
        Self {
            consistency_weight: 0.1,
            ramp_share: 1.0,
            ..self
        }
    }
}

impl MethodSettings for McNetPlusConfig {
    one_stage_settings!();

    fn maps_kept(&self) -> f64 {
        2.8
    }

    fn label_weight(&self) -> f64 {
        self.supervised_weight
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("supervised_weight", self.supervised_weight)?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_share("ramp_share", self.ramp_share)?;
        expect_positive("temperature", self.temperature)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(McNetPlus::new(self.clone())))
    }
}

/// The only stage of MC-Net+.
pub struct McNetPlus {
    config: McNetPlusConfig,
    supervised: DiceLoss,
    consistency: MutualConsistencyLoss,
}

impl McNetPlus {
    /// Creates the stage with these settings.
    pub fn new(config: McNetPlusConfig) -> Self {
        let consistency = MutualConsistencyLossConfig::new().with_temperature(config.temperature);
        Self {
            config,
            supervised: DiceLossConfig::new().init(),
            consistency: consistency.init(),
        }
    }
}

/// Computes the logits of the network's own decoder and of the others, from one pass of the encoder.
fn predictions(networks: &Pair<Vec<Decoder>>, images: Tensor<5>) -> Vec<Tensor<5>> {
    let encoded = networks.first.encode(images);
    let own = networks.first.decode(encoded.clone());
    let others = networks.second.iter();
    let others = others.map(|decoder| decoder.forward(encoded.clone()).logits);
    std::iter::once(own.logits).chain(others).collect()
}

impl Stage for McNetPlus {
    type State = Pair<Vec<Decoder>>;

    fn plan(&self) -> StagePlan {
        StagePlan::weak(
            "mutual consistency",
            self.config.iterations,
            self.config.batch,
        )
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        let own = context.network.upsampling;
        let all = [
            Upsampling::Transposed,
            Upsampling::Linear,
            Upsampling::Nearest,
        ];
        let others = all.into_iter().filter(|upsampling| *upsampling != own);
        let network = |upsampling| context.network.clone().with_upsampling(upsampling);
        Ok(Pair {
            first: networks.student,
            second: context.drawn(|device| {
                others
                    .map(|upsampling| network(upsampling).init_decoder(device))
                    .collect()
            }),
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
        let logits = predictions(networks, images);

        let of_labeled = logits.iter().map(|logits| {
            let [labeled, _] = split(logits.clone(), self.config.batch);
            self.supervised.forward(labeled, labels.clone())
        });
        let supervised = Tensor::cat(of_labeled.collect(), 0).sum();
        let consistency = self.consistency.forward(&logits);
        let weight = self.config.consistency_weight * at.ramp_over(self.config.ramp_share);
        Ok(LossTerms::new()
            .with("supervised", self.config.supervised_weight, supervised)
            .with("consistency", weight, consistency))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{batch, begun, context, first_step};
    use semivox_models::{Architecture, NetworkConfig};

    const BOTH: [(Architecture, [usize; 3]); 2] = [
        (Architecture::VNet, [16, 16, 16]),
        (Architecture::UNet, [32, 16, 1]),
    ];

    fn network(architecture: Architecture) -> NetworkConfig {
        NetworkConfig::new(1, 3)
            .with_filters(1)
            .with_dropout(0.0)
            .with_architecture(architecture)
    }

    #[test]
    fn the_other_decoders_have_the_other_kinds_of_upsampling() {
        for (architecture, patch) in BOTH {
            let of = |own| {
                let network = network(architecture).with_upsampling(own);
                let running = begun(
                    McNetPlus::new(McNetPlusConfig::new(10)),
                    &context(network, patch),
                );
                format!("{:?}", running.state().second)
            };
            let kinds = ["Transposed", "Linear", "Nearest"];
            for (own, name) in [
                (Upsampling::Transposed, "Transposed"),
                (Upsampling::Linear, "Linear"),
                (Upsampling::Nearest, "Nearest"),
            ] {
                let others = of(own);
                for kind in kinds {
                    assert_eq!(others.contains(kind), kind != name, "{own:?}: {others}");
                }
            }
        }
    }

    /// Three predictions of every patch: the evaluated network's, and those of its encoder with the other decoders.
    #[test]
    fn all_decoders_read_one_encoder_and_count_in_both_terms() {
        for (architecture, patch) in BOTH {
            let context = context(network(architecture), patch);
            let running = begun(McNetPlus::new(McNetPlusConfig::new(10)), &context);
            let at = first_step(&context);
            let batch = batch([2, 2], &context, 0);
            let labels = batch.labeled.labels.clone();
            let [images, _] = batch.clone().views();
            let networks = running.state().clone();
            let whole = networks.first.forward(images.clone()).logits;
            let others = networks.second.iter();
            let others = others.map(|d| networks.first.forward_with(d, images.clone()).logits);
            let logits: Vec<Tensor<5>> = std::iter::once(whole).chain(others).collect();
            assert_eq!(logits.len(), 3);

            let dice = DiceLossConfig::new().init();
            let of = |logits: &Tensor<5>| {
                let labeled = logits.clone().narrow(0, 0, 2);
                dice.forward(labeled, labels.clone()).into_scalar::<f32>()
            };
            let expected: f32 = logits.iter().map(of).sum();
            let mutual = MutualConsistencyLossConfig::new().init().forward(&logits);
            let mutual = mutual.into_scalar::<f32>();

            let stage = McNetPlus::new(McNetPlusConfig::new(10));
            let terms = stage.terms(&mut networks.clone(), batch, &at).unwrap();
            let found = |name| terms.term(name).into_scalar::<f32>();
            let (supervised, consistency) = (found("supervised"), found("consistency"));
            assert!(
                (supervised - expected).abs() < 1e-5,
                "{supervised} {expected}"
            );
            assert!(
                (consistency - mutual).abs() < 1e-5,
                "{consistency} {mutual}"
            );
        }
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let config = McNetPlusConfig {
            temperature: 0.0,
            ..McNetPlusConfig::new(10)
        };
        let message = config.check([16; 3]).unwrap_err().to_string();
        assert!(message.contains("method.temperature: expected above 0, found 0"));
    }
}
