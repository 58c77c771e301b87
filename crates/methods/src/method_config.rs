//! The list of methods and their settings.

use serde::{Deserialize, Serialize};

use crate::error::MethodError;
pub use crate::method_settings::MethodSettings;
use crate::recipes::{
    ActionConfig, ActionPpConfig, BcpConfig, CpsConfig, CvrlConfig, DtcConfig,
    EntropyMinimizationConfig, FixMatchConfig, GlobalLocalConfig, IctConfig, IdealConfig,
    McNetPlusConfig, MeanTeacherConfig, SimCvdConfig, SsNetConfig, SupervisedConfig, UaMtConfig,
    UniMatchConfig, UrpcConfig,
};

/// Defines [`MethodConfig`] and its functions from one list of all methods.
macro_rules! methods {
    ($($(#[$about:meta])* $name:literal => $variant:ident($config:ty),)*) => {
        /// A training method with its settings; `name` selects it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name")]
        #[non_exhaustive]
        pub enum MethodConfig {
            $($(#[$about])* #[serde(rename = $name)] $variant($config),)*
        }

        impl MethodConfig {
            /// The names of all methods.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Returns the default settings of the method called `name` for a run of `iterations`.
            ///
            /// # Errors
            /// [`MethodError::Unknown`], which lists the known methods.
            pub fn new(name: &str, iterations: u64) -> Result<Self, MethodError> {
                match name {
                    $($name => Ok(Self::$variant(<$config>::new(iterations))),)*
                    _ => {
                        let known = format!("one of {}", Self::NAMES.join(", "));
                        Err(MethodError::unknown("method", name, known))
                    }
                }
            }

            /// Returns the method's name, as used in file names and tables.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Returns the settings.
            pub fn settings(&self) -> &dyn MethodSettings {
                match self {
                    $(Self::$variant(config) => config,)*
                }
            }

            /// Returns the settings, to change them.
            pub fn settings_mut(&mut self) -> &mut dyn MethodSettings {
                match self {
                    $(Self::$variant(config) => config,)*
                }
            }
        }
    };
}

methods! {
    /// Cross-entropy and Dice on labeled patches only.
    "supervised" => Supervised(SupervisedConfig),
    /// Minimal entropy of predictions on unlabeled patches.
    "entropy_minimization" => EntropyMinimization(EntropyMinimizationConfig),
    /// Consistency with a moving average of the network.
    "mean_teacher" => MeanTeacher(MeanTeacherConfig),
    /// Mean teacher, with consistency only where the teacher is certain.
    "ua_mt" => UaMt(UaMtConfig),
    /// Mean teacher, with consistency on interpolated unlabeled patches.
    "ict" => Ict(IctConfig),
    /// Two networks that learn from each other's pseudo-labels.
    "cps" => Cps(CpsConfig),
    /// Consistency of a segmentation with a signed distance map.
    "dtc" => Dtc(DtcConfig),
    /// Consistency of predictions at several scales of one network.
    "urpc" => Urpc(UrpcConfig),
    /// Three decoders on one encoder, each consistent with the sharpened predictions of the others.
    "mc_net_plus" => McNetPlus(McNetPlusConfig),
    /// Smooth predictions under adversarial perturbations, and classes separated by prototypes.
    "ss_net" => SsNet(SsNetConfig),
    /// Copy-paste of boxes between labeled and unlabeled patches, both ways.
    "bcp" => Bcp(BcpConfig),
    /// Confident predictions for weak views as labels of strong views.
    "fixmatch" => FixMatch(FixMatchConfig),
    /// FixMatch with two strong views and perturbed features.
    "unimatch" => UniMatch(UniMatchConfig),
    /// Contrastive pre-training on images, then on regions, and supervised fine-tuning.
    "global_local" => GlobalLocal(GlobalLocalConfig),
    /// Contrastive voxel-wise representation distillation.
    "simcvd" => SimCvd(SimCvdConfig),
    /// Contrast along batch and features (a reconstruction).
    "cvrl" => Cvrl(CvrlConfig),
    /// Dense contrastive pre-training, then two decoders with cross pseudo supervision (a reconstruction).
    "ideal" => Ideal(IdealConfig),
    /// Anatomical-aware contrastive distillation.
    "action" => Action(ActionConfig),
    /// ACTION with adaptive contrast and scheduled temperatures.
    "action_pp" => ActionPp(ActionPpConfig),
}

impl MethodConfig {
    /// Returns the same method with `iterations` in total.
    pub fn with_iterations(mut self, iterations: u64) -> Self {
        self.settings_mut().set_iterations(iterations);
        self
    }

    /// Returns the ablation of this method called `name`, which removes or exchanges one of its parts.
    ///
    /// # Errors
    /// [`MethodError::Unknown`], which lists the known ablations.
    pub fn with_ablation(mut self, name: &str) -> Result<Self, MethodError> {
        self.settings_mut().ablate(name)?;
        Ok(self)
    }

    /// Checks the settings for a patch size.
    ///
    /// # Errors
    /// [`MethodError::Setting`] with the key and the value found.
    pub fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        if self.settings().iterations() == 0 {
            return Err(MethodError::setting("iterations", "at least 1", 0));
        }
        self.settings().check(patch)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::optimizer::OptimizerConfig;

    #[test]
    fn every_method_tells_the_batch_and_the_optimizer_that_were_set() {
        for &name in MethodConfig::NAMES {
            let mut config = MethodConfig::new(name, 40).unwrap();
            let settings = config.settings_mut();
            settings.set_batch([3, 5]);
            let unlabeled = match name {
                // The last stage learns from labels alone.
                "supervised" | "global_local" => 0,
                _ => 5,
            };
            assert_eq!(settings.batch(), [3, unlabeled], "{name}");
            let optimizer = OptimizerConfig {
                learning_rate: 0.25,
                ..OptimizerConfig::default()
            };
            settings.set_optimizer(optimizer.clone());
            assert_eq!(*settings.optimizer(), optimizer, "{name}");
        }
    }

    #[test]
    fn every_name_makes_its_method_and_another_lists_them() {
        for &name in MethodConfig::NAMES {
            let method = MethodConfig::new(name, 20).unwrap().with_iterations(40);
            assert_eq!(method.name(), name);
            assert_eq!(method.settings().iterations(), 40);
            method.check([32; 3]).unwrap();
            assert!(method.with_iterations(0).check([32; 3]).is_err());
        }
        let message = MethodConfig::new("magic", 1).unwrap_err().to_string();
        assert!(message.contains("'magic'") && message.contains(&MethodConfig::NAMES.join(", ")));
    }
}
