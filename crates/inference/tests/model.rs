//! Models saved, opened, damaged and shared between threads.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use burn::prelude::*;
use ndarray::Array3;
use semivox_data::augment::LabelSwap;
use semivox_data::preprocess::Preprocess;
use semivox_data::{Fingerprint, Geometry, Image, LabelMap, LabeledCase, Volume, io};
use semivox_inference::evaluation::Protocol;
use semivox_inference::{
    Blend, Description, InferenceError, Model, SeenScans, SegmentOptions, SlidingWindow,
    TrainingData, evaluate,
};
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

/// Of classes that are each other's counterparts, a mirror image shows the other one.
#[test]
fn mirrored_probabilities_of_pairs_are_exchanged() {
    let mut described = description(3, 16);
    described.mirrored = [true, false, false];
    described.label_swap.pairs = vec![[1, 2]];
    let options = SegmentOptions {
        mirrored: true,
        ..SegmentOptions::default()
    };
    let network = network(Architecture::VNet);
    let model = Model::new(network, described, &Device::flex()).unwrap();
    let mut turned = model.prepare(scan()).unwrap();
    let plain = model.probabilities(&turned);
    let mirrored = model.with_options(options).unwrap();
    let found = mirrored.probabilities(&turned);
    let mut data = turned.image.first().data.clone();
    data.invert_axis(ndarray::Axis(0));
    turned.image = Volume::new(data, *turned.image.geometry()).into();
    let mut image = vnet().probabilities(&turned);
    image.invert_axis(ndarray::Axis(1));
    for (class, seen) in [(0, 0), (1, 2), (2, 1)] {
        let of =
            |map: &ndarray::Array4<f32>, class| map.index_axis(ndarray::Axis(0), class).to_owned();
        let expected = (of(&plain, class) + of(&image, seen)) / 2.0;
        let apart = &of(&found, class) - &expected;
        assert!(apart.iter().all(|x| x.abs() < 1e-6), "class {class}");
    }
}

/// Mirror images on two axes: the mean of four predictions, each mirrored back.
#[test]
fn mirrored_probabilities_are_the_mean_over_mirror_images() {
    let options = SegmentOptions {
        mirrored: true,
        ..SegmentOptions::default()
    };
    let (plain, mirrored) = (vnet(), vnet().with_options(options).unwrap());
    let prepared = plain.prepare(scan()).unwrap();
    let found = mirrored.probabilities(&prepared);
    let mut expected = plain.probabilities(&prepared);
    for axes in [&[0][..], &[2], &[0, 2]] {
        let mut turned = prepared.clone();
        let mut view = prepared.image.first().data.view();
        for &axis in axes {
            view.invert_axis(ndarray::Axis(axis));
        }
        turned.image = Volume::new(view.to_owned(), *prepared.image.geometry()).into();
        let mut one = plain.probabilities(&turned);
        axes.iter()
            .for_each(|&a| one.invert_axis(ndarray::Axis(a + 1)));
        expected += &one;
    }
    expected /= 4.0;
    let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-6);
    assert_ne!(found, plain.probabilities(&prepared));
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

/// The scan with other intensities: no voxel is equal, but it is the same scan.
fn touched() -> Volume {
    let mut scan = scan();
    scan.data.mapv_inplace(|x| 2.0 * x + 3.0);
    scan
}

fn knowing(scans: &[Volume]) -> Model {
    let prints: Vec<Fingerprint> = scans.iter().map(Fingerprint::of).collect();
    vnet().with_training_data(TrainingData::new(prints, []))
}

#[test]
fn training_data_are_saved_with_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = knowing(&[scan()]);
    for path in ["a", "b.safetensors"].map(|name| folder.path().join(name)) {
        let file = model.save(&path).unwrap();
        for opened in [&path, &file] {
            let again = Model::open(opened).unwrap();
            assert_eq!(again.training_data(), model.training_data());
            assert_eq!(again.description(), model.description());
            let read = TrainingData::read(opened).unwrap();
            assert_eq!(read.as_ref(), model.training_data());
        }
    }
    // A model of an older version.
    let path = folder.path().join("older");
    vnet().save(&path).unwrap();
    assert_eq!(Model::open(&path).unwrap().training_data(), None);
    assert_eq!(TrainingData::read(&path).unwrap(), None);
    assert!(message(TrainingData::read(folder.path().join("nowhere"))).contains("nothing there"));
}

#[test]
fn damaged_training_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = knowing(&[scan()]).save(folder.path()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    for key in ["1:", "semivox_training_checksum", "unlabeled"] {
        let mut bytes = whole.clone();
        let at = whole
            .windows(key.len())
            .position(|part| part == key.as_bytes());
        bytes[at.unwrap()] = b'7';
        std::fs::write(&file, bytes).unwrap();
        let words = "expected undamaged fingerprints of the training scans";
        assert!(message(Model::open(&file)).contains(words), "{key}");
        assert!(message(TrainingData::read(&file)).contains(words), "{key}");
    }
}

/// A folder with a case for each scan, and the cases.
fn cases(folder: &Path, scans: &[(&str, Volume)]) -> Vec<LabeledCase> {
    let case = |(id, scan): &(&str, Volume)| {
        let [image, label] =
            ["image", "label"].map(|part| folder.join(format!("{id}_{part}.nii.gz")));
        io::write_volume(&image, scan).unwrap();
        let labels = Array3::from_shape_fn(scan.data.dim(), |(x, y, _)| u8::from(x > 9 && y > 7));
        io::write_labels(&label, &LabelMap::new(labels, scan.geometry)).unwrap();
        LabeledCase {
            id: id.to_string(),
            image: image.into(),
            label: label.into(),
        }
    };
    scans.iter().map(case).collect()
}

#[test]
fn an_evaluation_marks_the_scans_that_the_model_was_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = Array3::from_shape_fn((30, 20, 18), |(x, y, z)| ((x * 5 + y * z) % 13) as f32);
    let other = Volume::new(data, scan().geometry);
    let cases = cases(
        folder.path(),
        &[("a", scan()), ("b", touched()), ("c", other)],
    );
    let leaks = BTreeMap::new();
    let evaluated = |model: &Model, out: Option<&Path>| {
        let progress = |_, _| std::ops::ControlFlow::Continue(());
        evaluate(model, &cases, Protocol::default(), &leaks, out, progress)
            .unwrap()
            .unwrap()
    };
    let found = evaluated(&knowing(&[scan()]), Some(folder.path()));
    let seen: Vec<Option<bool>> = found.cases.iter().map(|case| case.seen).collect();
    assert_eq!(seen, [Some(true), Some(true), Some(false)]);
    let leaks = found.protocol.leaks.as_deref().unwrap();
    for part in [
        "2 of 3",
        "`a` and a labeled scan (the same voxels)",
        "(the same scan, changed)",
    ] {
        assert!(leaks.contains(part), "{leaks}");
    }
    assert_eq!(
        found.mean_unseen.as_ref().unwrap().dice,
        found.cases[2].mean_dice()
    );
    let written = std::fs::read_to_string(folder.path().join("seen.json")).unwrap();
    assert!(
        written.contains(
            r#""unseen": [
    "c"
  ]"#
        ),
        "{written}"
    );
    // A scan of one intensity has no fingerprint.
    let flat = Image::from(Volume::new(Array3::zeros((8, 8, 8)), scan().geometry));
    let mut scans = SeenScans::default();
    scans.record("flat", &knowing(&[scan()]), &flat);
    assert!(scans.note().is_some() && scans.warning().is_none());
    // Nothing is said to be unseen where the training data are not known.
    let found = evaluated(&vnet(), None);
    assert!(found.cases.iter().all(|case| case.seen.is_none()));
    assert_eq!((found.mean_unseen, found.protocol.leaks), (None, None));
}
