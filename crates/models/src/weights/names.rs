//! Names of parameters in the field's public networks.

/// Blocks of the public V-Net in order.
const BLOCKS: [&str; 9] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];

/// Output layer of networks with one head; the signed-distance head of networks with two.
const FIRST_HEAD: &str = "out_conv";
/// Segmentation layer of networks with two heads.
const SECOND_HEAD: &str = "out_conv2";

/// Returns the public name of the parameter at `path` in a [`Network`](crate::Network).
///
/// With `two_heads` the file has a signed-distance head, as in DTC's V-Net. Otherwise there is no name
/// for this head.
pub(super) fn public_name(path: &[String], two_heads: bool) -> Option<String> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    if is_signed_distance(path) && !two_heads {
        return None;
    }
    let name = match parts.as_slice() {
        ["VNet", module @ .., leaf] => vnet(module, two_heads).map(|m| join(&m, leaf)),
        ["UNet", module @ .., leaf] => unet(module, two_heads).map(|m| join(&m, leaf)),
        _ => None,
    };
    // Modules unknown to the public networks keep their own name.
    Some(name.unwrap_or_else(|| parts.join(".")))
}

/// Returns whether the parameter at `path` belongs to the signed-distance head.
pub(super) fn is_signed_distance(path: &[String]) -> bool {
    path.iter().any(|part| part == "signed_distance")
}

/// Returns whether the parameter at `path` belongs to an output layer.
pub(super) fn is_head(path: &[String]) -> bool {
    is_signed_distance(path) || path.iter().any(|part| part == "segmentation")
}

/// Returns whether the parameter at `path` belongs to the output layer of the segmentation.
pub(super) fn is_segmentation(path: &[String]) -> bool {
    is_head(path) && !is_signed_distance(path)
}

/// Returns whether the parameter at `path` belongs to an upsampling by nearest neighbors.
pub(super) fn is_nearest(path: &[String]) -> bool {
    path.iter().any(|part| part == "Nearest")
}

fn vnet(module: &[&str], two_heads: bool) -> Option<String> {
    Some(match *module {
        ["encoder", level, "units", unit, layer] => {
            format!("block_{}.conv.{}", block(level, 0)?, in_block(unit, layer)?)
        }
        ["downs", level, layer] => format!("block_{}_dw.conv.{}", block(level, 0)?, rank(layer)?),
        ["decoder", "ups", step, kind, layer] => {
            // The interpolation is the first element of its sequence.
            let first = usize::from(interpolates(kind));
            format!("block_{}_up.conv.{}", block(step, 4)?, first + rank(layer)?)
        }
        ["decoder", "blocks", step, "units", unit, layer] => {
            format!("block_{}.conv.{}", block(step, 5)?, in_block(unit, layer)?)
        }
        ["decoder", field] => head(field, two_heads)?.to_string(),
        _ => return None,
    })
}

fn unet(module: &[&str], two_heads: bool) -> Option<String> {
    Some(match *module {
        ["encoder", "0", half, layer] => {
            format!("encoder.in_conv.conv_conv.{}", in_pair(half, layer)?)
        }
        ["encoder", level, half, layer] => {
            let place = in_pair(half, layer)?;
            format!("encoder.down{level}.maxpool_conv.1.conv_conv.{place}")
        }
        ["decoder", "ups", step, kind] => {
            let layer = if interpolates(kind) { "conv1x1" } else { "up" };
            format!("decoder.up{}.{layer}", number(step)? + 1)
        }
        ["decoder", "blocks", step, half, layer] => {
            let place = in_pair(half, layer)?;
            format!("decoder.up{}.conv.conv_conv.{place}", number(step)? + 1)
        }
        ["decoder", field] => format!("decoder.{}", head(field, two_heads)?),
        _ => return None,
    })
}

/// Returns whether an upsampling of this kind has an ordinary convolution besides the interpolation.
fn interpolates(kind: &str) -> bool {
    ["Linear", "Nearest"].contains(&kind)
}

fn head(field: &str, two_heads: bool) -> Option<&'static str> {
    match (field, two_heads) {
        ("segmentation", true) => Some(SECOND_HEAD),
        ("segmentation", false) | ("signed_distance", true) => Some(FIRST_HEAD),
        _ => None,
    }
}

/// Joins module and parameter name; batch norm's parameters have other names in Burn.
fn join(module: &str, leaf: &str) -> String {
    let leaf = match leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    };
    format!("{module}.{leaf}")
}

fn number(part: &str) -> Option<usize> {
    part.parse().ok()
}

fn block(index: &str, first: usize) -> Option<&'static str> {
    BLOCKS.get(first + number(index)?).copied()
}

/// Returns the position of a layer in a sequence of convolution and norm.
fn rank(layer: &str) -> Option<usize> {
    ["conv", "norm"].iter().position(|name| *name == layer)
}

/// Returns the index of a layer in a V-Net's sequence of convolution, norm, ReLU, convolution, ….
fn in_block(unit: &str, layer: &str) -> Option<usize> {
    Some(3 * number(unit)? + rank(layer)?)
}

/// Returns the index of a layer in a U-Net's sequence of convolution, norm, leaky ReLU, dropout, convolution, ….
fn in_pair(half: &str, layer: &str) -> Option<usize> {
    let half = ["first", "second"].iter().position(|name| *name == half)?;
    Some(4 * half + rank(layer)?)
}
