//! Configuration of a run, as one TOML document.
//!
//! A run stores its resolved configuration in `config.toml`; resuming reads
//! that file and nothing else. Unknown keys are refused.

mod checks;

use burn::prelude::Device;
use semivox_data::augment::{LabelSwap, StrongView, Symmetries};
use semivox_inference::{Description, Model, SlidingWindow};
use semivox_models::{Architecture, Network, NetworkConfig, Upsampling};
use serde::{Deserialize, Serialize};

pub use crate::data_config::{DataConfig, FromScans, TestLeaks, absolute};
use crate::error::TrainError;
use crate::settings;
use crate::shared_grid;
use crate::task::Task;
use semivox_methods::context::MethodContext;
use semivox_methods::method_config::MethodConfig;

/// The configuration of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The segmentation task.
    pub task: Task,
    /// Name of the preset these settings came from.
    pub preset: String,
    /// Name of the ablation that the method's settings came from, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ablation: Option<String>,
    /// A custom method, which a program trains in place of `method`
    /// ([`Session::run_method`](crate::session::Session::run_method)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_method: Option<OwnMethod>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Device name, see [`device::by_name`](semivox_inference::device::by_name).
    pub device: String,
    /// Patch size in voxels: multiples of 16, and one slice for a U-Net.
    pub patch: [usize; 3],
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Data set and preprocessing.
    pub data: DataConfig,
    /// Architecture and size of the network.
    pub network: NetworkSettings,
    /// Weak augmentation: random rotations by 90° and mirroring of every patch.
    pub weak_view: Symmetries,
    /// Pairs of left and right labels, exchanged where a patch is mirrored.
    #[serde(default, skip_serializing_if = "LabelSwap::is_empty")]
    pub label_swap: LabelSwap,
    /// Strong augmentation: changes of intensity in the student's input.
    pub strong_view: StrongView,
    /// Sliding window of inference.
    pub inference: SlidingWindow,
    /// The training method with its settings.
    pub method: MethodConfig,
}

/// Name and length of a custom method, as recorded in log, report and evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnMethod {
    /// Name of the method.
    pub name: String,
    /// Number of steps over all stages.
    pub iterations: u64,
}

/// Architecture and size of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// `vnet` (3D) or `unet` (slices).
    pub architecture: Architecture,
    /// Upsampling in the decoder: `transposed` (convolution), `linear` or `nearest` (interpolation).
    #[serde(default)]
    pub upsampling: Upsampling,
    /// Number of filters at the first level.
    pub filters: usize,
    /// Rate of channel dropout at the bottleneck and before the output layer.
    pub dropout: f64,
}

impl RunConfig {
    /// Reads a configuration from a TOML document.
    ///
    /// # Errors
    /// [`TrainError::Document`] with the key, the line of the mistake and, for an unknown key, the
    /// nearest known one.
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        settings::parse(text)
    }

    /// Returns the configuration with some settings changed, such as `("method.optimizer.learning_rate", "0.02")`.
    ///
    /// Values are TOML; a value that is not, such as `cpu`, is taken as text.
    ///
    /// # Errors
    /// [`TrainError::Document`] for an unknown key, with the nearest known one, or a value of a wrong type.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::presets::preset;
    ///
    /// let config = preset("quick", "action")?.with_values([("method.bank", "20")])?;
    /// assert!(config.to_toml()?.contains("bank = 20"));
    /// let message = config.with_values([("method.bnak", "20")]).unwrap_err().to_string();
    /// assert!(message.contains("did you mean 'bank'?"), "{message}");
    /// # Ok::<(), semivox_trainer::TrainError>(())
    /// ```
    pub fn with_values<'a>(
        &self,
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TrainError> {
        settings::change(&self.to_toml()?, values)
    }

    /// Returns a phrase for each setting whose value differs in `now`, such as `method.iterations = 2000, now 4000`.
    ///
    /// # Errors
    /// As for [`to_toml`](Self::to_toml).
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::presets::preset;
    ///
    /// let config = preset("quick", "action")?;
    /// let now = config.with_values([("seed", "1"), ("data.validation", "2")])?;
    /// assert_eq!(config.differences(&now)?, ["data.validation = none, now 2", "seed = 0, now 1"]);
    /// # Ok::<(), semivox_trainer::TrainError>(())
    /// ```
    pub fn differences(&self, now: &Self) -> Result<Vec<String>, TrainError> {
        settings::differences(&self.to_toml()?, &now.to_toml()?)
    }

    /// Returns the settings with what the run of the settings `stored` took from its data set: classes, channels, values of
    /// labels, orientation and spacing, unless these settings name them.
    pub fn completed(mut self, stored: &Self) -> Self {
        let (data, found) = (&mut self.data, &stored.data);
        if data.classes.is_empty() {
            data.classes.clone_from(&found.classes);
        }
        if data.channels.is_empty() {
            data.channels.clone_from(&found.channels);
        }
        if data.label_values.is_none() {
            data.label_values.clone_from(&found.label_values);
        }
        shared_grid::complete(data, found);
        self
    }

    /// Returns the settings with those of `other` that change no result but by rounding: the device, the place of files, the
    /// threads that read them and how often a checkpoint is written.
    pub(crate) fn at_place_of(mut self, other: &Self) -> Self {
        self.device.clone_from(&other.device);
        self.checkpoint_every = other.checkpoint_every;
        let (data, there) = (&mut self.data, &other.data);
        data.root.clone_from(&there.root);
        data.test_list.clone_from(&there.test_list);
        data.workers = there.workers;
        data.prefetch = there.prefetch;
        self
    }

    /// Returns the configuration as the TOML document stored with a run.
    ///
    /// # Errors
    /// [`TrainError::Document`] if a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|e| TrainError::Document(e.to_string()))
    }

    /// Returns the name of the method: `METHOD`, `METHOD:ABLATION`, or that of a custom method.
    pub fn method_name(&self) -> String {
        if let Some(own) = &self.own_method {
            return own.name.clone();
        }
        let method = self.method.name();
        match &self.ablation {
            Some(ablation) => format!("{method}:{ablation}"),
            None => method.into(),
        }
    }

    /// Returns the number of iterations over all stages.
    pub fn iterations(&self) -> u64 {
        match &self.own_method {
            Some(own) => own.iterations,
            None => self.method.settings().iterations(),
        }
    }

    /// Returns the method's name as tables and reports show it; reconstructed methods are marked as such.
    pub fn method_title(&self) -> String {
        let name = self.method_name();
        match self.method {
            _ if self.own_method.is_some() => name,
            // Built from the papers' abstracts alone, so they must not pass for the papers' methods.
            MethodConfig::Cvrl(_) | MethodConfig::Ideal(_) => format!("{name} (reconstruction)"),
            _ => name,
        }
    }

    /// Returns the inputs that all methods share, for data of `classes` classes; `device` is the
    /// training device (with autodiff).
    pub fn context(&self, classes: usize, device: &Device) -> MethodContext {
        MethodContext {
            network: NetworkConfig::new(self.data.channel_count(), classes)
                .with_architecture(self.network.architecture)
                .with_upsampling(self.network.upsampling)
                .with_filters(self.network.filters)
                .with_dropout(self.network.dropout),
            patch: self.patch,
            mirrored: self.weak_view.mirrored(),
            seed: self.seed,
            device: device.clone(),
        }
    }

    /// Returns the description of this run's model, without its weights.
    pub fn description(&self) -> Description {
        let notes = [
            ("task", self.task.name().to_string()),
            ("method", self.method_name()),
            ("preset", self.preset.clone()),
            ("seed", self.seed.to_string()),
            ("device", self.device.clone()),
        ];
        Description {
            classes: self.data.classes.clone(),
            channels: self.data.channels.clone(),
            label_values: self.data.label_values.clone(),
            preprocess: self.data.preprocess.clone(),
            window: self.inference.clone(),
            mirrored: self.weak_view.mirrored(),
            label_swap: self.label_swap.clone(),
            notes: notes.map(|(key, value)| (key.into(), value)).into(),
        }
    }

    /// Returns the run's model: `network` with the run's preprocessing, sliding window and classes.
    ///
    /// # Errors
    /// If the number of class names is not the network's number of classes.
    pub fn model(&self, network: &Network, device: &Device) -> Result<Model, TrainError> {
        Ok(Model::new(network.clone(), self.description(), device)?)
    }
}
