//! Reading and writing of a model as one safetensors file.
//!
//! The weights have PyTorch's names. The file's metadata has two more entries: `semivox_model`, the [`Description`] as
//! JSON, and `semivox_checksum`, a CRC-32C of that text and of all weights, so that a damaged file is refused instead
//! of giving wrong predictions. A model that knows its [`TrainingData`] has two entries for them as well.

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::Device;
use semivox_data::DataError;
use semivox_models::{Network, weights};

use crate::{Description, InferenceError, TrainingData};

/// Name of the model's file in a folder.
pub const FILE_NAME: &str = "model.safetensors";

const DESCRIPTION: &str = "semivox_model";
const CHECKSUM: &str = "semivox_checksum";

/// Writes a model to `path`, or into the folder of that name.
pub(crate) fn write(
    path: &Path,
    network: &Network,
    description: &Description,
    training_data: Option<&TrainingData>,
) -> Result<PathBuf, InferenceError> {
    let file = match is_file_name(path) {
        true => path.to_owned(),
        false => {
            fs::create_dir_all(path).map_err(|source| DataError::Io {
                path: path.to_owned(),
                action: "make folder",
                source,
            })?;
            path.join(FILE_NAME)
        }
    };
    let json = serde_json::to_string(description).expect("a description has a JSON form");
    let checksum = checksum(network, &json);
    let mut notes = vec![(DESCRIPTION, json.as_str()), (CHECKSUM, checksum.as_str())];
    notes.extend(
        description
            .notes
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str())),
    );
    let class_names = description.classes.join(", ");
    notes.push(("class_names", &class_names));
    let data = training_data.map(TrainingData::notes);
    let data = data.iter().flatten();
    notes.extend(data.map(|(key, value)| (*key, value.as_str())));
    weights::export(network, &notes, &file)?;
    Ok(file)
}

/// Reads the model at `path`, or in the folder of that name.
pub(crate) fn read(
    path: &Path,
    device: &Device,
) -> Result<(Network, Description, Option<TrainingData>), InferenceError> {
    let file = located(path)?;
    let Described {
        mut contents,
        json,
        checksum: expected,
        description,
    } = described(&file)?;
    let imported = weights::import(&contents.config.init(device), &file)?;
    let found = checksum(&imported.network, &json);
    if !imported.kept.is_empty() || found != expected {
        return Err(InferenceError::unexpected(
            file.display(),
            format!("the checksum {expected} that it was written with"),
            found,
            "the file is damaged or was changed: copy it again, resume the training of its run to write it anew, \
             or import its weights with `semivox import`",
        ));
    }
    let data = TrainingData::from_notes(&file, &mut contents.notes)?;
    Ok((imported.network, description, data))
}

/// Reads the description of the model at `path`.
pub(crate) fn description(path: &Path) -> Result<Description, InferenceError> {
    Ok(described(&located(path)?)?.description)
}

/// The contents of a model's file, with the weights still to be read.
struct Described {
    contents: weights::Contents,
    json: String,
    checksum: String,
    description: Description,
}

fn described(file: &Path) -> Result<Described, InferenceError> {
    let mut contents = weights::inspect(file)?;
    let mut note = |key| contents.notes.remove(key);
    let (Some(json), Some(checksum)) = (note(DESCRIPTION), note(CHECKSUM)) else {
        return Err(InferenceError::unexpected(
            file.display(),
            "a model with its preprocessing and classes",
            "weights alone",
            "add them with `semivox import`, or build a `Model` from the network",
        ));
    };
    let description = serde_json::from_str(&json).map_err(|error| {
        InferenceError::unexpected(
            file.display(),
            "the description of a model in its metadata",
            error.to_string(),
            "it was written by another version or is damaged: export or train it again",
        )
    })?;
    Ok(Described {
        contents,
        json,
        checksum,
        description,
    })
}

fn is_file_name(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "safetensors")
}

/// Returns the file of the model at `path`, which may be the file or its folder.
pub(crate) fn located(path: &Path) -> Result<PathBuf, InferenceError> {
    let file = match path.is_file() {
        true => path.to_owned(),
        false => path.join(FILE_NAME),
    };
    if file.is_file() {
        return Ok(file);
    }
    let (found, hint) = match (path.is_dir(), path.join("config.toml").is_file()) {
        (_, true) => (
            "a run without one",
            "a training writes it with every checkpoint: resume with `semivox train METHOD --resume --out RUN`",
        ),
        (true, false) => (
            "a folder without one",
            "give the folder of a run, or the file",
        ),
        (false, false) => ("nothing there", "check the path"),
    };
    let expected = format!("a model ({FILE_NAME})");
    Err(InferenceError::unexpected(
        path.display(),
        expected,
        found,
        hint,
    ))
}

fn checksum(network: &Network, json: &str) -> String {
    let sum = crc32c::crc32c_append(weights::checksum(network), json.as_bytes());
    format!("{sum:08x}")
}
