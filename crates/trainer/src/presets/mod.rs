//! Named starting points, for several tasks.
//!
//! | preset | what | for |
//! |---|---|---|
//! | `smoke` | generated phantoms, tiny network | first contact, continuous integration |
//! | `compact` | small patches, few filters, 1,000 or 2,000 iterations in all | real data on a CPU |
//! | `paper` | the papers' sizes | a GPU |
//!
//! | task | data | network | `compact` | `paper` |
//! |---|---|---|---|---|
//! | [`la`](Task::LeftAtrium) | left atrium, MR | V-Net | 1.25 mm, 64×64×32, 8 filters, 2,000 | 112×112×80, 16 filters, 20,000 |
//! | [`acdc`](Task::Acdc) | three structures of the heart, cine MR | U-Net | slices of 128×128, 16 filters, 2,000 | 256×256, 16 filters, 30,000 |
//! | [`hippocampus`](Task::Hippocampus) | two parts of the hippocampus, MR | V-Net | 32×48×32, 8 filters, 1,000 | 32×48×32, 16 filters, 6,000 |
//! | [`own`](Task::Own) | a person's own scans | V-Net, or U-Net for stacks of slices | fitted, about 96 voxels a side, 2,000 | about 192 voxels a side, 20,000 |
//! | [`pancreas`](Task::Pancreas) | pancreas, CT | V-Net | 2 mm, 64×64×48, 8 filters, 2,000 | 1 mm, 96×96×96, 16 filters, 6,000 |

mod acdc;
mod hippocampus;
mod left_atrium;
mod methods;
mod own;
mod pancreas;

use std::fmt;
use std::str::FromStr;

use semivox_data::Survey;
use semivox_data::layout::Layout;
use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::method::MethodConfig;

/// What is segmented, which decides sizes, intensities and phantoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Task {
    /// The left atrium in 3D.
    #[serde(rename = "la")]
    LeftAtrium,
    /// The heart's chambers and its muscle, slice by slice.
    #[serde(rename = "acdc")]
    Acdc,
    /// The hippocampus in two parts, in 3D.
    #[serde(rename = "hippocampus")]
    Hippocampus,
    /// The pancreas in CT, in 3D.
    #[serde(rename = "pancreas")]
    Pancreas,
    /// A person's own scans, which decide.
    #[serde(rename = "own")]
    Own,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 5] = [
        Self::LeftAtrium,
        Self::Acdc,
        Self::Hippocampus,
        Self::Pancreas,
        Self::Own,
    ];

    /// The task's name in flags, files and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeftAtrium => "la",
            Self::Acdc => "acdc",
            Self::Hippocampus => "hippocampus",
            Self::Pancreas => "pancreas",
            Self::Own => "own",
        }
    }

    /// The task of a data set by its layout and name; [`Own`](Self::Own) if it is none of the public ones.
    ///
    /// # Examples
    /// ```
    /// use semivox_data::layout::Layout;
    /// use semivox_trainer::presets::Task;
    ///
    /// assert_eq!(Task::of(Layout::Acdc, "ACDC"), Task::Acdc);
    /// assert_eq!(Task::of(Layout::Msd, "Hippocampus"), Task::Hippocampus);
    /// assert_eq!(Task::of(Layout::Msd, "Spleen"), Task::Own);
    /// ```
    pub fn of(layout: Layout, name: &str) -> Self {
        match layout {
            Layout::La => Self::LeftAtrium,
            Layout::Acdc => Self::Acdc,
            Layout::Pancreas => Self::Pancreas,
            Layout::Msd if name.to_lowercase().contains("hippocampus") => Self::Hippocampus,
            _ => Self::Own,
        }
    }

    /// The preset called `preset` for the method called `method`, or for one of its ablations,
    /// `METHOD:ABLATION`.
    ///
    /// # Errors
    /// [`TrainError::Config`] naming the known presets, methods or ablations.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::presets::Task;
    ///
    /// let config = Task::Acdc.preset("compact", "supervised").unwrap();
    /// assert_eq!(config.patch, [128, 128, 1]);
    /// let config = Task::LeftAtrium.preset("paper", "simcvd:without_contrast").unwrap();
    /// assert_eq!(config.method_name(), "simcvd:without_contrast");
    /// ```
    pub fn preset(self, preset: &str, method: &str) -> Result<RunConfig, TrainError> {
        let size = Size::from_str(preset)?;
        let (config, iterations, batch) = match self {
            Self::LeftAtrium => left_atrium::base(size),
            Self::Acdc => acdc::base(size),
            Self::Hippocampus => hippocampus::base(size),
            Self::Pancreas => pancreas::base(size),
            Self::Own => own::unseen(size),
        };
        assemble(config, iterations, batch, size, method)
    }

    /// The preset for scans like those surveyed: [`Task::Own`] follows them, the others are fixed.
    ///
    /// # Errors
    /// As [`preset`](Self::preset).
    pub fn fitted(
        self,
        survey: &Survey,
        preset: &str,
        method: &str,
    ) -> Result<RunConfig, TrainError> {
        if self != Self::Own {
            return self.preset(preset, method);
        }
        let size = Size::from_str(preset)?;
        let (config, iterations, batch) = own::base(size, survey);
        assemble(config, iterations, batch, size, method)
    }
}

/// The preset with its method.
fn assemble(
    config: RunConfig,
    iterations: u64,
    batch: Option<[usize; 2]>,
    size: Size,
    method: &str,
) -> Result<RunConfig, TrainError> {
    let (method, ablation) = match method.split_once(':') {
        Some((method, ablation)) => (method, Some(ablation)),
        None => (method, None),
    };
    let method = MethodConfig::new(method, iterations)?;
    let network = config.network.architecture;
    let mut method = methods::fitted(method, size, network).with_iterations(iterations);
    if let Some(batch) = batch {
        method.settings_mut().set_batch(batch);
    }
    if let Some(name) = ablation {
        method = method.with_ablation(name)?;
    }
    let ablation = ablation.map(String::from);
    Ok(RunConfig {
        method,
        ablation,
        ..config
    })
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Task {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|task| task.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            TrainError::Config(format!("unknown task '{name}': expected one of {known}"))
        })
    }
}

/// A preset's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Smoke,
    Compact,
    Paper,
}

impl Size {
    fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Compact => "compact",
            Self::Paper => "paper",
        }
    }
}

impl FromStr for Size {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        match name {
            "smoke" => Ok(Self::Smoke),
            "compact" => Ok(Self::Compact),
            "paper" => Ok(Self::Paper),
            _ => Err(TrainError::Config(format!(
                "unknown preset '{name}': expected smoke, compact or paper"
            ))),
        }
    }
}

/// Everything but the method; its iterations in all; its labeled and unlabeled patches per batch if
/// they are not its defaults.
type Base = (RunConfig, u64, Option<[usize; 2]>);

/// The left atrium's preset called `preset` for the method called `method`.
///
/// # Errors
/// [`TrainError::Config`] naming the known presets or methods.
///
/// # Examples
/// ```
/// let config = semivox_trainer::presets::preset("smoke", "action").unwrap();
/// assert_eq!(config.method.name(), "action");
/// let message = semivox_trainer::presets::preset("tiny", "action").unwrap_err().to_string();
/// assert!(message.contains("smoke, compact or paper"));
/// ```
pub fn preset(preset: &str, method: &str) -> Result<RunConfig, TrainError> {
    Task::LeftAtrium.preset(preset, method)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_preset_checks_and_survives_toml() {
        for task in Task::ALL {
            assert_eq!(task.name().parse::<Task>().unwrap(), task);
            for name in ["smoke", "compact", "paper"] {
                for &method in MethodConfig::NAMES {
                    let config = task.preset(name, method).unwrap();
                    let checked = config.check();
                    assert!(checked.is_ok(), "{task} {name} {method}: {checked:?}");
                    let again = RunConfig::from_toml(&config.to_toml().unwrap()).unwrap();
                    assert_eq!(config, again);
                }
            }
        }
        let message = "liver".parse::<Task>().unwrap_err().to_string();
        assert!(message.contains("acdc, hippocampus"), "{message}");
    }

    /// The labels are to outweigh the contrast; the other presets keep the starting values.
    #[test]
    fn compact_lowers_the_contrast_of_cvrl_alone() {
        let weights = |name: &str| match preset(name, "cvrl").unwrap().method {
            MethodConfig::Cvrl(config) => [config.batch_weight, config.feature_weight],
            _ => panic!("another method"),
        };
        assert_eq!(weights("compact"), [0.01; 2]);
        assert_eq!(weights("smoke"), [0.1; 2]);
        assert_eq!(weights("paper"), [0.1; 2]);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = preset("smoke", "action").unwrap().to_toml().unwrap();
        for (old, new) in [("seed = 0", "sead = 0"), ("bank = 36", "bnak = 36")] {
            let message = RunConfig::from_toml(&text.replace(old, new))
                .unwrap_err()
                .to_string();
            let key = new.split(' ').next().unwrap();
            assert!(message.contains(key), "{message}");
        }
    }
}
