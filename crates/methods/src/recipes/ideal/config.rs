//! Settings of IDEAL (reconstruction).

use serde::{Deserialize, Serialize};

use crate::error::MethodError;
use crate::mirror::ViewAlignment;
use crate::optimizer::OptimizerConfig;
use crate::schedule::split_steps;

/// Settings of IDEAL; all values are chosen here, as none of the paper's is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdealConfig {
    /// Numbers of iterations of pre-training and of fine-tuning.
    pub iterations: [u64; 2],
    /// Labeled and unlabeled patches per batch of the pre-training, which uses no labels.
    pub pretraining_batch: [usize; 2],
    /// Labeled and unlabeled patches per batch of the fine-tuning.
    pub fine_tuning_batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// EMA momentum of the key encoder and the key head.
    pub key_momentum: f64,
    /// Length of a position's embedding.
    pub embedding: usize,
    /// `τ` of the dense contrast.
    pub temperature: f64,
    /// Source of the negatives of a position.
    pub negatives: Negatives,
    /// Capacity of the queue of mean keys of past images.
    pub queue: usize,
    /// Alignment of the key's view with the query's.
    pub key_geometry: ViewAlignment,
    /// Parts that the two streams of the fine-tuning share.
    pub streams: Streams,
    /// Difference between the inputs of the two streams.
    pub perturbation: Perturbation,
    /// `w`, the weight of the cross pseudo supervision at the end of its ramp-up.
    pub cross_weight: f64,
    /// Probability below which the other stream's label is ignored; 0 takes all.
    pub threshold: f64,
}

/// Source of the negatives of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negatives {
    /// The mean keys of past images.
    Queue,
    /// All other positions of all keys of the batch.
    Batch,
}

/// Parts that the two streams of the fine-tuning share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Streams {
    /// The encoder: the streams are two decoders.
    Decoders,
    /// Only the initial, pre-trained weights of their encoders: the streams are two networks.
    Networks,
}

/// Difference between the inputs of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Perturbation {
    /// The second stream gets the strong view; each has its own dropout.
    Intensity,
    /// None; each stream has its own dropout.
    Dropout,
}

impl IdealConfig {
    /// Returns the default settings for a run of `iterations` in total, split 1 : 3.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations: split_steps(iterations, [1, 3]),
            pretraining_batch: [2, 2],
            fine_tuning_batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            key_momentum: 0.99,
            embedding: 128,
            temperature: 0.2,
            negatives: Negatives::Queue,
            queue: 4_096,
            key_geometry: ViewAlignment::Aligned,
            streams: Streams::Decoders,
            perturbation: Perturbation::Intensity,
            cross_weight: 0.1,
            threshold: 0.0,
        }
    }

    /// Returns an ablation by its name:
    ///
    /// | name | change |
    /// |---|---|
    /// | `without_pretraining` | no pre-training; the fine-tuning gets all iterations |
    /// | `without_cross` | `w = 0`: the streams learn from labels alone |
    /// | `batch_negatives` | no queue |
    /// | `mirrored_keys` | the key's view is mirrored, so that correspondence has to be found; where a task allows it |
    /// | `two_networks` | the streams do not share their encoder |
    /// | `dropout_only` | both streams get the weak view |
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let mut config = self;
        match name {
            "without_pretraining" => config.iterations = [0, config.iterations.iter().sum()],
            "without_cross" => config.cross_weight = 0.0,
            "batch_negatives" => config.negatives = Negatives::Batch,
            "mirrored_keys" => config.key_geometry = ViewAlignment::Mirrored,
            "two_networks" => config.streams = Streams::Networks,
            "dropout_only" => config.perturbation = Perturbation::Dropout,
            _ => {
                let expected = "without_pretraining, without_cross, \
                     batch_negatives, mirrored_keys, two_networks or dropout_only";
                return Err(MethodError::unknown("ablation of ideal", name, expected));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::method_settings::MethodSettings;
    use crate::testing::context;
    use semivox_models::NetworkConfig;

    #[test]
    fn ablations_change_what_they_name_and_an_unknown_one_lists_them() {
        let of = |name: &str| IdealConfig::new(2_000).ablation(name).unwrap();
        assert_eq!(IdealConfig::new(2_000).iterations, [500, 1_500]);
        assert_eq!(of("without_pretraining").iterations, [0, 2_000]);
        assert_eq!(of("without_cross").cross_weight, 0.0);
        assert_eq!(of("batch_negatives").negatives, Negatives::Batch);
        assert_eq!(of("mirrored_keys").key_geometry, ViewAlignment::Mirrored);
        assert_eq!(of("two_networks").streams, Streams::Networks);
        assert_eq!(of("dropout_only").perturbation, Perturbation::Dropout);
        let message = IdealConfig::new(10).ablation("none").unwrap_err();
        assert!(message.to_string().contains("two_networks"));
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut IdealConfig)| {
            let mut config = IdealConfig::new(10);
            change(&mut config);
            config.check([32; 3]).unwrap_err().to_string()
        };
        assert!(check(|c| c.temperature = 0.0).contains("method.temperature"));
        assert!(check(|c| c.queue = 0).contains("found 0"));
        assert!(check(|c| c.threshold = 95.0).contains("0 to 1, found 95"));
        assert!(check(|c| c.fine_tuning_batch = [2, 0]).contains("method.fine_tuning_batch"));
    }

    #[test]
    fn mirrored_keys_need_an_axis() {
        let config = IdealConfig::new(10).ablation("mirrored_keys").unwrap();
        let mut context = context(NetworkConfig::new(1, 2).with_filters(2), [16; 3]);
        assert!(config.method(context.clone()).is_ok());
        context.mirrored = [false; 3];
        let message = config.method(context).err().unwrap().to_string();
        assert!(
            message.contains("method.key_geometry: expected aligned"),
            "{message}"
        );
    }

    #[test]
    fn settings_survive_storage() {
        let config = IdealConfig::new(10).ablation("two_networks").unwrap();
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("streams = \"networks\""));
        assert_eq!(toml::from_str::<IdealConfig>(&text).unwrap(), config);
    }
}
