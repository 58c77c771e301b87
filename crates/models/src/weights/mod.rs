//! Weights from and for PyTorch: the V-Net and the U-Net that the field's public code shares.
//!
//! [`export`] writes safetensors that the public PyTorch classes load with `strict=True`.
//! [`import`] reads such files and what `torch.save` writes (`.pth`, `.pt`): the format follows from the
//! content, the network is found wherever in the checkpoint it lies (`state_dict`, `model`, `module.`, …).
//! [`inspect`] tells which network a file holds.
//!
//! # Names
//!
//! Convolutions have `weight` and `bias`, norms also `running_mean` and `running_var`; a file's
//! `num_batches_tracked` is not needed and not written. Layouts are PyTorch's.
//!
//! V-Net, as in UA-MT, SSL4MIS and DTC, built with `normalization="batchnorm"`:
//!
//! | part | convolution | norm |
//! |---|---|---|
//! | blocks of the encoder, then of the decoder, `w` = `one` … `nine`, convolution `u` = 0 … | `block_{w}.conv.{3u}` | `block_{w}.conv.{3u+1}` |
//! | steps down, `w` = `one` … `four` | `block_{w}_dw.conv.0` | `block_{w}_dw.conv.1` |
//! | steps up, `w` = `five` … `eight`, transposed | `block_{w}_up.conv.0` | `block_{w}_up.conv.1` |
//! | steps up, interpolated | `block_{w}_up.conv.1` | `block_{w}_up.conv.2` |
//! | segmentation | `out_conv` | – |
//!
//! The blocks may lie under `encoder.` and `decoder.` or `decoder1.`, as in MC-Net and its successors.
//!
//! U-Net, as in SSL4MIS, whose widespread version interpolates whatever its `bilinear` says:
//!
//! | part | convolutions | norms |
//! |---|---|---|
//! | first block | `encoder.in_conv.conv_conv.{0,4}` | `encoder.in_conv.conv_conv.{1,5}` |
//! | blocks below, `l` = 1 … 4 | `encoder.down{l}.maxpool_conv.1.conv_conv.{0,4}` | `encoder.down{l}.maxpool_conv.1.conv_conv.{1,5}` |
//! | steps up, `s` = 1 … 4 | `decoder.up{s}.up` if transposed, `decoder.up{s}.conv1x1` if interpolated | – |
//! | blocks on the way up | `decoder.up{s}.conv.conv_conv.{0,4}` | `decoder.up{s}.conv.conv_conv.{1,5}` |
//! | segmentation | `decoder.out_conv` | – |
//!
//! # Heads
//!
//! - With a signed-distance head, `out_conv` is that head and `out_conv2` the segmentation, as in DTC's
//!   V-Net. A network without the head leaves the file's out; a network with it keeps its own where the
//!   file has none.
//! - A segmentation of one map, of which DTC takes the sigmoid, becomes one of two classes: the
//!   background's score is 0, so that softmax gives the same probabilities.
//! - Further decoders (`decoder2.`, `decoder3.`) and coarser outputs (`decoder.out_conv_dp1`, …) are left
//!   out. [`Imported`] lists what was left out and what was kept.
//! - What stands beside a network while it is trained (a teacher, a second decoder, projectors) is not
//!   part of [`Network`] and not exported.
//!
//! # What names cannot tell
//!
//! Networks with residual blocks (`has_residual=True`), with other activations or with nearest-neighbor
//! interpolation have the same names and shapes as those supported, but compute something else. Group norm,
//! instance norm and networks without norm are told apart and refused.
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

/// A network with the weights of a file.
#[derive(Debug)]
pub struct Imported {
    /// The network, trainable where the given one was; it shares nothing with it.
    pub network: Network,
    /// Parameters that the file has nothing for and that kept their values, by our paths.
    pub kept: Vec<String>,
    /// The file's tensors that stand beside what segments, by their public names.
    pub unused: Vec<String>,
}

/// What a file of weights holds.
#[derive(Debug)]
pub struct Contents {
    /// A configuration that [`import`] takes the file into; the dropout, which weights do not tell, is the
    /// default.
    pub config: NetworkConfig,
    /// The notes of a safetensors file, among them those of [`export`].
    pub notes: BTreeMap<String, String>,
}

/// Writes a network's parameters and running statistics as safetensors, in single precision.
///
/// The `notes` go into the file's metadata, beside what the network is: `architecture`, `in_channels`,
/// `classes`, `filters`, `upsampling`, `signed_distance`, `format` (`pt`) and `software`, which win over
/// notes of the same name. Equal networks and notes give equal bytes; the file appears complete or not at
/// all.
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

/// Gives a network like `network` the weights of a file.
///
/// # Errors
///
/// [`WeightsError`] if the file cannot be read, holds no network that it knows, several, one of other
/// sizes, or one whose tensors are not those of `network`.
pub fn import(network: &Network, path: impl AsRef<Path>) -> Result<Imported, WeightsError> {
    load(network, path.as_ref(), true)
}

/// Gives a network like `network` the weights of a file that may segment other classes: the output
/// layers keep their values.
///
/// # Errors
///
/// As [`import`].
pub fn import_without_head(
    network: &Network,
    path: impl AsRef<Path>,
) -> Result<Imported, WeightsError> {
    load(network, path.as_ref(), false)
}

/// Tells which network a file holds.
///
/// # Errors
///
/// [`WeightsError`] if the file cannot be read, holds no network that this module knows, or several.
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
    // One map is a foreground, whose background goes without saying.
    let classes = config.classes.max(2);
    Ok(Contents {
        config: NetworkConfig { classes, ..config },
        notes: located.notes,
    })
}

/// The sizes of a network, read from its parameters; the dropout, which they do not tell, is the default.
/// None for a network with parts of its own, which [`import`] could not rebuild.
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

/// The CRC-32C of a network's parameters and running statistics: their public names, shapes and values in single
/// precision, in the order of the names.
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

/// Values by their public names.
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

/// What a file says of the network in it.
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

/// A network's sizes in words.
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
    }
}
