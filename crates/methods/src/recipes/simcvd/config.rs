//! Settings of SimCVD.

use semivox_losses::Reduction;
use semivox_models::SlicePooling;
use serde::{Deserialize, Serialize};

use crate::error::MethodError;
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;

/// Settings of [`SimCvd`](super::SimCvd); the defaults are the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimCvdConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// EMA momentum of the teacher once warmed up.
    pub teacher_momentum: f64,
    /// `α`, the weight of the signed distance in the supervised loss.
    pub distance_weight: f64,
    /// `λ`, the weight of the boundary-aware contrast.
    pub contrast_weight: f64,
    /// `β`, the weight of the pair-wise distillation.
    pub pairwise_weight: f64,
    /// `γ`, the weight of the consistency.
    pub consistency_weight: f64,
    /// Loss weights that are ramped up.
    pub ramped: Ramped,
    /// `τ` of the contrast.
    pub temperature: f64,
    /// Whether slice embeddings are scaled to length one.
    pub normalized: bool,
    /// Number of the batch's unlabeled slices that are contrasted, drawn at random; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<usize>,
    /// Predicted map that is added to the image for the contrast.
    pub boundary: Boundary,
    /// Source of the signed distance.
    pub distance_head: DistanceHead,
    /// Side to which slices are pooled.
    pub pooled: usize,
    /// Pooling of slices.
    pub pooling: SlicePooling,
    /// Probability of the projection head's alpha dropout.
    pub head_dropout: f64,
    /// Width of the projection head's hidden layers.
    pub hidden: usize,
    /// Length of a slice's embedding.
    pub embedding: usize,
    /// Whether the teacher projects slices with the student's head instead of its average.
    pub shared_head: bool,
    /// Feature map of the encoder that the pair-wise distillation compares.
    pub pairwise_map: PairwiseMap,
    /// Mean or sum over positions in the pair-wise distillation.
    pub position_reduction: Reduction,
    /// Predictions that the consistency loss compares.
    pub consistent: Consistent,
    /// Standard deviation of the noise on the unlabeled inputs, which is cut at twice this value.
    pub noise: f64,
}

/// Loss weights that follow the ramp-up `exp(−5 (1 − t/T)²)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ramped {
    /// That of the consistency.
    Consistency,
    /// Those of contrast, pair-wise distillation and consistency.
    All,
}

/// Predicted map that is added to the image for the contrast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The predicted signed distance.
    SignedDistance,
    /// The probability of the foreground: the ablation without signed distance.
    Probability,
}

/// Source of the predicted signed distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistanceHead {
    /// A separate 1×1×1 convolution, then tanh.
    Own,
    /// tanh of the logit of the background minus that of the class.
    Logits,
}

/// Feature map of the encoder that the pair-wise distillation compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairwiseMap {
    /// The last map after its dropout, which is the input of the decoder.
    AfterDropout,
    /// The last map before its dropout.
    BeforeDropout,
}

/// Predictions that the consistency loss compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistent {
    /// Class probabilities.
    Probabilities,
    /// Class probabilities and signed distances.
    Both,
}

impl SimCvdConfig {
    /// Returns the paper's settings for a run of `iterations`; the learning rate falls once, halfway.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig {
                weight_decay: 5e-4,
                schedule: LearningRate::Step {
                    milestones: vec![0.5],
                    factor: 0.1,
                },
                ..OptimizerConfig::default()
            },
            teacher_momentum: 0.999,
            distance_weight: 0.1,
            contrast_weight: 0.5,
            pairwise_weight: 0.1,
            consistency_weight: 0.1,
            ramped: Ramped::Consistency,
            temperature: 0.5,
            normalized: true,
            slices: None,
            boundary: Boundary::SignedDistance,
            distance_head: DistanceHead::Own,
            pooled: 128,
            pooling: SlicePooling::Average,
            head_dropout: 0.1,
            hidden: 256,
            embedding: 128,
            shared_head: false,
            pairwise_map: PairwiseMap::AfterDropout,
            position_reduction: Reduction::Mean,
            consistent: Consistent::Probabilities,
            noise: 0.1,
        }
    }

    /// Returns an ablation of the paper (Tables III and IV) by its name:
    ///
    /// | name | change |
    /// |---|---|
    /// | `without_sdm` | no signed distance; the contrast takes image + probability |
    /// | `without_sdm_loss` | `α = 0`, the head stays |
    /// | `without_contrast` | `λ = 0` |
    /// | `without_pairwise` | `β = 0` |
    /// | `without_contrast_and_pairwise` | both |
    /// | `max_pooling` | adaptive max pooling of the slices |
    /// | `dropout_P` | alpha dropout of probability P |
    /// | `pooled_N` | slices pooled to N×N |
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let probability = name.strip_prefix("dropout_").and_then(|p| p.parse().ok());
        let side = name
            .strip_prefix("pooled_")
            .and_then(|side| side.parse().ok());
        let mut config = self;
        match name {
            "without_sdm" => {
                config.boundary = Boundary::Probability;
                config.distance_weight = 0.0;
            }
            "without_sdm_loss" => config.distance_weight = 0.0,
            "without_contrast" => config.contrast_weight = 0.0,
            "without_pairwise" => config.pairwise_weight = 0.0,
            "without_contrast_and_pairwise" => {
                config.contrast_weight = 0.0;
                config.pairwise_weight = 0.0;
            }
            "max_pooling" => config.pooling = SlicePooling::Max,
            _ => match (probability, side) {
                (Some(probability), _) => config.head_dropout = probability,
                (_, Some(side)) => config.pooled = side,
                _ => {
                    let expected = "without_sdm, \
                         without_sdm_loss, without_contrast, without_pairwise, \
                         without_contrast_and_pairwise, max_pooling, dropout_P or pooled_N";
                    return Err(MethodError::unknown("ablation of simcvd", name, expected));
                }
            },
        }
        Ok(config)
    }

    /// Returns whether the network needs a signed distance head.
    pub(super) fn needs_distance_head(&self) -> bool {
        let predicted = self.boundary == Boundary::SignedDistance
            || self.distance_weight > 0.0
            || self.consistent == Consistent::Both;
        predicted && self.distance_head == DistanceHead::Own
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::method_settings::MethodSettings;
    use crate::testing::context;
    use semivox_models::{Architecture, NetworkConfig};

    #[test]
    fn ablations_change_what_they_name_and_an_unknown_one_lists_them() {
        let base = SimCvdConfig::new(10);
        let of = |name: &str| base.clone().ablation(name).unwrap();
        assert_eq!(of("without_contrast").contrast_weight, 0.0);
        assert_eq!(of("without_pairwise").pairwise_weight, 0.0);
        assert_eq!(of("dropout_0.05").head_dropout, 0.05);
        assert_eq!(of("pooled_64").pooled, 64);
        assert!(!of("without_sdm").needs_distance_head());
        assert!(of("without_sdm_loss").needs_distance_head());
        let message = base.clone().ablation("without_it").unwrap_err().to_string();
        assert!(message.contains("'without_it'") && message.contains("pooled_N"));
        assert!(base.ablation("pooled_64.5").is_err());
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut SimCvdConfig)| {
            let mut config = SimCvdConfig::new(10);
            change(&mut config);
            config.check([16; 3]).unwrap_err().to_string()
        };
        assert!(check(|c| c.temperature = 0.0).contains("method.temperature"));
        assert!(check(|c| c.head_dropout = 1.0).contains("found 1"));
        assert!(check(|c| c.pooled = 0).contains("method.pooled"));
        assert!(check(|c| c.noise = -0.1).contains("method.noise: expected 0 or more, found -0.1"));
        assert!(check(|c| c.contrast_weight = f64::NAN).contains("method.contrast_weight"));
        assert!(check(|c| c.slices = Some(1)).contains("method.slices"));
    }

    #[test]
    fn a_contrast_has_two_slices() {
        let check = |batch, contrast_weight, patch| {
            let config = SimCvdConfig {
                batch,
                contrast_weight,
                ..SimCvdConfig::new(10)
            };
            config.check(patch).map_err(|error| error.to_string())
        };
        let message = check([2, 1], 0.5, [16, 16, 1]).unwrap_err();
        assert!(
            message.contains("method.batch: expected two or more slices"),
            "{message}"
        );
        for (batch, weight, patch) in [
            ([2, 1], 0.0, [16, 16, 1]),
            ([2, 2], 0.5, [16, 16, 1]),
            ([2, 1], 0.5, [16, 16, 2]),
        ] {
            assert_eq!(check(batch, weight, patch), Ok(()));
        }
    }

    #[test]
    fn the_u_net_has_no_map_before_a_dropout() {
        let built = |architecture| {
            let config = SimCvdConfig {
                pairwise_map: PairwiseMap::BeforeDropout,
                ..SimCvdConfig::new(10)
            };
            let network = NetworkConfig::new(1, 2).with_filters(2);
            let network = network.with_architecture(architecture);
            let built = config.method(context(network, [16, 16, 1]));
            built.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(built(Architecture::VNet), Ok(()));
        let message = built(Architecture::UNet).unwrap_err();
        assert!(
            message.contains("method.pairwise_map: expected after_dropout"),
            "{message}"
        );
    }
}
