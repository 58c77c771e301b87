//! Weights exchanged with PyTorch in both directions, and invalid files.

#![allow(clippy::unwrap_used)]

mod refusals;
#[path = "../golden/values.rs"]
mod values;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::tensor::DType;
use safetensors::SafeTensors;
use semivox_models::weights;
use semivox_models::{
    Architecture, Network, NetworkConfig, Upsampling, duplicate, trainable_parameters,
};
use serde::Deserialize;
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

/// A network configured like the file's, with the file's weights.
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

/// A network with a pending update of its running statistics.
fn trained(config: &NetworkConfig) -> Network {
    let device = Device::flex().autodiff();
    let network = config.init(&device);
    let width = if config.architecture.is_2d() { 1 } else { 16 };
    let shape = [2, config.in_channels, 16, 32, width];
    network.forward(wave::<5>(shape, 1, 1.0, (&device, DType::F32)));
    network
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

/// PyTorch's files of both interpolations have the same names and shapes; exported ones have a note.
#[test]
fn interpolation_is_the_networks_unless_the_file_names_it() {
    let device = Device::flex();
    let pytorch = folder().join("unet.safetensors");
    let linear = weights::inspect(&pytorch).unwrap().config;
    assert_eq!(linear.upsampling, Upsampling::Linear);
    let nearest = linear.clone().with_upsampling(Upsampling::Nearest);
    let nearest = nearest.init(&device);
    let found = weights::import(&nearest, &pytorch).unwrap();
    assert!(found.kept.is_empty() && found.unused.is_empty());

    let exported = tempfile::tempdir().unwrap();
    let exported = exported.path().join("model.safetensors");
    for (network, file) in [(&linear.init(&device), "linear"), (&nearest, "nearest")] {
        weights::export(network, &[], &exported).unwrap();
        for (other, own) in [
            (linear.init(&device), "linear"),
            (nearest.clone(), "nearest"),
        ] {
            let imported = weights::import(&other, &exported);
            assert_eq!(imported.is_ok(), own == file, "{file} into {own}");
        }
    }
}

/// DTC takes the sigmoid of one score, this library the softmax of two.
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

/// Files equal PyTorch's own, tensor by tensor.
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
        vnet(1).with_upsampling(Upsampling::Nearest),
        vnet(1)
            .with_architecture(Architecture::UNet)
            .with_upsampling(Upsampling::Nearest),
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
