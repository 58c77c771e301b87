//! A trained model, ready to segment scans.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::prelude::Device;
use ndarray::{Array4, ArrayView3, ArrayView4, Axis};
use semivox_data::augment::LabelSwap;
use semivox_data::preprocess::{Preprocess, Preprocessed};
use semivox_data::{LabelMap, LabelValues, Volume, io};
use semivox_models::Network;
use serde::{Deserialize, Serialize};

use crate::{InferenceError, SlidingWindow, device, keep_largest_components, model_file};

/// Everything that prediction needs besides the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Names of the classes, the background first.
    pub classes: Vec<String>,
    /// The values of the classes in the label maps that the model was trained on, and in those that it predicts to files;
    /// `None` for the indices into `classes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_values: Option<LabelValues>,
    /// Preprocessing of every scan.
    pub preprocess: Preprocess,
    /// Sliding-window inference.
    pub window: SlidingWindow,
    /// The axes that training mirrored; test-time augmentation mirrors the same.
    pub mirrored: [bool; 3],
    /// Labels that training exchanged where it mirrored; test-time augmentation exchanges them back.
    #[serde(default, skip_serializing_if = "LabelSwap::is_empty")]
    pub label_swap: LabelSwap,
    /// Origin of the model, such as its method, task or seed; shown, not used.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

impl Description {
    /// Reads the description of a model without its weights, from wherever [`Model::open`] would.
    ///
    /// # Errors
    /// As [`Model::open_on`], but for damaged weights, which are not looked at.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        model_file::description(path.as_ref())
    }

    /// The value of each class in files.
    pub fn values(&self) -> Vec<u32> {
        let classes = (0..=u8::MAX).take(self.classes.len());
        let value = |class: u8| match &self.label_values {
            Some(values) => values.value(class).unwrap_or(class.into()),
            None => class.into(),
        };
        classes.map(value).collect()
    }

    /// Writes a predicted label map with the values of the label maps that the model was trained on.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the file cannot be written.
    pub fn write_labels(
        &self,
        path: impl AsRef<Path>,
        labels: &LabelMap,
    ) -> Result<(), InferenceError> {
        match &self.label_values {
            Some(values) => io::write_label_values(path, labels, values)?,
            None => io::write_labels(path, labels)?,
        }
        Ok(())
    }
}

/// Options of prediction beyond the network's plain output; by default none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentOptions {
    /// Test-time augmentation: the mean over the scan and its mirror images on the axes that training mirrored.
    /// Every axis doubles the time.
    pub mirrored: bool,
    /// [`keep_largest_components`].
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
}

impl Model {
    /// A model of `network`, which computes on `device`.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if the network has another number of classes than the description, or does not
    /// take its window.
    pub fn new(
        network: Network,
        description: Description,
        device: &Device,
    ) -> Result<Self, InferenceError> {
        description.window.check()?;
        model_file::check(&network, &description)?;
        let device = device.clone().inner();
        Ok(Self {
            network: network.valid().fork(&device),
            description,
            device,
            options: SegmentOptions::default(),
        })
    }

    /// Opens a model on the CPU: a run folder, a folder that [`save`](Self::save) wrote, or a safetensors file.
    ///
    /// # Errors
    /// As [`open_on`](Self::open_on); also if the CPU backend is not compiled in.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::open_on(path, &device::by_name("cpu")?)
    }

    /// Opens a model on `device`.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if there is no model, or a damaged one; [`InferenceError::Weights`] if the file
    /// cannot be read.
    pub fn open_on(path: impl AsRef<Path>, device: &Device) -> Result<Self, InferenceError> {
        let (network, description) = model_file::read(path.as_ref(), &device.clone().inner())?;
        Self::new(network, description, device)
    }

    /// Writes the model as one safetensors file: `path` itself if it ends in `.safetensors`, else
    /// `path/model.safetensors`. Returns the file. It appears whole or not at all.
    ///
    /// PyTorch reads the weights too, see [`weights`](semivox_models::weights).
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<PathBuf, InferenceError> {
        model_file::write(path.as_ref(), &self.network, &self.description)
    }

    /// The same model with other options.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if mirroring is asked for of a model that was trained without.
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

    /// Names of the classes, the background first; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.description.classes
    }

    /// Everything that prediction needs besides the weights.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The network, in evaluation mode.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The label map of a scan, on the scan's own grid.
    ///
    /// The scan is preprocessed as in training and segmented by sliding window; class probabilities are interpolated
    /// back to its grid before the class is chosen. Memory beyond the scan: class probabilities on the grid that the
    /// network works on, and a slab of them on the scan's.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the scan cannot be preprocessed.
    pub fn segment(&self, scan: &Volume) -> Result<LabelMap, InferenceError> {
        let prepared = self.prepare(scan)?;
        let probabilities = self.probabilities(&prepared);
        self.labels(&prepared, probabilities.view())
    }

    /// The scan as the network sees it.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the scan cannot be preprocessed.
    pub fn prepare(&self, scan: &Volume) -> Result<Preprocessed, InferenceError> {
        Ok(self.description.preprocess.apply(scan)?)
    }

    /// Class probabilities `[class, x, y, z]` on the grid of a prepared scan.
    pub fn probabilities(&self, prepared: &Preprocessed) -> Array4<f32> {
        let volume = prepared.volume.data.view();
        let mut sum = self.window(volume);
        if self.options.mirrored {
            let axes: Vec<usize> = (0..3).filter(|&a| self.description.mirrored[a]).collect();
            for mirrored in subsets(&axes) {
                let mut view = volume;
                mirrored.iter().for_each(|&a| view.invert_axis(Axis(a)));
                let mut found = self.window(view);
                mirrored
                    .iter()
                    .for_each(|&a| found.invert_axis(Axis(a + 1)));
                for (class, mut sum) in sum.outer_iter_mut().enumerate() {
                    sum += &found.index_axis(Axis(0), self.seen_as(class, &mirrored));
                }
            }
            sum /= (1 << axes.len()) as f32;
        }
        sum
    }

    /// The class that `class` of a scan is in its mirror image.
    fn seen_as(&self, class: usize, mirrored: &[usize]) -> usize {
        let swap = &self.description.label_swap;
        match u8::try_from(class) {
            Ok(label) if mirrored.contains(&usize::from(swap.axis)) => {
                usize::from(swap.counterpart(label))
            }
            _ => class,
        }
    }

    /// The most probable classes on the scan's own grid, with the postprocessing of the options.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the probabilities do not have the shape of `prepared`.
    pub fn labels(
        &self,
        prepared: &Preprocessed,
        probabilities: ArrayView4<'_, f32>,
    ) -> Result<LabelMap, InferenceError> {
        let mut labels = prepared.restore_probabilities(probabilities)?;
        if self.options.largest_component {
            keep_largest_components(&mut labels);
        }
        Ok(labels)
    }

    fn window(&self, volume: ArrayView3<'_, f32>) -> Array4<f32> {
        let forward = |input| self.network.forward(input).logits;
        let window = &self.description.window;
        window.probabilities(forward, volume, &self.device)
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

/// All subsets of the axes but the empty one.
fn subsets(axes: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let chosen = |bits: usize| move |&(i, _): &(usize, &usize)| bits >> i & 1 == 1;
    (1..1_usize << axes.len()).map(move |bits| {
        let some = axes.iter().enumerate().filter(chosen(bits));
        some.map(|(_, &axis)| axis).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_of_axes_are_all_but_none() {
        let found: Vec<_> = subsets(&[0, 2]).collect();
        assert_eq!(found, [vec![0], vec![2], vec![0, 2]]);
        assert_eq!(subsets(&[]).count(), 0);
    }
}
