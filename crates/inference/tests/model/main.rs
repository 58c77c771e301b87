//! Models saved, opened, damaged and shared between threads.
#![allow(clippy::unwrap_used)]

mod mirrored;
mod training_data;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use burn::prelude::*;
use ndarray::Array3;
use semivox_data::augment::LabelSwap;
use semivox_data::preprocess::Preprocess;
use semivox_data::{Geometry, Volume};
use semivox_inference::{Blend, Description, InferenceError, Model, SegmentOptions, SlidingWindow};
use semivox_models::{Architecture, Network, NetworkConfig, weights};

fn description(classes: usize, side: usize) -> Description {
    Description {
        classes: (0..classes).map(|class| format!("class {class}")).collect(),
        label_values: None,
        preprocess: Preprocess {
            spacing_mm: Some([1.5; 3]),
            ..Preprocess::default()
        },
        window: SlidingWindow {
            window: [16, 16, side],
            stride: [8, 8, side],
            blend: Blend::Uniform,
        },
        mirrored: [true, false, true],
        channels: Vec::new(),
        label_swap: LabelSwap::default(),
        notes: BTreeMap::from([("method".into(), "supervised".into())]),
    }
}

/// The same weights in every test: tests run side by side and share the device's generator.
fn network(architecture: Architecture) -> Network {
    static NETWORKS: LazyLock<[Network; 2]> = LazyLock::new(|| {
        let config = NetworkConfig::new(1, 3).with_filters(2);
        [Architecture::VNet, Architecture::UNet].map(|architecture| {
            let config = config.clone().with_architecture(architecture);
            config.init(&Device::flex())
        })
    });
    NETWORKS[usize::from(architecture == Architecture::UNet)].clone()
}

fn vnet() -> Model {
    Model::new(
        network(Architecture::VNet),
        description(3, 16),
        &Device::flex(),
    )
    .unwrap()
}

fn scan() -> Volume {
    let data = Array3::from_shape_fn((30, 20, 18), |(x, y, z)| ((x * y + 3 * z) % 17) as f32);
    Volume::new(data, Geometry::from_spacing([1.0, 1.2, 2.0]))
}

fn message<T: std::fmt::Debug>(result: Result<T, InferenceError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_saved_model_predicts_the_same_from_a_folder_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    for (architecture, side) in [(Architecture::VNet, 16), (Architecture::UNet, 1)] {
        let model = Model::new(network(architecture), description(3, side), &device).unwrap();
        let expected = model.segment(scan()).unwrap();
        assert_eq!(expected.geometry, scan().geometry);
        assert_eq!(expected.data.dim(), scan().data.dim());
        for path in ["a", "b.safetensors"].map(|name| folder.path().join(name)) {
            let file = model.save(&path).unwrap();
            for opened in [&path, &file] {
                let again = Model::open(opened).unwrap();
                assert_eq!(again.description(), model.description());
                assert_eq!(again.segment(scan()).unwrap(), expected);
            }
            assert_eq!(Description::read(&path).unwrap(), *model.description());
        }
    }
}

/// A network in training has dropout, statistics of the batch and gradients; a model of it has none of them.
#[test]
fn a_model_of_a_network_in_training_is_in_evaluation() {
    let training = network(Architecture::VNet).train();
    let model = Model::new(training, description(3, 16), &Device::flex().autodiff()).unwrap();
    assert_eq!(
        model.segment(scan()).unwrap(),
        vnet().segment(scan()).unwrap()
    );
}

/// Of a class's parts the largest stays; without the option all stay.
#[test]
fn the_largest_component_is_kept_on_request() {
    let options = |largest_component| SegmentOptions {
        largest_component,
        ..SegmentOptions::default()
    };
    let prepared = vnet().prepare(scan()).unwrap();
    let [x, y, z] = prepared.image.shape();
    let part = |at: [usize; 3]| {
        let within = |range: std::ops::Range<usize>| at.iter().all(|index| range.contains(index));
        if within(2..7) || within(10..13) {
            1.0
        } else {
            0.0
        }
    };
    let probabilities = ndarray::Array4::from_shape_fn((3, x, y, z), |(class, x, y, z)| {
        let inside = part([x, y, z]);
        [1.0 - inside, inside, 0.0][class]
    });
    let voxels = |largest_component| {
        let model = vnet().with_options(options(largest_component)).unwrap();
        let labels = model.labels(&prepared, probabilities.view()).unwrap();
        labels.data.iter().filter(|&&label| label == 1).count()
    };
    let (all, largest) = (voxels(false), voxels(true));
    assert!(0 < largest && largest < all, "{largest} of {all}");
}

#[test]
fn every_damaged_part_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = vnet().save(folder.path()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let header = 8 + usize::try_from(u64::from_le_bytes(*whole.first_chunk().unwrap())).unwrap();
    let text = String::from_utf8_lossy(&whole[..header]).into_owned();
    // The last place is in the description; notes for people come before it.
    let places = [
        text.rfind("1.5,1.5").unwrap(),
        text.rfind("class 1").unwrap(),
        header + 1,
        (header + whole.len()) / 2,
        whole.len() - 1,
    ];
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        std::fs::write(&file, &damaged).unwrap();
        let found = message(Model::open(folder.path()));
        assert!(
            found.contains("model.safetensors: expected the checksum"),
            "{found}"
        );
    }
    std::fs::write(&file, &whole[..whole.len() - 40]).unwrap();
    assert!(message(Model::open(folder.path())).contains("damaged file"));
    std::fs::write(&file, &whole).unwrap();
    Model::open(folder.path()).unwrap();
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| message(Model::open(path));
    assert!(open(folder.path()).contains("found a folder without one"));
    assert!(open(&folder.path().join("nowhere")).contains("found nothing there"));
    std::fs::write(folder.path().join("config.toml"), "").unwrap();
    assert!(open(folder.path()).contains("--resume"));
    let file = folder.path().join("weights.safetensors");
    weights::export(&network(Architecture::VNet), &[], &file).unwrap();
    assert!(open(&file).contains("found weights alone"));
}

#[test]
fn inconsistent_descriptions_are_refused() {
    let new = |architecture, description: &Description| {
        let network = network(architecture);
        Model::new(network, description.clone(), &Device::flex())
    };
    let mut wrong = description(3, 16);
    wrong.classes.pop();
    assert!(message(new(Architecture::VNet, &wrong)).contains("each of the network's 3 classes"));
    let wrong = description(3, 12);
    assert!(message(new(Architecture::VNet, &wrong)).contains("multiples of 16"));
    assert!(message(new(Architecture::UNet, &description(3, 16))).contains("1] for a U-Net"));
    let mut wrong = description(3, 16);
    wrong.window.stride[1] = 17;
    assert!(message(new(Architecture::VNet, &wrong)).contains("axis 1, found 17"));
    let mut plain = description(3, 16);
    plain.mirrored = [false; 3];
    let options = SegmentOptions {
        mirrored: true,
        ..SegmentOptions::default()
    };
    let model = new(Architecture::VNet, &plain).unwrap();
    assert!(message(model.with_options(options)).contains("trained without"));
}

#[test]
fn threads_share_a_model() {
    let model = vnet();
    let expected = model.segment(scan()).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| model.segment(scan())))
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), expected);
        }
    });
}
