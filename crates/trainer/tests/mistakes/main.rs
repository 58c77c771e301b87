//! Messages for mistakes of users.

#![allow(clippy::unwrap_used)]

mod leaks;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array3;
use semivox_data::phantom::{PhantomConfig, write_dataset};
use semivox_data::{LabelMap, io};
use semivox_inference::Model;
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::preset;
use semivox_trainer::report;
use semivox_trainer::run::folder::RunFolder;
use semivox_trainer::session::Session;

const FIRST: &str = "phantom_000.nii.gz";

/// Makes a data set of four training cases and one test case, and the configuration of a run on it.
fn setup(folder: &Path) -> RunConfig {
    setup_for(folder, "supervised", 1)
}

/// Like [`setup`], for a method and a number of test cases.
fn setup_for(folder: &Path, method: &str, tests: usize) -> RunConfig {
    let phantoms = PhantomConfig {
        shape: [24, 24, 20],
        shape_jitter: [2, 2, 1],
        ..Default::default()
    };
    write_dataset(folder, 4, tests, &phantoms).unwrap();
    let mut config = preset("smoke", method).unwrap();
    config.data.root = Some(folder.to_owned());
    config.data.labeled = 2.into();
    config.patch = [32, 32, 32];
    config.inference.window = [32, 32, 32];
    config.inference.stride = [32, 32, 32];
    config.network.filters = 1;
    config.method = config.method.with_iterations(1);
    config
}

/// Runs a training that fails; returns the error's message, which has one line.
fn run(config: RunConfig, out: &Path) -> Result<(), String> {
    let run = || -> Result<(), TrainError> {
        Session::start(config, out, &())?.run(&mut (), &AtomicBool::new(false))?;
        Ok(())
    };
    run().map_err(|error| {
        let message = error.to_string();
        println!("{message}");
        assert_eq!(message.lines().count(), 1, "one line: {message}");
        message
    })
}

/// Returns the message after `spoil` changed the data set or the configuration.
fn message(spoil: impl FnOnce(&Path, &mut RunConfig)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut config = setup(&data);
    spoil(&data, &mut config);
    let out = folder.path().join("run");
    let message = run(config, &out).unwrap_err();
    assert!(
        !out.join("config.toml").exists(),
        "a mistake leaves no run behind"
    );
    message
}

fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' in: {message}");
    }
}

#[test]
fn a_folder_that_is_not_there() {
    let text = message(|_, config| config.data.root = Some("no/such/folder".into()));
    assert_names(&text, &["no/such/folder"]);
}

#[test]
fn a_list_that_names_a_case_without_image() {
    let text = message(|data, _| fs::write(data.join("train.list"), "missing_case\n").unwrap());
    assert_names(&text, &["missing_case"]);
}

#[test]
fn an_image_and_a_label_map_of_different_shape() {
    let text = message(|data, _| {
        let path = data.join("labels").join(FIRST);
        let old = io::read_labels(&path).unwrap();
        io::write_labels(
            &path,
            &LabelMap::new(Array3::zeros((5, 6, 7)), old.geometry),
        )
        .unwrap();
    });
    assert_names(&text, &["[5, 6, 7]", FIRST]);
}

#[test]
fn a_label_beyond_the_classes() {
    let text = message(|data, _| {
        let path = data.join("labels").join(FIRST);
        let mut labels = io::read_labels(&path).unwrap();
        labels.data[[3, 4, 5]] = 7;
        io::write_labels(&path, &labels).unwrap();
    });
    assert_names(&text, &["label 7", "2 classes", FIRST, "classes.txt"]);
}

#[test]
fn a_voxel_that_is_not_a_number() {
    let text = message(|data, _| {
        let path = data.join("images").join(FIRST);
        let mut image = io::read_volume(&path).unwrap();
        image.data[[1, 2, 3]] = f32::NAN;
        io::write_volume(&path, &image).unwrap();
    });
    assert_names(&text, &["NaN", "[1, 2, 3]", FIRST]);
}

#[test]
fn a_file_cut_short() {
    let text = message(|data, _| {
        let path = data.join("images").join(FIRST);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert_names(&text, &[FIRST]);
}

#[test]
fn too_few_and_too_many_labeled_cases() {
    for labeled in [0, 1000] {
        let text = message(|_, config| config.data.labeled = labeled.into());
        assert_names(&text, &["1 to 4", &labeled.to_string()]);
    }
}

#[test]
fn a_test_case_that_is_not_there() {
    let text = message(|data, config| {
        let list = data.join("chosen.list");
        fs::write(&list, "phantom_001\nphantom_100\n").unwrap();
        config.data.test_list = Some(list);
    });
    assert_names(&text, &["chosen.list", "`phantom_100`", "`phantom_000`"]);
}

#[test]
fn listed_test_cases_do_not_train() {
    let text = message(|data, config| {
        let list = data.join("chosen.list");
        fs::write(&list, "phantom_001\n").unwrap();
        config.data.test_list = Some(list);
        config.data.labeled = 4.into();
    });
    assert_names(&text, &["1 to 3", "found 4"]);
}

#[test]
fn no_unlabeled_case_is_left() {
    let text = message(|_, config| {
        config.data.labeled = 4.into();
        config.method = preset("smoke", "action").unwrap().method.with_iterations(1);
    });
    assert_names(&text, &["unlabeled", "supervised"]);
}

#[test]
fn unknown_names() {
    assert_names(
        &preset("tiny", "action").unwrap_err().to_string(),
        &["'tiny'", "quick"],
    );
    assert_names(
        &preset("smoke", "magic").unwrap_err().to_string(),
        &["'magic'", "action"],
    );
    let text = message(|_, config| config.device = "tpu".into());
    assert_names(&text, &["'tpu'", "cpu"]);
}

#[test]
fn a_patch_the_network_cannot_halve() {
    let text = message(|_, config| config.patch = [40, 32, 32]);
    assert_names(&text, &["multiples of 16", "40"]);
}

#[test]
fn an_out_folder_that_holds_another_run_or_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = setup(&folder.path().join("data"));
    let out = folder.path().join("run");
    // Phantoms smaller than the patch are padded.
    run(config.clone(), &out).unwrap();
    assert_names(
        &run(config.clone(), &out).unwrap_err(),
        &["another run", "--resume"],
    );
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    assert_names(&run(config, &file.join("run")).unwrap_err(), &["file"]);
}

#[test]
fn nothing_to_resume() {
    let folder = tempfile::tempdir().unwrap();
    let text = Session::resume(folder.path(), &()).unwrap_err().to_string();
    assert_names(&text, &["config.toml"]);
}

#[test]
fn two_sessions_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let config = setup(&folder.path().join("data"));
    let out = folder.path().join("run");
    let session = Session::start(config.clone(), &out, &()).unwrap();
    let refused = || {
        let start = Session::start(config.clone(), &out, &());
        for second in [start, Session::resume(&out, &())] {
            let text = second.unwrap_err().to_string();
            let words = ["run: expected a folder that no other training", "found "];
            assert_names(&text, &words);
        }
    };
    refused();
    session.run(&mut (), &AtomicBool::new(false)).unwrap();
    refused();
    // Reading a run needs no lock.
    Model::open(&out).unwrap();
    report::remake(&RunFolder::open_existing(&out).unwrap()).unwrap();
    drop(session);
    let session = Session::resume(&out, &()).unwrap();
    drop(session);
    // The folder holds the finished run now, so the reason is another one.
    let text = Session::start(config, &out, &()).unwrap_err().to_string();
    assert_names(&text, &["holds another run"]);
}

/// A folder can be used again after a mistake.
#[test]
fn a_mistake_unlocks_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = setup(&folder.path().join("data"));
    let out = folder.path().join("run");
    let root = config.data.root.replace("no/such/folder".into());
    Session::start(config.clone(), &out, &()).unwrap_err();
    config.data.root = root;
    Session::start(config, &out, &()).unwrap();
}

#[test]
fn doubts_about_the_position_of_scans_are_noted_before_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut config = setup(&data);
    // All are turned, so that differing orientations are no doubt.
    config.data.preprocess.orientation = Some("LPS".parse().unwrap());
    for id in ["phantom_000", "phantom_003"] {
        for part in ["images", "labels"] {
            // Without sform and qform, left and right are unknown.
            let file = data.join(part).join(format!("{id}.nii.gz"));
            let plain = data.join(part).join(format!("{id}.nii"));
            let image = io::read_volume(&file).unwrap();
            io::write_volume(&plain, &image).unwrap();
            let mut bytes = fs::read(&plain).unwrap();
            bytes[252..256].fill(0);
            fs::write(&plain, bytes).unwrap();
            fs::remove_file(&file).unwrap();
        }
    }
    let session = Session::start(config, folder.path().join("run"), &()).unwrap();
    let notes = session.dataset().notes.join("\n");
    assert!(notes.contains("phantom_000, phantom_003: "), "{notes}");
    assert!(notes.contains("which side is left"), "{notes}");
    let turned = "phantom_000, phantom_003: turned from RAS to LPS by a guess";
    assert!(notes.contains(turned), "{notes}");
    drop(session);
    let session = Session::resume(folder.path().join("run"), &()).unwrap();
    assert_eq!(session.dataset().notes.join("\n"), notes);
}
