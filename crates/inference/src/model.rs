//! A trained model, ready to segment scans.

mod prediction;

use std::fmt;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::prelude::Device;
use semivox_models::Network;

use crate::{Description, InferenceError, TrainingData, consistency, device, model_file};

/// Options of prediction; by default all are off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentOptions {
    /// Test-time augmentation: class probabilities are averaged over the scan and its mirror images along the axes
    /// that training mirrored. Every axis doubles the time.
    pub mirrored: bool,
    /// Keeps the largest connected component of every class, see
    /// [`keep_largest_components`](crate::keep_largest_components).
    pub largest_component: bool,
}

/// A trained segmentation model: a network with its preprocessing, sliding window and classes.
///
/// It can be shared between threads. A run folder holds the model of its newest checkpoint.
///
/// # Examples
///
/// A model that is saved, opened again and applied to a scan:
///
/// ```
/// use burn::prelude::*;
/// use ndarray::Array3;
/// use semivox_data::{Geometry, Volume, preprocess::Preprocess};
/// use semivox_inference::{Blend, Description, Model, SlidingWindow};
/// use semivox_models::NetworkConfig;
///
/// let network = NetworkConfig::new(1, 2).with_filters(1).init(&Device::flex());
/// let description = Description {
///     classes: vec!["background".into(), "atrium".into()],
///     channels: vec![],
///     label_values: None,
///     preprocess: Preprocess { spacing_mm: Some([2.0; 3]), ..Preprocess::default() },
///     window: SlidingWindow { window: [16; 3], stride: [8; 3], blend: Blend::Gaussian },
///     mirrored: [true, false, false],
///     label_swap: Default::default(),
///     notes: Default::default(),
/// };
/// let folder = tempfile::tempdir().unwrap();
/// Model::new(network, description, &Device::flex())?.save(folder.path())?;
///
/// let model = Model::open(folder.path())?;
/// let geometry = Geometry::from_spacing([1.0, 1.0, 2.5]);
/// let scan = Volume::new(Array3::from_shape_fn((40, 36, 12), |(x, y, _)| (x * y) as f32), geometry);
/// let labels = model.segment(&scan)?;
/// assert_eq!(labels.data.dim(), scan.data.dim());
/// assert_eq!(labels.geometry, scan.geometry);
/// # Ok::<(), semivox_inference::InferenceError>(())
/// ```
pub struct Model {
    network: Network,
    description: Description,
    device: Device,
    options: SegmentOptions,
    training_data: Option<TrainingData>,
}

impl Model {
    /// Creates a model from `network`, which computes on `device`.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if the network has another number of classes or channels than the description, or
    /// does not take its window.
    pub fn new(
        network: Network,
        description: Description,
        device: &Device,
    ) -> Result<Self, InferenceError> {
        description.window.check()?;
        consistency::check(&network, &description)?;
        let device = device.clone().inner();
        Ok(Self {
            network: network.valid().fork(&device),
            description,
            device,
            options: SegmentOptions::default(),
            training_data: None,
        })
    }

    /// Opens a model on the CPU: a run folder, a folder that [`save`](Self::save) wrote, or a safetensors file.
    ///
    /// # Errors
    /// As for [`open_on`](Self::open_on); also if the CPU backend is not compiled in.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::open_on(path, &device::by_name("cpu")?)
    }

    /// Opens a model on `device`.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if there is no model, or a damaged one; [`InferenceError::Weights`] if the file
    /// cannot be read.
    pub fn open_on(path: impl AsRef<Path>, device: &Device) -> Result<Self, InferenceError> {
        let (network, description, data) =
            model_file::read(path.as_ref(), &device.clone().inner())?;
        Ok(Self::new(network, description, device)?.with_training_data(data))
    }

    /// Writes the model as one safetensors file: `path` itself if it ends in `.safetensors`, else
    /// `path/model.safetensors`. Returns the path of the file, which is written atomically.
    ///
    /// PyTorch reads the weights too, see [`weights`](semivox_models::weights).
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<PathBuf, InferenceError> {
        let data = self.training_data.as_ref();
        model_file::write(path.as_ref(), &self.network, &self.description, data)
    }

    /// Returns the model with the fingerprints of its training scans, or without.
    ///
    /// # Examples
    ///
    /// ```
    /// # use burn::prelude::*;
    /// # use semivox_data::{Geometry, Volume, preprocess::Preprocess};
    /// # use semivox_inference::{Blend, Description, Model, SlidingWindow};
    /// # use semivox_models::NetworkConfig;
    /// # let network = NetworkConfig::new(1, 2).with_filters(1).init(&Device::flex());
    /// # let description = Description {
    /// #     classes: vec!["background".into(), "atrium".into()],
    /// #     channels: vec![],
    /// #     label_values: None,
    /// #     preprocess: Preprocess::default(),
    /// #     window: SlidingWindow { window: [16; 3], stride: [8; 3], blend: Blend::Gaussian },
    /// #     mirrored: [true, false, false],
    /// #     label_swap: Default::default(),
    /// #     notes: Default::default(),
    /// # };
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let scan = |n| {
    /// #     let data = ndarray::Array3::from_shape_fn((24, 24, 24), |(x, y, z)| ((x * y + n * z) % 17) as f32);
    /// #     Volume::new(data, Geometry::from_spacing([1.0; 3]))
    /// # };
    /// use semivox_data::{Fingerprint, Match};
    /// use semivox_inference::TrainingData;
    ///
    /// let data = TrainingData::new([Fingerprint::of(&scan(1))], []);
    /// let model = Model::new(network, description, &Device::flex())?.with_training_data(data);
    /// model.save(folder.path())?;
    ///
    /// let model = Model::open(folder.path())?;
    /// let data = model.training_data().expect("the model has fingerprints");
    /// let found = data.seen(&Fingerprint::of(&scan(1)));
    /// assert_eq!(found.map(|seen| (seen.evidence, seen.labeled)), Some((Match::Exact, true)));
    /// assert_eq!(data.seen(&Fingerprint::of(&scan(5))), None);
    /// # Ok::<(), semivox_inference::InferenceError>(())
    /// ```
    #[must_use]
    pub fn with_training_data(mut self, data: impl Into<Option<TrainingData>>) -> Self {
        self.training_data = data.into();
        self
    }

    /// Returns the fingerprints of the scans that the model was trained on; `None` if they are not known, as for imported
    /// weights and models of older versions.
    pub fn training_data(&self) -> Option<&TrainingData> {
        self.training_data.as_ref()
    }

    /// Returns the model with other options.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if `options` mirrors and the model was trained without mirroring.
    pub fn with_options(mut self, options: SegmentOptions) -> Result<Self, InferenceError> {
        if options.mirrored && self.description.mirrored == [false; 3] {
            return Err(InferenceError::unexpected(
                "mirrored prediction",
                "a model trained with mirroring",
                "one trained without",
                "predict without it",
            ));
        }
        self.options = options;
        Ok(self)
    }

    /// Returns the names of the classes, the background first; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.description.classes
    }

    /// Returns the description of the model: everything that prediction needs besides the weights.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Returns the network, in evaluation mode.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("description", &self.description)
            .field("device", &self.device)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
