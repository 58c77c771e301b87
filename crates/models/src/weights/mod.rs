//! Import and export of PyTorch weights, for the V-Net and the U-Net of the field's public code.
//!
//! [`export`] writes safetensors that the public PyTorch classes load with `strict=True`.
//! [`import`] reads such files and those of `torch.save` (`.pth`, `.pt`): the format is detected by
//! the content, and the network is found at any prefix (`state_dict`, `model`, `module.`, …).
//! [`inspect`] returns the configuration of the network in a file.
//!
//! # Names
//!
//! Convolutions have `weight` and `bias`, norms also `running_mean` and `running_var`. The entry
//! `num_batches_tracked` is ignored on import and not written. Layouts are PyTorch's.
//!
//! V-Net, as in UA-MT, SSL4MIS and DTC, built with `normalization="batchnorm"`:
//!
//! | part | convolution | norm |
//! |---|---|---|
//! | blocks of the encoder, then of the decoder, `w` = `one` … `nine`, convolution `u` = 0 … | `block_{w}.conv.{3u}` | `block_{w}.conv.{3u+1}` |
//! | downsampling, `w` = `one` … `four` | `block_{w}_dw.conv.0` | `block_{w}_dw.conv.1` |
//! | upsampling, `w` = `five` … `eight`, transposed | `block_{w}_up.conv.0` | `block_{w}_up.conv.1` |
//! | upsampling, interpolated | `block_{w}_up.conv.1` | `block_{w}_up.conv.2` |
//! | segmentation | `out_conv` | – |
//!
//! The blocks may have the prefix `encoder.`, `decoder.` or `decoder1.`, as in MC-Net and its successors.
//!
//! U-Net, as in SSL4MIS, whose widespread version always interpolates, whatever its `bilinear` is:
//!
//! | part | convolutions | norms |
//! |---|---|---|
//! | first block | `encoder.in_conv.conv_conv.{0,4}` | `encoder.in_conv.conv_conv.{1,5}` |
//! | blocks below, `l` = 1 … 4 | `encoder.down{l}.maxpool_conv.1.conv_conv.{0,4}` | `encoder.down{l}.maxpool_conv.1.conv_conv.{1,5}` |
//! | upsampling, `s` = 1 … 4 | `decoder.up{s}.up` if transposed, `decoder.up{s}.conv1x1` if interpolated | – |
//! | decoder blocks | `decoder.up{s}.conv.conv_conv.{0,4}` | `decoder.up{s}.conv.conv_conv.{1,5}` |
//! | segmentation | `decoder.out_conv` | – |
//!
//! # Heads
//!
//! - With a signed-distance head, `out_conv` is this head and `out_conv2` the segmentation, as in DTC's
//!   V-Net. A network without the head ignores the file's; a network with the head keeps its own values if
//!   the file has none.
//! - A one-channel segmentation with a sigmoid, as in DTC, is converted to two classes with a background
//!   score of 0, for which softmax gives the same probabilities.
//! - Further decoders (`decoder2.`, `decoder3.`) and coarser outputs (`decoder.out_conv_dp1`, …) are
//!   ignored. [`Imported`] lists what was ignored and what was kept.
//! - Modules that are only used in training (a teacher, a second decoder, projectors) are not part of
//!   [`Network`] and not exported.
//!
//! # Limits of the names
//!
//! Networks with residual blocks (`has_residual=True`) or other activations have the same names and shapes as the
//! supported ones, but compute something else. Nearest-neighbor interpolation has those of linear interpolation: a file
//! of [`export`] tells them apart by its metadata, another is taken for linear by [`inspect`] and can be imported into
//! a network of either. Group norm, instance norm and networks without norm are detected and rejected.
//!
//! # Examples
//!
//! ```
//! use burn::prelude::*;
//! use semivox_models::{NetworkConfig, weights};
//!
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("model.safetensors");
//! let device = Device::flex();
//! let network = NetworkConfig::new(1, 2).with_filters(1).init(&device);
//! weights::export(&network, &[("task", "left atrium")], &file)?;
//!
//! let found = weights::inspect(&file)?;
//! assert_eq!(found.notes["task"], "left atrium");
//! let again = weights::import(&found.config.init(&device), &file)?.network;
//! let volume = Tensor::ones([1, 1, 16, 16, 16], &device);
//! let [a, b] = [network, again].map(|n| n.forward(volume.clone()).logits.into_data());
//! assert_eq!(a, b);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod located;
mod matching;
mod names;
mod parameters;
mod safetensors_file;

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};

pub use error::{Difference, WeightsError};

use self::located::Located;
use self::matching::Matching;
use crate::{Architecture, Network, NetworkConfig, Upsampling};

/// A network with imported weights.
#[derive(Debug)]
pub struct Imported {
    /// The network, trainable where the given one was; it shares no state with it.
    pub network: Network,
    /// Parameters without a counterpart in the file, which kept their values, by their path in the module.
    pub kept: Vec<String>,
    /// Tensors of the file that were not used, by their public names.
    pub unused: Vec<String>,
}

/// Description of a weight file.
#[derive(Debug)]
pub struct Contents {
    /// A configuration for [`import`]ing the file; dropout, which cannot be inferred from weights, is the
    /// default.
    pub config: NetworkConfig,
    /// The metadata of a safetensors file, including those of [`export`].
    pub notes: BTreeMap<String, String>,
}

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

/// Returns a network configured like `network`, with the weights of a file.
///
/// # Errors
///
/// [`WeightsError`] if the file cannot be read, holds no known network or several, or if its network
/// does not match `network`.
pub fn import(network: &Network, path: impl AsRef<Path>) -> Result<Imported, WeightsError> {
    load(network, path.as_ref(), true)
}

/// Returns a network configured like `network`, with the weights of a file except for the output
/// layers, which keep their values; the number of classes may differ.
///
/// # Errors
///
/// As for [`import`].
pub fn import_without_head(
    network: &Network,
    path: impl AsRef<Path>,
) -> Result<Imported, WeightsError> {
    load(network, path.as_ref(), false)
}

/// Returns the configuration of the network in a file.
///
/// # Errors
///
/// [`WeightsError`] if the file cannot be read, or holds no known network or several.
pub fn inspect(path: impl AsRef<Path>) -> Result<Contents, WeightsError> {
    let path = path.as_ref();
    let located = Located::find(path, file::read(path)?)?;
    let config = located.config().map_err(|missing| WeightsError::Tensors {
        path: path.to_owned(),
        network: format!("a {}", name(located.architecture)),
        difference: Difference {
            missing: vec![missing.into()],
            ..Difference::default()
        },
    })?;
    // One output channel is a foreground; the background is implicit.
    let classes = config.classes.max(2);
    Ok(Contents {
        config: NetworkConfig { classes, ..config },
        notes: located.notes,
    })
}

/// Infers the configuration of a network from the shapes of its parameters.
///
/// The dropout, which cannot be inferred, is the default. Returns `None` if a tensor that determines the configuration
/// is missing, as in a network with custom modules, which [`import`] could not rebuild.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{NetworkConfig, weights};
///
/// let network = NetworkConfig::new(1, 3).with_filters(2).init(&Device::flex());
/// let config = weights::config_of(&network).unwrap();
/// assert_eq!((config.classes, config.filters), (3, 2));
/// ```
pub fn config_of(network: &Network) -> Option<NetworkConfig> {
    matching::config(network, &parameters::collect(network)).ok()
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

fn load(network: &Network, path: &Path, with_head: bool) -> Result<Imported, WeightsError> {
    let located = Located::find(path, file::read(path)?)?;
    let matching = Matching::new(path, network, &located, with_head)?;
    let values = matching.read(path, &located)?;
    Ok(Imported {
        network: parameters::replaced(network, values),
        kept: matching.kept,
        unused: matching.unused,
    })
}

/// Returns the metadata that describe a network.
fn entries(config: &NetworkConfig) -> Vec<(String, String)> {
    let mut entries = vec![
        ("format", "pt".to_string()),
        (
            "software",
            concat!("semivox ", env!("CARGO_PKG_VERSION")).to_string(),
        ),
        (
            "architecture",
            name(config.architecture).to_lowercase().replace('-', ""),
        ),
        ("in_channels", config.in_channels.to_string()),
        ("classes", config.classes.to_string()),
        ("filters", config.filters.to_string()),
        ("upsampling", upsampling(config).to_string()),
    ];
    if let Some(maps) = config.signed_distance {
        entries.push(("signed_distance", maps.to_string()));
    }
    let owned = |(key, value): (&str, String)| (key.to_string(), value);
    entries.into_iter().map(owned).collect()
}

/// Describes a configuration in words.
fn describe(config: &NetworkConfig) -> String {
    format!(
        "a {} with in_channels {}, classes {}, filters {}, upsampling {}",
        name(config.architecture),
        config.in_channels,
        config.classes,
        config.filters,
        upsampling(config)
    )
}

fn name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::VNet => "V-Net",
        Architecture::UNet => "U-Net",
    }
}

fn upsampling(config: &NetworkConfig) -> &'static str {
    match config.upsampling {
        Upsampling::Transposed => "transposed",
        Upsampling::Linear => "linear",
        Upsampling::Nearest => "nearest",
    }
}
