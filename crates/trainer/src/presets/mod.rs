//! Presets: named configurations to start from, for several tasks.
//!
//! | preset | content | purpose |
//! |---|---|---|
//! | `smoke` | generated phantoms, tiny network | first contact, continuous integration |
//! | `quick` | small patches, 16 filters, 1,500 to 6,000 iterations in all | real data on a CPU, half an hour |
//! | `standard` | the same network, 3,000 to 6,000 iterations | real data on a CPU, two to three hours |
//! | `paper` | sizes, batches and iterations of the papers, where a task has papers | a GPU |
//!
//! The times are estimates for mean teacher on the left atrium with two cores, from the step times in
//! `docs/performance.md`; methods of more networks or passes take longer. In `quick` and `standard` all methods have one optimizer and schedule,
//! [`OptimizerConfig::comparable`], and teachers follow a short run faster, [`scaled_momentum`]; in `smoke` and `paper`
//! each has its own.
//!
//! | task | data | network | `quick` | `standard` | `paper` |
//! |---|---|---|---|---|---|
//! | [`la`](Task::LeftAtrium) | left atrium, MR | V-Net | 1.25 mm, 64×64×48, 2,000 | 6,000 | 112×112×80, 6,000, MC-Net+ and SS-Net 15,000, BCP 17,000, other methods of several stages 20,000 |
//! | [`acdc`](Task::Acdc) | three structures of the heart, cine MR | U-Net | slices of 128×128, 6,000 | 192×192, 6,000 | 256×256, 30,000, BCP 40,000, ACTION 90,000 |
//! | [`hippocampus`](Task::Hippocampus) | two parts of the hippocampus, MR | V-Net | 32×48×32, 1,500 | 3,000 | 6,000 |
//! | [`own`](Task::Own) | the user's own scans | V-Net, or U-Net for stacks of slices | fitted, about 96 voxels a side, 2,000 | 6,000 | about 192 voxels a side, 20,000 |
//! | [`pancreas`](Task::Pancreas) | pancreas, CT | V-Net | 2 mm, 64×64×48, 2,000 | 6,000 | 1 mm, 96×96×96, 6,000 |

mod acdc;
mod hippocampus;
mod left_atrium;
mod methods;
mod own;
mod pancreas;
mod patch;

use std::str::FromStr;

use semivox_data::Survey;

use crate::config::RunConfig;
use crate::error::TrainError;
use semivox_methods::ema::scaled_momentum;
use semivox_methods::method_config::MethodConfig;
use semivox_methods::optimizer::OptimizerConfig;

pub use crate::task::Task;

impl Task {
    /// Returns the preset called `preset` for the method called `method`, or for one of its ablations,
    /// `METHOD:ABLATION`.
    ///
    /// # Errors
    /// [`TrainError::Unknown`] naming the known presets, methods or ablations.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::presets::Task;
    ///
    /// let config = Task::Acdc.preset("quick", "supervised").unwrap();
    /// assert_eq!(config.patch, [128, 128, 1]);
    /// let config = Task::LeftAtrium.preset("paper", "simcvd:without_contrast").unwrap();
    /// assert_eq!(config.method_name(), "simcvd:without_contrast");
    /// ```
    pub fn preset(self, preset: &str, method: &str) -> Result<RunConfig, TrainError> {
        let size = Size::from_str(preset)?;
        let base = match self {
            Self::LeftAtrium => left_atrium::base(size),
            Self::Acdc => acdc::base(size),
            Self::Hippocampus => hippocampus::base(size),
            Self::Pancreas => pancreas::base(size),
            Self::Own => own::unseen(size),
        };
        assemble(base, size, method)
    }

    /// Returns whether settings depend on the scans, so that [`fitted`](Self::fitted) needs a survey of them.
    pub fn follows_scans(self) -> bool {
        matches!(self, Self::Own | Self::Pancreas)
    }

    /// Returns the preset adjusted to scans like those surveyed. [`Task::Own`] depends on them; [`Task::Pancreas`]
    /// only on whether intensities still are Hounsfield units; the others are fixed.
    ///
    /// # Errors
    /// As [`preset`](Self::preset).
    pub fn fitted(
        self,
        survey: &Survey,
        preset: &str,
        method: &str,
    ) -> Result<RunConfig, TrainError> {
        let size = Size::from_str(preset)?;
        let base = match self {
            Self::Own => own::base(size, survey),
            Self::Pancreas => pancreas::fitted(size, survey),
            _ => return self.preset(preset, method),
        };
        assemble(base, size, method)
    }
}

/// Returns a preset with its method.
fn assemble(base: Base, size: Size, method: &str) -> Result<RunConfig, TrainError> {
    let (name, ablation) = match method.split_once(':') {
        Some((name, ablation)) => (name, Some(ablation)),
        None => (method, None),
    };
    let (config, iterations, batch) = base;
    let (iterations, batch) = match size {
        Size::Paper => methods::published(config.task, name, (iterations, batch)),
        _ => (iterations, batch),
    };
    let method = MethodConfig::new(name, iterations)?;
    let mut method = methods::fitted(method, size, config.patch).with_iterations(iterations);
    if let Some(batch) = batch {
        method.settings_mut().set_batch(batch);
    }
    if matches!(size, Size::Quick | Size::Standard) {
        let settings = method.settings_mut();
        settings.set_optimizer(OptimizerConfig::comparable());
        for momentum in settings.momenta() {
            *momentum = scaled_momentum(*momentum, iterations);
        }
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

/// Returns the settings with `iterations` in total; in `quick` and `standard` momenta of teachers that were scaled to the
/// former length are scaled to the new one.
///
/// Stages that had the preset's shares of the former length have those of the new one, exactly: the stages of a short trial
/// are rounded. Others keep the shares that they have.
pub fn with_iterations(mut config: RunConfig, iterations: u64) -> RunConfig {
    let before = config.method.settings().iterations();
    let stages = split_of_preset(&config, before, iterations);
    config.method = config.method.with_iterations(iterations);
    if let Some(stages) = stages {
        config
            .method
            .settings_mut()
            .stages()
            .copy_from_slice(&stages);
    }
    if let (Ok(Size::Quick | Size::Standard), Ok(mut published)) = (
        config.preset.parse(),
        MethodConfig::new(config.method.name(), iterations),
    ) {
        let published = published.settings_mut().momenta();
        let momenta = config.method.settings_mut().momenta();
        for (momentum, published) in momenta.into_iter().zip(published) {
            if *momentum == scaled_momentum(*published, before) {
                *momentum = scaled_momentum(*published, iterations);
            }
        }
    }
    config
}

/// Returns the stages of the run's preset for `iterations`, if the run has those of the preset for `before`.
fn split_of_preset(config: &RunConfig, before: u64, iterations: u64) -> Option<Vec<u64>> {
    let name = match &config.ablation {
        Some(ablation) => format!("{}:{ablation}", config.method.name()),
        None => config.method.name().to_string(),
    };
    let preset = config.task.preset(&config.preset, &name).ok()?.method;
    let split = |total| {
        let mut method = preset.clone().with_iterations(total);
        method.settings_mut().stages().to_vec()
    };
    let mut method = config.method.clone();
    (*method.settings_mut().stages() == split(before)).then(|| split(iterations))
}

/// Names of the presets, from the smallest to the published size.
pub const NAMES: [&str; 4] = ["smoke", "quick", "standard", "paper"];

/// The size of a preset, which is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Smoke,
    Quick,
    Standard,
    Paper,
}

impl Size {
    /// In the order of [`NAMES`].
    const ALL: [Self; 4] = [Self::Smoke, Self::Quick, Self::Standard, Self::Paper];

    fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

impl FromStr for Size {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let mut sizes = Self::ALL.into_iter();
        let size = sizes.find(|size| size.name() == name);
        size.ok_or_else(|| TrainError::Unknown {
            kind: "preset",
            name: name.into(),
            expected: "smoke, quick, standard or paper".into(),
        })
    }
}

/// A preset without its method, the method's iterations over all stages, and its labeled and unlabeled
/// patches per batch if they are not the method's default.
type Base = (RunConfig, u64, Option<[usize; 2]>);

/// Returns the left atrium's preset called `preset` for the method called `method`.
///
/// # Errors
/// [`TrainError::Unknown`] naming the known presets or methods.
///
/// # Examples
/// ```
/// let config = semivox_trainer::presets::preset("smoke", "action").unwrap();
/// assert_eq!(config.method.name(), "action");
/// let message = semivox_trainer::presets::preset("tiny", "action").unwrap_err().to_string();
/// assert!(message.contains("smoke, quick, standard or paper"));
/// ```
pub fn preset(preset: &str, method: &str) -> Result<RunConfig, TrainError> {
    Task::LeftAtrium.preset(preset, method)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_data::preprocess::Intensity;

    #[test]
    fn every_preset_checks_and_survives_toml() {
        for task in Task::ALL {
            assert_eq!(task.name().parse::<Task>().unwrap(), task);
            for name in NAMES {
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

    /// Iterations and batches of the papers, where methods differ.
    #[test]
    fn paper_has_the_published_lengths() {
        let method = |task: Task, name| task.preset("paper", name).unwrap().method;
        let iterations = |task, name| method(task, name).settings().iterations();
        assert_eq!(iterations(Task::LeftAtrium, "simcvd"), 6_000);
        assert_eq!(iterations(Task::LeftAtrium, "mean_teacher"), 6_000);
        assert_eq!(iterations(Task::LeftAtrium, "action"), 20_000);
        assert_eq!(iterations(Task::Acdc, "cps"), 30_000);
        let MethodConfig::Action(action) = method(Task::Acdc, "action") else {
            panic!("another method");
        };
        assert_eq!(
            action,
            semivox_methods::recipes::ActionConfig::official_2d()
        );
        let MethodConfig::ActionPp(config) = method(Task::Acdc, "action_pp") else {
            panic!("another method");
        };
        assert_eq!(config.action.iterations, [0, 10_000, 20_000]);
        assert_eq!(config.action.distillation_batch, [4, 4]);
        assert_eq!(config.action.contrast_batch, [4, 4]);
    }

    /// Tables of methods would otherwise mix schedules and weight decays.
    #[test]
    fn quick_and_standard_have_one_optimizer_and_momenta_for_their_length() {
        let common = toml::Value::try_from(OptimizerConfig::comparable()).unwrap();
        for task in Task::ALL {
            for &method in MethodConfig::NAMES {
                let config = task.preset("standard", method).unwrap();
                let text = toml::Value::try_from(&config.method).unwrap();
                let own = text.get("action").unwrap_or(&text);
                assert_eq!(own["optimizer"], common, "{task} {method}");
            }
        }
        let momentum = |size| match Task::Hippocampus.preset(size, "simcvd").unwrap().method {
            MethodConfig::SimCvd(config) => config.teacher_momentum,
            _ => panic!("another method"),
        };
        assert_eq!(momentum("paper"), 0.999);
        assert_eq!(momentum("quick"), scaled_momentum(0.999, 1_500));
        assert!(momentum("quick") < momentum("standard"));
        let longer = |change: f64| {
            let mut config = Task::Hippocampus.preset("quick", "simcvd").unwrap();
            *config.method.settings_mut().momenta()[0] += change;
            let mut config = with_iterations(config, 3_000);
            *config.method.settings_mut().momenta()[0]
        };
        assert_eq!(longer(0.0), momentum("standard"));
        let own = longer(-0.1);
        assert!((own - (momentum("quick") - 0.1)).abs() < 1e-12, "{own}");
    }

    /// A trial of few iterations is made longer with the shares of its preset, not with its own rounded ones.
    #[test]
    fn stages_of_a_longer_run_are_those_of_its_preset() {
        for method in [
            "bcp",
            "action",
            "action_pp",
            "action:without_anco",
            "ideal",
            "global_local",
        ] {
            let stages = |mut config: RunConfig| config.method.settings_mut().stages().to_vec();
            let preset = Task::LeftAtrium.preset("quick", method).unwrap();
            for trial in [2, 3, 10, 19, 500] {
                let short = with_iterations(preset.clone(), trial);
                assert_eq!(short.iterations(), trial, "{method}");
                let longer = with_iterations(short, 2_000);
                assert_eq!(stages(longer), stages(preset.clone()), "{method} {trial}");
            }
        }
        let set = [("method.iterations", "[400, 400]")];
        let own = Task::LeftAtrium
            .preset("quick", "bcp")
            .unwrap()
            .with_values(set);
        let mut longer = with_iterations(own.unwrap(), 1_000);
        assert_eq!(longer.method.settings_mut().stages(), [500, 500]);
    }

    /// The field's HDF5 files of the pancreas are windowed and scaled already.
    #[test]
    fn only_hounsfield_units_are_windowed() {
        let survey = |lowest| Survey {
            orientation: "RAS".parse().unwrap(),
            shape: [96; 3],
            spacing_mm: [1.0; 3],
            extent_mm: [96.0; 3],
            channels: vec![semivox_data::ChannelSurvey {
                lowest,
                foreground: None,
            }],
            mirroring: semivox_data::Mirroring::Harmless,
        };
        let intensity = |lowest| {
            let config = Task::Pancreas.fitted(&survey(lowest), "quick", "simcvd");
            config.unwrap().data.preprocess.intensity
        };
        let (low, high) = (-125.0, 275.0);
        assert_eq!(intensity(-1_024.0), Intensity::WindowZScore { low, high });
        assert_eq!(intensity(0.0), Intensity::ZScore);
        let unseen = Task::Pancreas.preset("quick", "simcvd").unwrap();
        assert_eq!(unseen.data.preprocess.intensity, intensity(-1_024.0));
    }

    /// The supervised loss is to outweigh the contrast; the other presets keep the starting values.
    #[test]
    fn quick_lowers_the_contrast_of_cvrl_alone() {
        let weights = |name: &str| match preset(name, "cvrl").unwrap().method {
            MethodConfig::Cvrl(config) => [config.batch_weight, config.feature_weight],
            _ => panic!("another method"),
        };
        assert_eq!(weights("quick"), [0.01; 2]);
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
