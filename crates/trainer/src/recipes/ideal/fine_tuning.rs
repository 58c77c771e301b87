//! Stage ii: two streams that learn from labels and from each other.

use burn::prelude::*;
use semivox_models::{Decoder, Network, NetworkOutput, Upsampling};

use super::{Ideal, IdealConfig, Perturbation, State, Streams};
use crate::batch::{Batch, split};
use crate::error::TrainError;
use crate::recipe::{Recipe, Setting, StepContext};
use crate::terms::{LossTerms, StepValues};

/// The second stream.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one lives for a whole stage
pub(super) enum Second {
    /// A decoder on the first stream's encoder.
    Decoder(Decoder),
    /// A network whose encoder begins as the first stream's.
    Network(Network),
}

impl Second {
    /// A stream with a decoder that interpolates.
    pub(super) fn new(first: &Network, config: &IdealConfig, setting: &Setting) -> Self {
        let network = setting.network.clone().with_upsampling(Upsampling::Linear);
        match config.streams {
            Streams::Decoders => {
                Self::Decoder(setting.drawn(|device| network.init_decoder(device)))
            }
            Streams::Networks => {
                let second = setting.drawn(|device| network.init(device));
                Self::Network(second.with_encoder_of(first))
            }
        }
    }

    fn forward(&self, first: &Network, images: Tensor<5>) -> NetworkOutput {
        match self {
            Self::Decoder(decoder) => first.forward_with(decoder, images),
            Self::Network(network) => network.forward(images),
        }
    }
}

impl Ideal {
    /// Stage ii: labels where there are some, elsewhere what the other stream says.
    pub(super) fn fine_tune(
        &mut self,
        second: Second,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let config = &self.config;
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let other_view = match config.perturbation {
            Perturbation::Intensity => strong,
            Perturbation::Dropout => weak.clone(),
        };
        let one = self.network.forward(weak).logits;
        let other = second.forward(&self.network, other_view).logits;

        let [[of_one, one], [of_other, other]] =
            [one, other].map(|logits| split(logits, config.fine_tuning_batch));
        let losses = &self.losses;
        let of_one = losses.supervised.forward(of_one, labels.clone());
        let of_other = losses.supervised.forward(of_other, labels);
        let cross = losses.cross.forward(one, other);
        let terms = LossTerms::new()
            .with("supervised", 1.0, of_one)
            .with("supervised_second", 1.0, of_other)
            .with("cross_pseudo", config.cross_weight * at.ramp(), cross);

        let module = (self.network.clone(), second);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        self.network = module.0;
        self.state = State::FineTuning(Box::new(module.1));
        Ok(values)
    }
}
