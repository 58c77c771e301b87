//! Search for a network among the tensors of a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::WeightsError;
use super::file::{Contents, Entry};
use crate::{Architecture, NetworkConfig, Upsampling};

/// A tensor that all public V-Nets have.
const VNET_MARK: &str = "block_one.conv.0.weight";
/// A tensor that all public U-Nets have.
const UNET_MARK: &str = "encoder.in_conv.conv_conv.0.weight";
/// Modules that SS-Net and BCP save with every network, though only SS-Net's training uses them.
const TRAINING_HEADS: [&str; 3] = [
    "projection_head.",
    "prediction_head.",
    "contrastive_class_selector_",
];

/// A network found in a file.
pub(super) struct Located {
    pub(super) architecture: Architecture,
    /// Its tensors, with the names of the public networks.
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) notes: BTreeMap<String, String>,
}

impl Located {
    /// Finds the network at any prefix (`state_dict.`, `module.`, …) and ignores tensors outside it.
    pub(super) fn find(path: &Path, contents: Contents) -> Result<Self, WeightsError> {
        let (prefix, architecture) = place(path, &contents)?;
        let mut entries = BTreeMap::new();
        for (full, entry) in contents.entries {
            let Some(name) = full.strip_prefix(&prefix) else {
                continue;
            };
            if name.ends_with("num_batches_tracked") {
                continue;
            }
            let plain = plain(name, architecture);
            // Tensors of a second decoder must not overwrite those of the first.
            let name = if entries.contains_key(plain) {
                name
            } else {
                plain
            };
            entries.insert(name.to_string(), entry);
        }
        Ok(Self {
            architecture,
            entries,
            notes: contents.notes,
        })
    }

    /// Returns whether the network has a signed-distance head.
    pub(super) fn has_two_heads(&self) -> bool {
        self.entries.contains_key("out_conv2.weight")
            || self.entries.contains_key("decoder.out_conv2.weight")
    }

    /// Returns the network's configuration, or the name of a missing tensor that would determine it.
    ///
    /// Names and shapes do not tell nearest-neighbor from linear interpolation: the file's notes do, and without them it
    /// is linear.
    pub(super) fn config(&self) -> Result<NetworkConfig, &'static str> {
        let mut config = config(self.architecture, |name| {
            Some(self.entries.get(name)?.shape.clone())
        })?;
        let noted = self.notes.get("upsampling").map(String::as_str);
        if config.upsampling == Upsampling::Linear && noted == Some("nearest") {
            config.upsampling = Upsampling::Nearest;
        }
        Ok(config)
    }

    /// Returns whether the file's notes say how its network interpolates.
    pub(super) fn names_upsampling(&self) -> bool {
        self.notes.contains_key("upsampling")
    }

    /// Returns whether a tensor unknown to the network belongs to an extra output: a signed distance (DTC), a further
    /// decoder (MC-Net), a coarser output (URPC, deep supervision), a head for training (SS-Net, BCP).
    pub(super) fn is_extra_head(&self, name: &str) -> bool {
        let starts: &[&str] = match self.architecture {
            Architecture::VNet => &["out_conv.", "out_conv2.", "decoder2.", "decoder3."],
            Architecture::UNet => &[
                "decoder.out_conv.",
                "decoder.out_conv2.",
                "decoder.out_conv_dp",
            ],
        };
        let mut starts = starts.iter().chain(&TRAINING_HEADS);
        starts.any(|start| name.starts_with(start))
    }
}

/// Finds the prefix of the network in a file, and its architecture.
fn place(path: &Path, contents: &Contents) -> Result<(String, Architecture), WeightsError> {
    let names = || contents.entries.keys();
    let found: BTreeMap<String, Architecture> = names().filter_map(|name| marked(name)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(WeightsError::unknown(path, names())),
        (Some(one), Some(two)) => Err(WeightsError::several(path, &one.0, &two.0)),
    }
}

/// Returns the prefix and architecture that a tensor name implies.
fn marked(name: &str) -> Option<(String, Architecture)> {
    let before = |mark| {
        let prefix: &str = name.strip_suffix(mark)?;
        (prefix.is_empty() || prefix.ends_with('.')).then_some(prefix)
    };
    if let Some(prefix) = before(UNET_MARK) {
        return Some((prefix.to_string(), Architecture::UNet));
    }
    let prefix = before(VNET_MARK)?;
    let prefix = prefix.strip_suffix("encoder.").unwrap_or(prefix);
    Some((prefix.to_string(), Architecture::VNet))
}

/// Strips the prefixes of MC-Net and its successors from the name of a V-Net tensor.
fn plain(name: &str, architecture: Architecture) -> &str {
    let parts = ["encoder.", "decoder.", "decoder1."];
    match architecture {
        Architecture::UNet => name,
        Architecture::VNet => parts
            .iter()
            .find_map(|part| name.strip_prefix(part))
            .unwrap_or(name),
    }
}

/// Infers a configuration from shapes and public names, or returns the missing tensor that would determine it.
pub(super) fn config(
    architecture: Architecture,
    shape: impl Fn(&str) -> Option<Vec<usize>>,
) -> Result<NetworkConfig, &'static str> {
    let side = |name: &'static str, axis: usize| {
        let side = shape(name).and_then(|sides| sides.get(axis).copied());
        side.ok_or(name)
    };
    let [first, one, two, transposed, linear] = match architecture {
        Architecture::VNet => [
            VNET_MARK,
            "out_conv.weight",
            "out_conv2.weight",
            "block_five_up.conv.0.weight",
            "block_five_up.conv.2.weight",
        ],
        Architecture::UNet => [
            UNET_MARK,
            "decoder.out_conv.weight",
            "decoder.out_conv2.weight",
            "decoder.up1.up.weight",
            "decoder.up1.conv1x1.weight",
        ],
    };
    let upsampling = match shape(linear) {
        Some(_) => Upsampling::Linear,
        None => side(transposed, 0).map(|_| Upsampling::Transposed)?,
    };
    let head = side(one, 0)?;
    let (classes, signed_distance) = match side(two, 0) {
        Ok(classes) => (classes, Some(head)),
        Err(_) => (head, None),
    };
    Ok(NetworkConfig::new(side(first, 1)?, classes)
        .with_architecture(architecture)
        .with_filters(side(first, 0)?)
        .with_upsampling(upsampling)
        .with_signed_distance(signed_distance))
}
