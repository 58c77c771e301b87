//! Export of a network's weights under their public names, and their checksum.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};

use super::description::entries;
use super::{WeightsError, matching, names, parameters, safetensors_file};
use crate::Network;

/// Writes a network's parameters and running statistics as safetensors, in single precision.
///
/// The `notes` are stored as metadata of the file, together with the configuration: `architecture`,
/// `in_channels`, `classes`, `filters`, `upsampling`, `signed_distance`, `format` (`pt`) and `software`, which
/// replace notes of the same name. Equal networks and notes give equal bytes; the file is written
/// atomically.
///
/// # Errors
///
/// [`WeightsError::Io`] if the file cannot be written.
pub fn export(
    network: &Network,
    notes: &[(&str, &str)],
    path: impl AsRef<Path>,
) -> Result<(), WeightsError> {
    let parameters = parameters::collect(network);
    let own = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
    let mut notes: BTreeMap<String, String> = notes.iter().map(own).collect();
    if let Ok(config) = matching::config(network, &parameters) {
        notes.extend(entries(&config));
    }
    safetensors_file::write(path.as_ref(), tensors(parameters), &notes)
}

/// Computes the CRC-32C of a network's parameters and running statistics.
///
/// It covers public names, shapes and values in single precision, in the order of the names.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{NetworkConfig, weights};
///
/// let network = || NetworkConfig::new(1, 2).with_filters(1).init(&Device::flex());
/// let (one, other) = (network(), network());
/// assert_eq!(weights::checksum(&one), weights::checksum(&one.clone()));
/// assert_ne!(weights::checksum(&one), weights::checksum(&other));
/// ```
pub fn checksum(network: &Network) -> u32 {
    tensors(parameters::collect(network))
        .into_iter()
        .fold(0, |sum, (name, tensor)| {
            let tensor = tensor.convert_dtype(DType::F32);
            let shape = format!("{name} {:?} ", tensor.shape().as_slice());
            crc32c::crc32c_append(
                crc32c::crc32c_append(sum, shape.as_bytes()),
                tensor.as_bytes(),
            )
        })
}

/// Collects values by their public names.
fn tensors(parameters: Vec<parameters::Parameter>) -> BTreeMap<String, TensorData> {
    let two_heads = matching::has_two_heads(&parameters);
    let named = |p: parameters::Parameter| Some((names::public_name(&p.path, two_heads)?, p.value));
    parameters.into_iter().filter_map(named).collect()
}
