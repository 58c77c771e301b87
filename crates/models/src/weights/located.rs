//! Finding a network among the tensors of a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::WeightsError;
use super::file::{Contents, Entry};
use crate::{Architecture, NetworkConfig, Upsampling};

/// What every V-Net of the field has.
const VNET_MARK: &str = "block_one.conv.0.weight";
/// What every U-Net of the field has.
const UNET_MARK: &str = "encoder.in_conv.conv_conv.0.weight";

/// A network of a file.
pub(super) struct Located {
    pub(super) architecture: Architecture,
    /// Tensors by the names of the public networks.
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) notes: BTreeMap<String, String>,
}

impl Located {
    /// Finds the network wherever in the file it lies (`state_dict.`, `module.`, …) and leaves out
    /// what lies elsewhere.
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
            // Two decoders must not take one another's place.
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

    /// Whether the network has a signed-distance head.
    pub(super) fn has_two_heads(&self) -> bool {
        self.entries.contains_key("out_conv2.weight")
            || self.entries.contains_key("decoder.out_conv2.weight")
    }

    /// What the network is, or the name of a missing tensor that would tell.
    pub(super) fn config(&self) -> Result<NetworkConfig, &'static str> {
        config(self.architecture, |name| {
            Some(self.entries.get(name)?.shape.clone())
        })
    }

    /// Whether a tensor that the network has no place for stands beside what segments: a signed
    /// distance (DTC), a further decoder (MC-Net), a coarser output (URPC, deep supervision).
    pub(super) fn is_extra_head(&self, name: &str) -> bool {
        let starts: &[&str] = match self.architecture {
            Architecture::VNet => &["out_conv.", "out_conv2.", "decoder2.", "decoder3."],
            Architecture::UNet => &[
                "decoder.out_conv.",
                "decoder.out_conv2.",
                "decoder.out_conv_dp",
            ],
        };
        starts.iter().any(|start| name.starts_with(start))
    }
}

/// Where in a file its network lies, and which it is.
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

/// Where a name puts a network, and which.
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

/// A V-Net's name without the parts that MC-Net and its successors sort its blocks into.
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

/// What the shapes under public names tell of a network, or the name of a missing tensor that would.
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
