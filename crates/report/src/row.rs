//! One row of the training log.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// The log of one training step.
///
/// A number that is not finite is written as `null` and read back as NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Steps done since the start of the run, over all stages.
    pub step: u64,
    /// Name of the method's stage.
    pub stage: String,
    /// Terms by name, before their weights; some have none and are for observation.
    #[serde(deserialize_with = "nullable_map")]
    pub losses: BTreeMap<String, f64>,
    /// Learning rate of the step.
    #[serde(deserialize_with = "nullable")]
    pub lr: f64,
    /// Seconds from one step to the next, waiting included.
    #[serde(deserialize_with = "nullable")]
    pub seconds_per_step: f64,
    /// Share of that time spent waiting for data, in 0..1.
    #[serde(deserialize_with = "nullable")]
    pub data_wait: f64,
}

fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn nullable_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    let map = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(map
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or(f64::NAN)))
        .collect())
}
