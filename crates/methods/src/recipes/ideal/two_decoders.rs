//! Stage ii of IDEAL (reconstruction): two streams that learn from each other's pseudo-labels.

use burn::prelude::*;
use semivox_losses::{
    CrossPseudoSupervisionLoss, CrossPseudoSupervisionLossConfig, DiceCrossEntropyLoss,
};
use semivox_models::{Decoder, Network, NetworkOutput, Upsampling};

use super::config::{IdealConfig, Perturbation, Streams};
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::pair::Pair;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::recipes::supervised::supervised_loss;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Stage ii: two streams learn from labels on labeled patches and from each other's pseudo-labels on unlabeled ones.
pub struct TwoDecoders {
    config: IdealConfig,
    supervised: DiceCrossEntropyLoss,
    cross: CrossPseudoSupervisionLoss,
}

impl TwoDecoders {
    /// Creates stage ii of the method.
    pub fn new(config: IdealConfig) -> Self {
        let cross = CrossPseudoSupervisionLossConfig::new().with_threshold(config.threshold);
        Self {
            config,
            supervised: supervised_loss(),
            cross: cross.init(),
        }
    }

    /// Creates the second stream, whose decoder upsamples by interpolation or, if that of the first does, by transposed
    /// convolutions.
    fn second(&self, first: &Network, context: &MethodContext) -> Second {
        let upsampling = match context.network.upsampling {
            Upsampling::Linear => Upsampling::Transposed,
            _ => Upsampling::Linear,
        };
        let network = context.network.clone().with_upsampling(upsampling);
        match self.config.streams {
            Streams::Decoders => {
                Second::Decoder(context.drawn(|device| network.init_decoder(device)))
            }
            Streams::Networks => {
                let second = context.drawn(|device| network.init(device));
                Second::Network(second.with_encoder_of(first))
            }
        }
    }
}

/// The second stream of stage ii.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there is one per stage
pub enum Second {
    /// A decoder on the first stream's encoder.
    Decoder(Decoder),
    /// A network whose encoder starts as a copy of the first stream's.
    Network(Network),
}

impl Second {
    fn forward(&self, first: &Network, images: Tensor<5>) -> NetworkOutput {
        match self {
            Self::Decoder(decoder) => first.forward_with(decoder, images),
            Self::Network(network) => network.forward(images),
        }
    }
}

impl Stage for TwoDecoders {
    type State = Pair<Second>;

    fn plan(&self) -> StagePlan {
        let second_view = match self.config.perturbation {
            Perturbation::Intensity => StrongViews::All,
            Perturbation::Dropout => StrongViews::None,
        };
        StagePlan {
            name: "ii two decoders (reconstruction)",
            steps: self.config.iterations[1],
            batch: BatchPlan::new(self.config.fine_tuning_batch, second_view),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        Ok(Pair {
            second: self.second(&networks.student, context),
            first: networks.student,
        })
    }

    fn terms(
        &self,
        streams: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let other_view = match config.perturbation {
            Perturbation::Intensity => strong,
            Perturbation::Dropout => weak.clone(),
        };
        let one = streams.first.forward(weak).logits;
        let other = streams.second.forward(&streams.first, other_view).logits;

        let [[of_one, one], [of_other, other]] =
            [one, other].map(|logits| split(logits, config.fine_tuning_batch));
        let of_one = self.supervised.forward(of_one, labels.clone());
        let of_other = self.supervised.forward(of_other, labels);
        let cross = self.cross.forward(one, other);
        Ok(LossTerms::new()
            .with("supervised", 1.0, of_one)
            .with("supervised_second", 1.0, of_other)
            .with("cross_pseudo", config.cross_weight * at.ramp(), cross))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::method::AnyStage;
    use crate::optimizer::OptimizerConfig;
    use crate::schedule::LearningRate;
    use crate::testing::{batch, begun, context, first_step, off_descent};
    use semivox_models::NetworkConfig;

    /// Decoders of transposed convolutions and of interpolation have different numbers of parameters.
    #[test]
    fn the_second_decoder_is_of_another_kind() {
        for (own, other) in [
            (Upsampling::Transposed, Upsampling::Linear),
            (Upsampling::Linear, Upsampling::Transposed),
            (Upsampling::Nearest, Upsampling::Linear),
        ] {
            let network = NetworkConfig::new(1, 2)
                .with_filters(2)
                .with_upsampling(own);
            let context = context(network, [16; 3]);
            let of = |upsampling| {
                let network = context.network.clone().with_upsampling(upsampling);
                network.init_decoder(&context.device).num_params()
            };
            let stage = TwoDecoders::new(IdealConfig::new(10));
            let Second::Decoder(second) = stage.second(&context.student(), &context) else {
                panic!("the streams share an encoder");
            };
            assert_eq!(second.num_params(), of(other), "{own:?}");
            assert_ne!(of(Upsampling::Transposed), of(Upsampling::Linear));
        }
    }

    /// Compares a step with the gradients of the weighted terms; their values alone would not do, as pseudo-labels are
    /// constants for the gradient but depend on the weights.
    #[test]
    fn stage_ii_descends_on_its_terms_by_their_weights() {
        let network = NetworkConfig::new(1, 3).with_filters(2).with_dropout(0.0);
        let context = context(network, [32, 32, 16]);
        let config = IdealConfig {
            fine_tuning_batch: [2, 2],
            cross_weight: 0.7,
            optimizer: OptimizerConfig {
                learning_rate: 1.0,
                momentum: 0.0,
                weight_decay: 0.0,
                clip_norm: None,
                schedule: LearningRate::Constant,
                ..OptimizerConfig::default()
            },
            ..IdealConfig::new(40)
        };
        let mut running = begun(TwoDecoders::new(config), &context);
        let before = running.state().clone();
        let batch = batch([2, 2], &context, 0);
        // Late in the stage, where the ramp is near 1.
        let at = StepContext {
            stage_step: 8,
            ..first_step(&context)
        };
        let terms = running.stage.terms(&mut before.clone(), batch.clone(), &at);
        let terms = terms.unwrap();
        let [one, other, cross] =
            ["supervised", "supervised_second", "cross_pseudo"].map(|name| terms.term(name));
        let loss = one + other + cross.mul_scalar(0.7 * at.ramp());
        running.step(batch, &at).unwrap();
        assert!(off_descent(&before, running.state(), loss) < 1e-5);
    }
}
