//! Runs on scans of two channels: training uses both channels, and every method accepts them.

#![allow(clippy::unwrap_used)]

#[path = "common/alone.rs"]
mod alone;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array3;
use rand::RngExt;
use semivox_data::io::{write_labels, write_volume};
use semivox_data::preprocess::Preprocess;
use semivox_data::rng::keyed;
use semivox_data::{Geometry, Image, LabelMap, Survey, Volume, layout};
use semivox_inference::Model;
use semivox_methods::method_config::MethodConfig;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::session::Session;
use semivox_trainer::training_set::TrainingSet;

const SIDE: usize = 32;

/// Makes a scan of four bars, two of them bright in the first channel and two in the second. The one bar that is bright
/// in both is labeled, so either channel alone shows two candidates.
fn scan(number: u64) -> ([Volume; 2], LabelMap) {
    let mut rng = keyed(3, number, "scan of two channels");
    let both = rng.random_range(0..4);
    let (first, second) = ((both + 1) % 4, (both + 2) % 4);
    let bar = |x: usize, y: usize| {
        let inside = |at: usize| (4..12).contains(&(at % 16));
        (inside(x) && inside(y)).then_some(2 * (x / 16) + y / 16)
    };
    let mut channel = |other: usize| {
        let data = Array3::from_shape_fn([SIDE; 3], |(x, y, _)| {
            let bright = bar(x, y).is_some_and(|bar| bar == both || bar == other);
            f32::from(bright) + rng.random_range(-0.2_f32..0.2)
        });
        Volume::new(data, Geometry::default())
    };
    let channels = [channel(first), channel(second)];
    let labels = Array3::from_shape_fn([SIDE; 3], |(x, y, _)| u8::from(bar(x, y) == Some(both)));
    (channels, LabelMap::new(labels, Geometry::default()))
}

/// Makes a data set of six training scans, of which `labeled` have a label map, and two test scans, with the given
/// channels.
fn write(root: &Path, channels: &[usize], labeled: u64) {
    for folder in ["images", "labels"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    for number in 0..8 {
        let (images, labels) = scan(number);
        for (index, &channel) in channels.iter().enumerate() {
            let name = format!("images/s{number}_{index:04}.nii");
            write_volume(root.join(name), &images[channel]).unwrap();
        }
        if number < labeled || number >= 6 {
            write_labels(root.join(format!("labels/s{number}.nii")), &labels).unwrap();
        }
    }
    fs::write(root.join("test.list"), "s6\ns7\n").unwrap();
    let names: String = channels
        .iter()
        .map(|channel| format!("T{}\n", channel + 1))
        .collect();
    fs::write(root.join("channels.txt"), names).unwrap();
}

fn config(root: &Path, method: &str, iterations: u64) -> RunConfig {
    let dataset = layout::open(root).unwrap();
    let survey = Survey::read(&dataset.labeled, &dataset.classes).unwrap();
    let mut config = Task::Own.fitted(&survey, "smoke", method).unwrap();
    config.patch = [SIDE; 3];
    config.inference.window = [SIDE; 3];
    config.inference.stride = [SIDE; 3];
    config.network.filters = 4;
    config.data.root = Some(root.into());
    config.method = config.method.with_iterations(iterations);
    config
}

/// Returns the mean Dice on the test scans after supervised training with the given channels.
fn dice(channels: &[usize]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), channels, 6);
    let config = config(folder.path(), "supervised", 160);
    let session = Session::start(config, folder.path().join("run"), &()).unwrap();
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    summary.dice().unwrap()
}

#[test]
fn two_channels_beat_either_alone() {
    alone::alone("two_channels_beat_either_alone", beat_either_alone);
}

fn beat_either_alone() {
    let [both, first, second] = [&[0, 1][..], &[0], &[1]].map(dice);
    println!("Dice with both channels {both:.3}, the first {first:.3}, the second {second:.3}");
    assert!(
        both > 0.9 && both > first.max(second) + 0.15,
        "{both} {first} {second}"
    );
}

#[test]
fn every_method_takes_two_channels() {
    alone::alone("every_method_takes_two_channels", take_two_channels);
}

fn take_two_channels() {
    for method in MethodConfig::NAMES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[0, 1], 2);
        let mut config = config(folder.path(), method, 12);
        config.network.filters = 2;
        let out = folder.path().join("run");
        let session = Session::start(config, &out, &()).unwrap();
        let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!(summary.evaluation.unwrap().cases.len(), 2, "{method}");
        let stored = fs::read_to_string(out.join("config.toml")).unwrap();
        assert!(stored.contains(r#"channels = ["T1", "T2"]"#), "{method}");
        let report = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains("; T1</p>") && report.contains("<summary>T2</summary>"));

        let model = Model::open(&out).unwrap();
        let ([first, second], _) = scan(7);
        let labels = model
            .segment(Image::new(vec![first.clone(), second]).unwrap())
            .unwrap();
        assert_eq!(labels.shape(), [SIDE; 3]);
        let message = model.segment(&first).unwrap_err().to_string();
        assert!(
            message.contains("2 channels, as in training: T1, T2"),
            "{message}"
        );
    }
}

#[test]
fn a_case_of_other_channels_than_the_data_set_names_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[0, 1], 2);
    let mut dataset = layout::open(folder.path()).unwrap();
    dataset.channels.clear();
    let set = TrainingSet::load(&dataset, &Preprocess::default(), &());
    let message = set.unwrap_err().to_string();
    assert!(
        message.contains("expected 1 channels") && message.contains("found 2"),
        "{message}"
    );
}
