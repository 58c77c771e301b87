//! A training method's settings, and the list of methods.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::recipe::{Recipe, Setting};
use crate::recipes::{
    ActionConfig, CvrlConfig, DtcConfig, MeanTeacherConfig, SimCvdConfig, SupervisedConfig,
    UrpcConfig,
};

/// What every method's settings can tell.
pub trait MethodSettings {
    /// The method's name in file names and tables.
    fn name(&self) -> &'static str;

    /// Iterations in all.
    fn iterations(&self) -> u64;

    /// Changes the iterations in all.
    fn set_iterations(&mut self, iterations: u64);

    /// Whether the method learns from unlabeled cases.
    fn needs_unlabeled(&self) -> bool {
        true
    }

    /// Refuses values out of range and patches that do not fit.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the key and the value found.
    fn check(&self, patch: [usize; 3]) -> Result<(), TrainError>;

    /// The recipe, at its beginning.
    ///
    /// # Errors
    /// If the method's settings do not fit the run's.
    fn recipe(&self, setting: Setting) -> Result<Box<dyn Recipe>, TrainError>;
}

/// A training method with its settings; `name` selects it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum MethodConfig {
    /// Labeled patches only.
    Supervised(SupervisedConfig),
    /// Agreement with a moving average.
    MeanTeacher(MeanTeacherConfig),
    /// Agreement of a segmentation with a signed distance.
    Dtc(DtcConfig),
    /// Agreement of the scales of one network.
    Urpc(UrpcConfig),
    /// Contrastive voxel-wise representation distillation.
    #[serde(rename = "simcvd")]
    SimCvd(SimCvdConfig),
    /// Contrast along batch and features: a reconstruction.
    Cvrl(CvrlConfig),
    /// Anatomical-aware contrastive distillation.
    Action(ActionConfig),
}

impl MethodConfig {
    /// The names of all methods.
    pub const NAMES: [&'static str; 7] = [
        "supervised",
        "mean_teacher",
        "dtc",
        "urpc",
        "simcvd",
        "cvrl",
        "action",
    ];

    /// A method's own defaults for a run of `iterations`.
    ///
    /// # Errors
    /// [`TrainError::Config`] naming the known methods.
    pub fn new(name: &str, iterations: u64) -> Result<Self, TrainError> {
        Ok(match name {
            "supervised" => Self::Supervised(SupervisedConfig::new(iterations)),
            "mean_teacher" => Self::MeanTeacher(MeanTeacherConfig::new(iterations)),
            "dtc" => Self::Dtc(DtcConfig::new(iterations)),
            "urpc" => Self::Urpc(UrpcConfig::new(iterations)),
            "simcvd" => Self::SimCvd(SimCvdConfig::new(iterations)),
            "cvrl" => Self::Cvrl(CvrlConfig::new(iterations)),
            "action" => Self::Action(ActionConfig::new(iterations)),
            _ => {
                let known = Self::NAMES.join(", ");
                return Err(TrainError::Config(format!(
                    "unknown method '{name}': expected one of {known}"
                )));
            }
        })
    }

    /// The settings.
    pub fn settings(&self) -> &dyn MethodSettings {
        match self {
            Self::Supervised(config) => config,
            Self::MeanTeacher(config) => config,
            Self::Dtc(config) => config,
            Self::Urpc(config) => config,
            Self::SimCvd(config) => config,
            Self::Cvrl(config) => config,
            Self::Action(config) => config,
        }
    }

    /// The same method with `iterations` in all.
    pub fn with_iterations(mut self, iterations: u64) -> Self {
        let settings: &mut dyn MethodSettings = match &mut self {
            Self::Supervised(config) => config,
            Self::MeanTeacher(config) => config,
            Self::Dtc(config) => config,
            Self::Urpc(config) => config,
            Self::SimCvd(config) => config,
            Self::Cvrl(config) => config,
            Self::Action(config) => config,
        };
        settings.set_iterations(iterations);
        self
    }

    /// The method's name in file names and tables.
    pub fn name(&self) -> &'static str {
        self.settings().name()
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the key and the value found.
    pub fn check(&self, patch: [usize; 3]) -> Result<(), TrainError> {
        if self.settings().iterations() == 0 {
            return Err(TrainError::Config(
                "iterations: expected at least 1, found 0".into(),
            ));
        }
        self.settings().check(patch)
    }
}

/// Refuses a setting that does not hold: `method.KEY: expected WANTED, found FOUND`.
pub(crate) fn expect(
    holds: bool,
    key: &str,
    wanted: &str,
    found: impl Display,
) -> Result<(), TrainError> {
    match holds {
        true => Ok(()),
        false => Err(TrainError::Config(format!(
            "method.{key}: expected {wanted}, found {found}"
        ))),
    }
}

/// Refuses a momentum or threshold outside of 0 to 1.
pub(crate) fn expect_share(key: &str, value: f64) -> Result<(), TrainError> {
    expect((0.0..=1.0).contains(&value), key, "0 to 1", value)
}

/// Refuses a temperature that is not above 0.
pub(crate) fn expect_positive(key: &str, value: f64) -> Result<(), TrainError> {
    expect(value > 0.0 && value.is_finite(), key, "above 0", value)
}

/// Refuses a batch without one of its kinds.
pub(crate) fn expect_both_kinds(key: &str, batch: [usize; 2]) -> Result<(), TrainError> {
    let some = !batch.contains(&0);
    expect(some, key, "at least 1 patch of each kind", 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_makes_its_method_and_another_lists_them() {
        for name in MethodConfig::NAMES {
            let method = MethodConfig::new(name, 20).unwrap().with_iterations(40);
            assert_eq!(method.name(), name);
            assert_eq!(method.settings().iterations(), 40);
            method.check([32; 3]).unwrap();
            assert!(method.with_iterations(0).check([32; 3]).is_err());
        }
        let message = MethodConfig::new("magic", 1).unwrap_err().to_string();
        assert!(message.contains("'magic'") && message.contains("cvrl, action"));
    }
}
