//! Settings of CVRL (reconstruction).

use serde::{Deserialize, Serialize};

use super::Cvrl;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_weight, one_stage_settings,
};
use crate::optimizer::OptimizerConfig;
use crate::recipes::SimCvdConfig;

/// Settings of [`Cvrl`]; all values are chosen here, as none of the paper's is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CvrlConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// EMA momentum of the teacher once warmed up.
    pub teacher_momentum: f64,
    /// Levels of the network whose features are contrasted.
    pub levels: Levels,
    /// Network that gives the keys for the student's embeddings.
    pub keys: Keys,
    /// `w_b`, the weight of the contrast along the batch.
    pub batch_weight: f64,
    /// `w_f`, the weight of the contrast along the features.
    pub feature_weight: f64,
    /// `w_c`, the weight of the consistency at the end of its ramp-up.
    pub consistency_weight: f64,
    /// `τ_b`, the temperature of the contrast along the batch.
    pub batch_temperature: f64,
    /// `τ_f`, the temperature of the contrast along the features.
    pub feature_temperature: f64,
    /// Whether adjacent positions of the bottleneck (Chebyshev distance 1) are left out of the negatives.
    pub spare_neighbors: bool,
    /// Voxels drawn per volume at the low level.
    pub voxels: usize,
    /// Hidden width and embedding of the high level; the hidden width is at most the bottleneck's.
    pub high: [usize; 2],
    /// Hidden width and embedding of the low level.
    pub low: [usize; 2],
    /// Standard deviation of the noise on the unlabeled inputs, which is cut at twice this value.
    pub noise: f64,
}

/// Levels of the network whose features are contrasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Levels {
    /// The bottleneck and the last stage of the decoder.
    Both,
    /// The bottleneck.
    High,
    /// The last stage of the decoder.
    Low,
}

/// Network that gives the keys for the student's embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// The moving average of the student.
    Momentum,
    /// The student itself on other noise, without gradient.
    Student,
}

impl CvrlConfig {
    /// Returns the default settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: SimCvdConfig::new(iterations).optimizer,
            teacher_momentum: 0.999,
            levels: Levels::Both,
            keys: Keys::Momentum,
            batch_weight: 0.1,
            feature_weight: 0.1,
            consistency_weight: 0.1,
            batch_temperature: 0.1,
            feature_temperature: 0.1,
            spare_neighbors: false,
            voxels: 512,
            high: [256, 128],
            low: [64, 64],
            noise: 0.1,
        }
    }

    /// Returns an ablation that tests a claim of the abstract: `batch_only`, `feature_only`, `high_only`, `low_only`
    /// or `student_keys`.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let mut config = self;
        match name {
            "batch_only" => config.feature_weight = 0.0,
            "feature_only" => config.batch_weight = 0.0,
            "high_only" => config.levels = Levels::High,
            "low_only" => config.levels = Levels::Low,
            "student_keys" => config.keys = Keys::Student,
            _ => {
                let expected = "batch_only, feature_only, \
                     high_only, low_only or student_keys";
                return Err(MethodError::unknown("ablation of cvrl", name, expected));
            }
        }
        Ok(config)
    }
}

impl MethodSettings for CvrlConfig {
    one_stage_settings!();
    ablations!();

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        expect_positive("batch_temperature", self.batch_temperature)?;
        expect_positive("feature_temperature", self.feature_temperature)?;
        for (key, weight) in [
            ("batch_weight", self.batch_weight),
            ("feature_weight", self.feature_weight),
            ("consistency_weight", self.consistency_weight),
            ("noise", self.noise),
        ] {
            expect_weight(key, weight)?;
        }
        for (key, widths) in [("high", self.high), ("low", self.low)] {
            expect(!widths.contains(&0), key, "widths of at least 1", 0)?;
        }
        let most: usize = patch.iter().product();
        let some = (1..=most).contains(&self.voxels);
        expect(some, "voxels", &format!("1 to {most}"), self.voxels)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(Cvrl::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ablations_change_what_they_name_and_an_unknown_one_lists_them() {
        let of = |name: &str| CvrlConfig::new(10).ablation(name).unwrap();
        assert_eq!(of("batch_only").feature_weight, 0.0);
        assert_eq!(of("feature_only").batch_weight, 0.0);
        assert_eq!(of("high_only").levels, Levels::High);
        assert_eq!(of("student_keys").keys, Keys::Student);
        let message = CvrlConfig::new(10).ablation("none").unwrap_err();
        assert!(message.to_string().contains("low_only"));
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut CvrlConfig)| {
            let mut config = CvrlConfig::new(10);
            change(&mut config);
            config.check([16; 3]).unwrap_err().to_string()
        };
        assert!(check(|c| c.voxels = 5000).contains("1 to 4096, found 5000"));
        assert!(check(|c| c.batch_temperature = 0.0).contains("method.batch_temperature"));
    }
}
