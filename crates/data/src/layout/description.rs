//! The description of a data set in the Decathlon's form, `dataset.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::channels::{Numbers, numbered};
use super::classes::Classes;
use super::{files, text};
use crate::DataError;

/// The fields of `dataset.json` that are read.
#[derive(Deserialize)]
pub(super) struct Description {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    modality: BTreeMap<String, Value>,
    /// nnU-Net's name of the modalities; its image names end with the channel number.
    #[serde(default)]
    pub(super) channel_names: BTreeMap<String, Value>,
    labels: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) training: Vec<Pair>,
    #[serde(default)]
    pub(super) test: Vec<Image>,
}

#[derive(Deserialize)]
pub(super) struct Pair {
    pub(super) image: String,
    pub(super) label: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Image {
    Path(String),
    Entry { image: String },
}

impl Description {
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        if !path.is_file() {
            return Err(DataError::missing(
                path,
                "a description of the data set",
                "check the path",
            ));
        }
        let text = text::read(path)?;
        let description: Self = serde_json::from_str(&text).map_err(|error| {
            DataError::unexpected(
                path,
                "a description in JSON",
                error.to_string(),
                "compare it with a `dataset.json` of the Decathlon",
            )
        })?;
        Ok(description)
    }

    /// Names of the channels in the order of their numbers.
    pub(super) fn channels(&self, path: &Path) -> Result<Vec<String>, DataError> {
        let named = match self.channel_names.is_empty() {
            true => &self.modality,
            false => &self.channel_names,
        };
        let name = |number: usize| {
            let name = named.get(&number.to_string()).ok_or_else(|| {
                DataError::unexpected(
                    path,
                    format!("channels numbered from 0 to {}", named.len() - 1),
                    format!("no channel {number}"),
                    "renumber them",
                )
            })?;
            Ok(name.as_str().map_or_else(|| name.to_string(), String::from))
        };
        (0..named.len()).map(name).collect()
    }

    /// The meaning of numbers in the names of the images that `training` lists: ids if an image of one channel and its
    /// label map have one.
    pub(super) fn numbers(&self, channels: usize) -> Numbers {
        let name = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            files::stem(file).unwrap_or(file).to_string()
        };
        let of_one = |Pair { image, label }: &Pair| {
            let label = label.as_ref().map(|label| name(label));
            let image = Some(name(image)).filter(|image| numbered(image).is_some());
            image.is_some() && image == label
        };
        match channels == 1 && self.training.iter().any(of_one) {
            true => Numbers::Ids,
            false => Numbers::Channels,
        }
    }

    /// Classes by voxel value, in ascending order.
    pub(super) fn classes(&self, path: &Path) -> Result<Classes, DataError> {
        let mut numbered = BTreeMap::new();
        for (key, value) in &self.labels {
            if value.is_array() {
                return Err(region(path, key, value));
            }
            let entry = match value {
                Value::String(name) => key.parse().ok().map(|label| (label, name.clone())),
                other => other
                    .as_u64()
                    .and_then(|label| Some((u32::try_from(label).ok()?, key.clone()))),
            };
            let (label, name) = entry.ok_or_else(|| {
                let found = format!("`{key}: {value}`");
                DataError::unexpected(path, "labels as `\"1\": \"name\"`", found, "renumber them")
            })?;
            numbered.insert(label, name);
        }
        Classes::numbered(path, numbered.into_iter())
    }
}

/// nnU-Net's regions are lists of values, which overlap: a voxel of a tumor's core is one of the whole tumor too.
fn region(path: &Path, name: &str, values: &Value) -> DataError {
    DataError::unexpected(
        path,
        "labels of one value each, as in `\"organ\": 1`",
        format!("the region `{name}` of the values {values}"),
        "regions, which may overlap, are not supported: name every value of the label maps as a class of its own, and \
         join the classes of a region after prediction; or write label maps with one value a region",
    )
}
