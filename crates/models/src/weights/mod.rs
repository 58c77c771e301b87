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
//! - Further decoders (`decoder2.`, `decoder3.`), coarser outputs (`decoder.out_conv_dp1`, …) and the heads that SS-Net
//!   and BCP save with every network (`projection_head.`, `prediction_head.`, `contrastive_class_selector_0.`, …) are
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

mod description;
mod error;
mod exporting;
mod file;
mod located;
mod matching;
mod names;
mod parameters;
mod safetensors_file;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::{Difference, WeightsError};
pub use exporting::{checksum, export};

use self::located::Located;
use self::matching::Matching;
use crate::{Network, NetworkConfig};

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
        network: format!("a {}", located.architecture),
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
