//! Weights against PyTorch, in both directions, and files that do not fit.

#![allow(clippy::unwrap_used)]

#[path = "golden/values.rs"]
mod values;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::tensor::DType;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use semivox_models::weights::{self, WeightsError};
use semivox_models::{
    Architecture, Network, NetworkConfig, Upsampling, duplicate, trainable_parameters,
};
use serde::Deserialize;
use tempfile::TempDir;
use values::{assert_near, floats, wave};

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    logits: Vec<f64>,
    #[serde(default)]
    content: HashMap<String, (Vec<usize>, String)>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/weights")
}

fn expected(name: &str) -> Expected {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    let mut all: HashMap<String, Expected> = serde_json::from_str(&text).unwrap();
    all.remove(name).unwrap()
}

/// A network of the file's own sizes, with the file's weights.
fn imported(name: &str) -> weights::Imported {
    let path = folder().join(name);
    let config = weights::inspect(&path).unwrap().config;
    weights::import(&config.init(&Device::flex()), &path).unwrap()
}

/// Every 37th logit of the input that the script uses.
fn logits(network: &Network, shape: &[usize]) -> Vec<f64> {
    let shape = match *shape {
        [n, c, h, w] => [n, c, h, w, 1],
        _ => shape.try_into().unwrap(),
    };
    let input = wave::<5>(shape, 1000, 1.0, (&Device::flex(), DType::F32));
    floats(network.forward(input).logits)
}

fn every_37th(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().step_by(37).collect()
}

fn vnet(filters: usize) -> NetworkConfig {
    NetworkConfig::new(1, 2).with_filters(filters)
}

/// A network whose running statistics have an update pending.
fn trained(config: &NetworkConfig) -> Network {
    let device = Device::flex().autodiff();
    let network = config.init(&device);
    let width = if config.architecture.is_2d() { 1 } else { 16 };
    let shape = [2, config.in_channels, 16, 32, width];
    network.forward(wave::<5>(shape, 1, 1.0, (&device, DType::F32)));
    network
}

fn message(network: &Network, path: &Path) -> String {
    weights::import(network, path).unwrap_err().to_string()
}

#[test]
fn networks_that_pytorch_wrote_predict_the_same() {
    for name in [
        "vnet.pth",
        "vnet_nested.pth",
        "vnet_mcnet.pth",
        "unet.pth",
        "unet.safetensors",
    ] {
        let (found, expected) = (imported(name), expected(name));
        let found = logits(&found.network, &expected.shape);
        assert_near(name, &every_37th(found), &expected.logits, 1e-4);
    }
}

#[test]
fn a_file_tells_its_network() {
    let unet = || NetworkConfig::new(1, 4).with_architecture(Architecture::UNet);
    for (name, config) in [
        ("vnet.pth", vnet(2)),
        ("vnet_nested.pth", NetworkConfig::new(2, 3).with_filters(1)),
        ("vnet_dtc.pth", vnet(2).with_signed_distance(Some(1))),
        ("vnet_mcnet.pth", vnet(2)),
        ("unet.pth", unet().with_filters(1)),
        (
            "unet.safetensors",
            unet().with_filters(1).with_upsampling(Upsampling::Linear),
        ),
    ] {
        let found = weights::inspect(folder().join(name)).unwrap().config;
        assert_eq!(found, config, "{name}");
    }
}

/// DTC takes the sigmoid of one score, we the softmax of two.
#[test]
fn a_sigmoid_becomes_a_softmax() {
    let (found, expected) = (imported("vnet_dtc.pth"), expected("vnet_dtc.pth"));
    assert_eq!([found.kept.len(), found.unused.len()], [0, 0]);
    let found = logits(&found.network, &expected.shape);
    let (mut scores, mut background) = (Vec::new(), 0.0_f64);
    for volume in found.chunks(2 * 16 * 16 * 16) {
        let (zero, one) = volume.split_at(16 * 16 * 16);
        background = zero.iter().fold(background, |a, b| a.max(b.abs()));
        scores.extend_from_slice(one);
    }
    assert_eq!(background, 0.0);
    assert_near("sigmoid", &every_37th(scores), &expected.logits, 1e-4);
}

#[test]
fn heads_without_counterpart_are_told() {
    let device = Device::flex();
    let plain = vnet(2).init(&device);
    let found = weights::import(&plain, folder().join("vnet_dtc.pth")).unwrap();
    assert_eq!(found.unused, ["out_conv.bias", "out_conv.weight"]);
    let found = weights::import(&plain, folder().join("vnet_mcnet.pth")).unwrap();
    assert!(
        found
            .unused
            .iter()
            .all(|name| name.starts_with("decoder2."))
    );
    let (convolutions, with_norm) = (9 + 4, 6);
    assert_eq!(found.unused.len(), convolutions * with_norm + 2);

    let two = vnet(2).with_signed_distance(Some(1)).init(&device);
    let found = weights::import(&two, folder().join("vnet.pth")).unwrap();
    let head = "decoder.signed_distance";
    assert_eq!(
        found.kept,
        [format!("{head}.weight"), format!("{head}.bias")]
    );
    let input = wave::<5>([1, 1, 16, 16, 16], 3, 1.0, (&device, DType::F32));
    let [with, without] = [found.network, imported("vnet.pth").network]
        .map(|network| network.forward(input.clone()).logits.into_data());
    assert_eq!(with, without);
}

#[test]
fn other_classes_take_all_but_the_head() {
    let device = Device::flex();
    let network = NetworkConfig::new(1, 3).with_filters(2).init(&device);
    let path = folder().join("vnet.pth");
    let found = weights::import_without_head(&network, &path).unwrap();
    let head = "decoder.segmentation";
    assert_eq!(
        found.kept,
        [format!("{head}.weight"), format!("{head}.bias")]
    );
    assert_eq!(found.unused, ["out_conv.bias", "out_conv.weight"]);
    let input = wave::<5>([1, 1, 16, 16, 16], 3, 1.0, (&device, DType::F32));
    let last = |network: &Network| {
        network.forward(input.clone()).features[4]
            .clone()
            .into_data()
    };
    assert_eq!(last(&found.network), last(&imported("vnet.pth").network));
    assert_ne!(last(&found.network), last(&network));
}

/// PyTorch's own bytes, tensor by tensor.
#[test]
fn files_that_we_write_are_those_that_pytorch_writes() {
    let folder_out = tempfile::tempdir().unwrap();
    let written = folder_out.path().join("unet.safetensors");
    weights::export(&imported("unet.safetensors").network, &[], &written).unwrap();
    let [ours, theirs] = [written, folder().join("unet.safetensors")].map(|p| fs::read(p).unwrap());
    let [ours, theirs] = [&ours, &theirs].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    let counts = theirs
        .names()
        .into_iter()
        .filter(|name| name.ends_with("num_batches_tracked"));
    assert_eq!(ours.len() + counts.count(), theirs.len());
    for (name, ours) in ours.iter() {
        let theirs = theirs.tensor(name).unwrap();
        assert_eq!(
            (ours.dtype(), ours.shape()),
            (theirs.dtype(), theirs.shape()),
            "{name}"
        );
        assert_eq!(ours.data(), theirs.data(), "{name}");
    }

    let written = folder_out.path().join("vnet.safetensors");
    weights::export(&imported("vnet.pth").network, &[], &written).unwrap();
    let bytes = fs::read(written).unwrap();
    let found = SafeTensors::deserialize(&bytes).unwrap();
    let found = found.iter().map(|(name, tensor)| {
        let content = (tensor.shape().to_vec(), checksum(tensor.data()));
        (name.to_string(), content)
    });
    assert_eq!(
        found.collect::<HashMap<_, _>>(),
        expected("vnet.pth").content
    );
}

/// FNV-1a, as in the script.
fn checksum(bytes: &[u8]) -> String {
    let step = |value: u64, byte: &u8| (value ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let configs = [
        vnet(1).with_signed_distance(Some(1)),
        vnet(1).with_upsampling(Upsampling::Linear),
        vnet(1)
            .with_architecture(Architecture::UNet)
            .with_signed_distance(Some(1)),
    ];
    for config in configs {
        let network = trained(&config);
        weights::export(&network, &[("task", "heart"), ("classes", "?")], &path).unwrap();
        let found = weights::inspect(&path).unwrap();
        assert_eq!(found.config, config);
        assert_eq!(found.notes["task"], "heart");
        assert_eq!(
            found.notes["classes"], "2",
            "what is known of the network wins"
        );
        let again = weights::import(&config.init(&Device::flex()), &path).unwrap();
        assert!(again.kept.is_empty() && again.unused.is_empty());
        let width = if config.architecture.is_2d() { 1 } else { 16 };
        let shape = [1, 1, 16, 32, width];
        let found = logits(&again.network, &shape);
        assert_eq!(found, logits(&network.valid(), &shape));
        let first = fs::read(&path).unwrap();
        weights::export(&network, &[("classes", "?"), ("task", "heart")], &path).unwrap();
        assert_eq!(
            first,
            fs::read(&path).unwrap(),
            "equal content, equal bytes"
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing temporary is left"
    );
}

#[test]
fn an_imported_network_trains_and_shares_nothing() {
    let original = trained(&vnet(2));
    let copy = duplicate(&original);
    let path = folder().join("vnet.pth");
    let found = weights::import(&original, &path).unwrap().network;
    assert_eq!(
        trainable_parameters(&found),
        trainable_parameters(&original)
    );
    let shape = [1, 1, 16, 16, 16];
    let expected = logits(&imported("vnet.pth").network, &shape);
    assert_eq!(logits(&found.valid(), &shape), expected);
    let before = logits(&copy.valid(), &shape);
    assert_eq!(logits(&original.valid(), &shape), before);
    let device = Device::flex().autodiff();
    found.forward(wave::<5>([2, 1, 16, 16, 16], 9, 1.0, (&device, DType::F32)));
    assert_eq!(logits(&original.valid(), &shape), before);
    assert_ne!(logits(&found.valid(), &shape), before);
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

/// A file with the U-Net's tensors under changed names, and others.
fn changed(
    rename: impl Fn(&str) -> Option<String>,
    others: Vec<(String, TensorView<'_>)>,
) -> (TempDir, PathBuf) {
    let bytes = fs::read(folder().join("unet.safetensors")).unwrap();
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
