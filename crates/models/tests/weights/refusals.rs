//! Weight files that are rejected, with the message of each.

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use semivox_models::weights::{self, WeightsError};
use semivox_models::{Architecture, Network, NetworkConfig, Upsampling};
use tempfile::TempDir;

use super::{folder, vnet};

fn message(network: &Network, path: &Path) -> String {
    weights::import(network, path).unwrap_err().to_string()
}

#[test]
fn networks_of_other_sizes_are_refused_with_both() {
    let device = Device::flex();
    let path = folder().join("vnet.pth");
    let unet = vnet(2).with_architecture(Architecture::UNet);
    for (config, expected) in [
        (
            vnet(4),
            "expected a V-Net with in_channels 1, classes 2, filters 4",
        ),
        (
            NetworkConfig::new(1, 3).with_filters(2),
            "classes 3, filters 2",
        ),
        (NetworkConfig::new(2, 2).with_filters(2), "in_channels 2"),
        (
            vnet(2).with_upsampling(Upsampling::Linear),
            "upsampling linear",
        ),
        (unet, "expected a U-Net"),
    ] {
        let found = message(&config.init(&device), &path);
        assert!(found.contains(expected), "{found}");
        let actual =
            "found a V-Net with in_channels 1, classes 2, filters 2, upsampling transposed";
        assert!(found.contains(actual), "{found}");
        assert!(found.contains("vnet.pth") && found.contains("import_without_head"));
    }
}

/// A file with the U-Net's tensors under changed names, and additional tensors.
fn changed(
    rename: impl Fn(&str) -> Option<String>,
    others: Vec<(String, TensorView<'_>)>,
) -> (TempDir, PathBuf) {
    changed_from(&folder().join("unet.safetensors"), rename, others)
}

/// The same with the tensors of another safetensors file.
fn changed_from(
    original: &Path,
    rename: impl Fn(&str) -> Option<String>,
    others: Vec<(String, TensorView<'_>)>,
) -> (TempDir, PathBuf) {
    let bytes = fs::read(original).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let renamed = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((rename(name)?, tensor)));
    saved(renamed.chain(others).collect())
}

fn saved(tensors: Vec<(String, TensorView<'_>)>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.safetensors");
    fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    (folder, path)
}

/// A tensor of one number.
fn one(name: &str, kind: Dtype) -> (String, TensorView<'static>) {
    let bytes = &[0; 8][..kind.bitsize() / 8];
    (
        name.to_string(),
        TensorView::new(kind, vec![1], bytes).unwrap(),
    )
}

fn unet() -> Network {
    let config = weights::inspect(folder().join("unet.safetensors"))
        .unwrap()
        .config;
    config.init(&Device::flex())
}

#[test]
fn missing_and_unexpected_tensors_are_named_and_counted() {
    let network = unet();
    let refused = |rename: &dyn Fn(&str) -> Option<String>, expected: &[&str]| {
        let (_folder, path) = changed(rename, Vec::new());
        let found = message(&network, &path);
        assert!(expected.iter().all(|part| found.contains(part)), "{found}");
    };
    refused(
        &|name| (!name.contains("running_")).then(|| name.into()),
        &[
            "expected the tensors of a U-Net with in_channels 1, classes 4, filters 1",
            "found 36 tensors (`encoder.in_conv.conv_conv.1.running_mean`, ",
            "…) missing; only networks with batch norm",
        ],
    );
    refused(
        &|name| Some(name.replace("up4.conv.", "up5.conv.")),
        &[
            "12 tensors (`decoder.up4.conv.conv_conv.0.weight`, ",
            "…) missing, 12 tensors (`decoder.up5.conv.conv_conv.0.bias`, ",
            "…) unexpected; only",
        ],
    );
    let [one, two] = ["decoder.up1.conv1x1.bias", "decoder.up2.conv1x1.bias"];
    refused(
        &|name| {
            let swapped = match name {
                _ if name == one => two,
                _ if name == two => one,
                _ => name,
            };
            Some(swapped.into())
        },
        &["found 2 of another shape (`decoder.up1.conv1x1.bias`: [4] instead of [8])"],
    );
}

#[test]
fn a_network_without_output_layer_is_refused() {
    let head = "decoder.out_conv.weight";
    let (_folder, path) = changed(|name| (name != head).then(|| name.into()), Vec::new());
    for found in [
        weights::inspect(&path).unwrap_err().to_string(),
        message(&unet(), &path),
    ] {
        assert!(
            found.contains("1 tensor (`decoder.out_conv.weight`) missing"),
            "{found}"
        );
    }
}

#[test]
fn coarser_outputs_are_left_out_and_told() {
    let coarse = "decoder.out_conv_dp1.bias";
    let (_folder, path) = changed(|name| Some(name.into()), vec![one(coarse, Dtype::F32)]);
    let found = weights::import(&unet(), path).unwrap();
    assert_eq!(found.unused, [coarse]);
}

/// BCP's files have the networks under `net`, SS-Net's at the top.
#[test]
fn training_heads_of_ss_net_and_bcp_are_left_out_and_told() {
    let heads = [
        "contrastive_class_selector_0.0.weight",
        "contrastive_class_selector_memory0.3.bias",
        "prediction_head.1.running_mean",
        "projection_head.0.weight",
    ];
    let out = tempfile::tempdir().unwrap();
    let exported = out.path().join("model.safetensors");
    for network in [unet(), vnet(1).init(&Device::flex())] {
        weights::export(&network, &[], &exported).unwrap();
        for place in ["", "net."] {
            let placed = |name: &str| format!("{place}{name}");
            let others = heads.map(|head| one(&placed(head), Dtype::F32));
            let (_folder, path) = changed_from(&exported, |name| Some(placed(name)), others.into());
            let found = weights::import(&network, path).unwrap();
            assert_eq!(found.unused, heads);
            assert!(found.kept.is_empty());
        }
    }
}

#[test]
fn integers_are_refused() {
    let name = "encoder.in_conv.conv_conv.1.bias";
    let others = vec![one(name, Dtype::I64)];
    let (_folder, path) = changed(|n| (n != name).then(|| n.into()), others);
    let found = message(&unet(), &path);
    let expected = format!("expected floating-point numbers in `{name}`, found I64");
    assert!(found.contains(&expected), "{found}");
}

#[test]
fn files_that_are_cut_short_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("model.pth");
    let network = vnet(2).init(&Device::flex());
    for name in ["vnet.pth", "vnet_nested.pth", "unet.safetensors"] {
        let bytes = fs::read(folder().join(name)).unwrap();
        for length in [0, 7, 40, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = weights::import(&network, &path).unwrap_err();
            let unreadable = matches!(error, WeightsError::Unreadable { .. });
            assert!(unreadable, "{name}, {length}: {error}");
        }
    }
    fs::write(&path, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    let found = message(&network, &path);
    assert!(
        found.contains("model.pth") && found.contains("download it again"),
        "{found}"
    );
}

#[test]
fn files_of_other_or_several_networks_are_refused() {
    let network = unet();
    let (_folder, path) = saved(
        ["conv1.weight", "fc.bias"]
            .map(|n| one(n, Dtype::F32))
            .into(),
    );
    let found = message(&network, &path);
    assert!(
        found.contains("found 2 tensors (`conv1.weight`, `fc.bias`)"),
        "{found}"
    );

    let both = ["net", "ema"].map(|place| format!("{place}.block_one.conv.0.weight"));
    let (_folder, path) = saved(both.map(|name| one(&name, Dtype::F32)).into());
    let found = message(&network, &path);
    assert!(
        found.contains("several, for instance under `ema.` and `net.`"),
        "{found}"
    );
}

#[test]
fn places_that_cannot_be_read_or_written_are_named() {
    let out = tempfile::tempdir().unwrap();
    assert!(message(&unet(), out.path()).contains("cannot read"));
    let nowhere = out.path().join("missing/model.safetensors");
    let found = weights::export(&unet(), &[], &nowhere)
        .unwrap_err()
        .to_string();
    assert!(
        found.contains("cannot write") && found.contains("missing"),
        "{found}"
    );
}
