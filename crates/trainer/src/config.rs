//! Configuration of a run, as one TOML document.
//!
//! A run stores its resolved configuration in `config.toml`; resuming reads
//! that file and nothing else. Unknown keys are refused.

use burn::prelude::Device;
use semivox_data::augment::{LabelSwap, StrongView, Symmetries};
use semivox_inference::{Description, Model, SlidingWindow};
use semivox_models::{Architecture, Network, NetworkConfig, Upsampling};
use serde::{Deserialize, Serialize};

pub use crate::data_config::{DataConfig, TestLeaks};
use crate::error::TrainError;
use crate::settings;
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

/// Hint of the errors about settings.
const CHANGE: &str = "change it in config.toml or with --set";

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

    /// Checks all settings, before anything is read or written.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the key, what was expected and what was found.
    pub fn check(&self) -> Result<(), TrainError> {
        let refuse = |key: &str, expected: &str, found: f64| {
            Err(TrainError::setting(key, expected, found, CHANGE))
        };
        self.check_sides("patch", self.patch)?;
        self.check_sides("inference.window", self.inference.window)?;
        if self.network.filters == 0 {
            return refuse("network.filters", "at least 1", 0.0);
        }
        if !(0.0..1.0).contains(&self.network.dropout) {
            return refuse("network.dropout", "0 to 1", self.network.dropout);
        }
        if self.checkpoint_every == 0 {
            return refuse("checkpoint_every", "at least 1", 0.0);
        }
        self.inference.check()?;
        self.check_views()?;
        self.check_label_swap()?;
        Ok(self.method.check(self.patch)?)
    }

    /// Checks that probabilities and strengths of augmentation are in range.
    fn check_views(&self) -> Result<(), TrainError> {
        let (jitter, blur) = (&self.strong_view.jitter, &self.strong_view.blur);
        let mut checked = vec![(
            "weak_view.flip_probability",
            self.weak_view.flip_probability,
            1.0,
        )];
        if let Some(jitter) = jitter {
            checked.push(("strong_view.jitter.probability", jitter.probability, 1.0));
            checked.push(("strong_view.jitter.amount", f64::from(jitter.amount), 1.0));
        }
        if let Some(blur) = blur {
            let [least, most] = blur.sigma.map(f64::from);
            checked.push(("strong_view.blur.probability", blur.probability, 1.0));
            checked.push(("strong_view.blur.sigma", most, 1e3));
            checked.push(("strong_view.blur.sigma", least, most));
        }
        for (key, value, most) in checked {
            if !(0.0..=most).contains(&value) {
                let expected = format!("0 to {most}");
                return Err(TrainError::setting(key, expected, value, CHANGE));
            }
        }
        Ok(())
    }

    /// Checks the pairs of labels that mirroring exchanges: the axis can be mirrored, patches are not rotated (which
    /// exchanges sides too), and every label is a class and in one pair only.
    fn check_label_swap(&self) -> Result<(), TrainError> {
        let LabelSwap { axis, pairs } = &self.label_swap;
        if pairs.is_empty() {
            return Ok(());
        }
        let refuse = |key, expected: &str, found: String| {
            Err(TrainError::setting(key, expected, found, CHANGE))
        };
        match self.patch.get(usize::from(*axis)) {
            None => return refuse("label_swap.axis", "0, 1 or 2", axis.to_string()),
            Some(1) => {
                let found = format!("{axis}, along which a patch has one voxel");
                return refuse("label_swap.axis", "an axis of the patch", found);
            }
            Some(_) => {}
        }
        if self.weak_view.rotate {
            let expected = "false together with label_swap, as rotations exchange sides too";
            return refuse("weak_view.rotate", expected, "true".into());
        }
        let classes = match self.data.classes.len() {
            0 => usize::from(u8::MAX), // not known before the data set is opened
            classes => classes,
        };
        let mut labels: Vec<u8> = pairs.as_flattened().to_vec();
        labels.sort_unstable();
        let once = labels.windows(2).all(|two| two[0] != two[1]);
        let known = labels.iter().all(|&l| l > 0 && usize::from(l) < classes);
        if once && known {
            return Ok(());
        }
        let expected = format!("labels from 1 to {}, each once", classes - 1);
        refuse("label_swap.pairs", &expected, format!("{pairs:?}"))
    }

    /// Checks that the network can halve the sides of a patch four times; a U-Net takes one slice.
    fn check_sides(&self, key: &str, sides: [usize; 3]) -> Result<(), TrainError> {
        let architecture = self.network.architecture;
        let multiples = architecture.required_multiples();
        let fits = |axis: usize| sides[axis] > 0 && sides[axis].is_multiple_of(multiples[axis]);
        let one_slice = !architecture.is_2d() || sides[2] == 1;
        if one_slice && (0..3).all(fits) {
            return Ok(());
        }
        let wanted = match architecture.is_2d() {
            true => "[16·a, 16·b, 1] (a U-Net halves a slice four times)",
            false => "multiples of 16 (a V-Net halves each axis four times)",
        };
        let found = format!("{sides:?}");
        Err(TrainError::setting(key, wanted, found, CHANGE))
    }
}
