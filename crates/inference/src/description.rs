//! The description of a trained model.

use std::collections::BTreeMap;
use std::path::Path;

use semivox_data::augment::LabelSwap;
use semivox_data::preprocess::Preprocess;
use semivox_data::{LabelMap, LabelValues, io};
use serde::{Deserialize, Serialize};

use crate::{InferenceError, SlidingWindow, model_file};

/// The description of a model: everything that prediction needs besides the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Names of the classes, the background first.
    pub classes: Vec<String>,
    /// Names of the channels of every scan, in order; empty for one channel without a name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Voxel values of the classes in label files, those that the model was trained on and those that it writes;
    /// `None` for the indices into `classes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_values: Option<LabelValues>,
    /// Preprocessing of every scan.
    pub preprocess: Preprocess,
    /// Sliding-window inference.
    pub window: SlidingWindow,
    /// The axes that training mirrored; test-time augmentation mirrors the same axes.
    pub mirrored: [bool; 3],
    /// Labels that training exchanged where it mirrored; test-time augmentation exchanges them back.
    #[serde(default, skip_serializing_if = "LabelSwap::is_empty")]
    pub label_swap: LabelSwap,
    /// Origin of the model, such as its method, task or seed; for display only.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

impl Description {
    /// Returns the number of channels of every scan.
    pub fn channel_count(&self) -> usize {
        self.channels.len().max(1)
    }

    /// Reads the description of a model without its weights, from any path that [`Model::open`](crate::Model::open) takes.
    ///
    /// # Errors
    /// As for [`Model::open_on`](crate::Model::open_on), except for damaged weights, which are not read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        model_file::description(path.as_ref())
    }

    /// Returns the voxel value of each class in label files.
    pub fn values(&self) -> Vec<u32> {
        let classes = (0..=u8::MAX).take(self.classes.len());
        let value = |class: u8| match &self.label_values {
            Some(values) => values.value(class).unwrap_or(class.into()),
            None => class.into(),
        };
        classes.map(value).collect()
    }

    /// Writes a predicted label map with the voxel values of the label maps that the model was trained on.
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
