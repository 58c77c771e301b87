//! Fingerprints of the scans that a model was trained on, saved, damaged and compared with.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array3;
use semivox_data::{Fingerprint, Image, LabelMap, LabeledCase, Volume, io};
use semivox_inference::evaluation::Protocol;
use semivox_inference::{Model, SeenScans, TrainingData, evaluate};

use super::{message, scan, vnet};

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
