//! The description of a data set in the Decathlon's form, `dataset.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::channels::Numbers;
use super::classes::Classes;
use super::file_names::{self, numbered};
use super::json::{Entries, or_default};
use super::text;
use crate::DataError;

/// The name of the description.
pub(super) const JSON: &str = "dataset.json";

/// The fields of `dataset.json` that are read.
#[derive(Deserialize)]
pub(super) struct Description {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default)]
    modality: Value,
    /// nnU-Net's name of the modalities; its image names end with the channel number.
    #[serde(default)]
    channel_names: Value,
    labels: Option<Entries<Value>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) training: Vec<Pair>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) test: Vec<Image>,
    /// nnU-Net's list of images that may lie anywhere.
    dataset: Option<ByName>,
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

#[derive(Deserialize)]
#[serde(untagged)]
enum ByName {
    Cases(Entries<Images>),
    Other(Value),
}

/// The files of a case.
#[derive(Deserialize)]
pub(super) struct Images {
    pub(super) images: Vec<String>,
    pub(super) label: Option<String>,
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
        let text = text::read_text(path)?;
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

    /// Whether there are names of classes.
    pub(super) fn has_labels(&self) -> bool {
        self.labels.is_some()
    }

    /// Names of the channels in the order of their numbers.
    pub(super) fn channels(&self, path: &Path) -> Result<Vec<String>, DataError> {
        let text = |name: &Value| name.as_str().map_or_else(|| name.to_string(), String::from);
        let described = [&self.channel_names, &self.modality];
        let empty = |value: &Value| match value {
            Value::Object(named) => named.is_empty(),
            value => value.is_null(),
        };
        let named = match described.into_iter().find(|value| !empty(value)) {
            None => return Ok(Vec::new()),
            Some(Value::String(name)) => return Ok(vec![name.clone()]),
            Some(Value::Array(names)) => return Ok(names.iter().map(text).collect()),
            Some(Value::Object(named)) => named,
            Some(other) => {
                let expected = "channels as `{\"0\": \"T1\", \"1\": \"T2\"}`";
                let found = other.to_string();
                return Err(DataError::unexpected(path, expected, found, "correct them"));
            }
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
            Ok(text(name))
        };
        (0..named.len()).map(name).collect()
    }

    /// The cases of `dataset` with their files; none without this field, or if it is a text or number.
    pub(super) fn dataset(&self, path: &Path) -> Result<&[(String, Images)], DataError> {
        match &self.dataset {
            Some(ByName::Cases(cases)) => Ok(&cases.0),
            Some(ByName::Other(other)) if other.is_object() || other.is_array() => {
                Err(DataError::unexpected(
                    path,
                    "a `dataset` as `{\"case1\": {\"images\": [\"imagesTr/case1_0000.nii.gz\"], \"label\": \"labelsTr/case1.nii.gz\"}}`",
                    "another form",
                    "correct it, or remove it to take the files of `imagesTr/` and `labelsTr/`",
                ))
            }
            _ => Ok(&[]),
        }
    }

    /// The meaning of numbers in the names of the images that `training` lists: ids if an image of one channel and its
    /// label map have one.
    pub(super) fn numbers(&self, channels: usize) -> Numbers {
        let name = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file_names::stem(file).unwrap_or(file).to_string()
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
        let Some(labels) = &self.labels else {
            let (expected, hint) = (
                "`labels` as `{\"background\": 0, \"liver\": 1}`",
                "add them",
            );
            return Err(DataError::unexpected(path, expected, "none", hint));
        };
        let mut numbered = BTreeMap::new();
        for (key, value) in &labels.0 {
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
            if let Some(other) = numbered.insert(label, name.clone()) {
                return Err(DataError::unexpected(
                    path,
                    "one name for every label value",
                    format!("`{other}` and `{name}` for {label}"),
                    "remove one of them, or renumber the label maps",
                ));
            }
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
