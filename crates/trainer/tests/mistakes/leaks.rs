//! Test cases whose scan or patient is in the training data too.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use semivox_data::phantom::{PhantomConfig, write_dataset};
use semivox_data::{Fingerprint, Match, io};
use semivox_inference::{Model, Seen, TrainingData};
use semivox_trainer::config::{RunConfig, TestLeaks};
use semivox_trainer::session::Session;

use super::setup_for;

/// Makes a data set of four training cases and two test cases, one of which is a training case with other intensities, and
/// the configuration of a run on it.
fn setup(folder: &Path, role: &str) -> RunConfig {
    let config = setup_for(folder, "mean_teacher", 2);
    // The first two cases keep their labels, phantom_004 is a test case.
    let (from, to) = match role {
        "labeled" => ("phantom_001", "phantom_004"),
        _ => ("phantom_003", "phantom_004"),
    };
    let mut image = io::read_volume(folder.join(format!("images/{from}.nii.gz"))).unwrap();
    image.data.mapv_inplace(|x| 3.0 * x - 7.0);
    io::write_volume(folder.join(format!("images/{to}.nii.gz")), &image).unwrap();
    fs::copy(
        folder.join(format!("labels/{from}.nii.gz")),
        folder.join(format!("labels/{to}.nii.gz")),
    )
    .unwrap();
    config
}

#[test]
fn a_test_scan_among_the_training_scans_is_refused() {
    for role in ["labeled", "unlabeled"] {
        let folder = tempfile::tempdir().unwrap();
        let config = setup(&folder.path().join("data"), role);
        let out = folder.path().join("run");
        let message = Session::start(config, &out, &()).unwrap_err().to_string();
        let pair = match role {
            "labeled" => {
                "test case `phantom_004` and labeled case `phantom_001` (the same scan, changed)"
            }
            _ => {
                "test case `phantom_004` and unlabeled case `phantom_003` (the same scan, changed)"
            }
        };
        for part in [pair, "--exclude-duplicates", "--allow-leaks"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!out.join("config.toml").exists());
    }
}

#[test]
fn excluded_cases_stay_out_when_the_run_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = setup(&folder.path().join("data"), "unlabeled");
    config.data.test_leaks = TestLeaks::Exclude;
    let out = folder.path().join("run");
    let session = Session::start(config, &out, &()).unwrap();
    let unlabeled = |session: &Session| -> Vec<String> {
        session
            .dataset()
            .unlabeled
            .iter()
            .map(|case| case.id.clone())
            .collect()
    };
    assert_eq!(unlabeled(&session), ["phantom_002"]);
    let notes = session.dataset().notes.join("; ");
    assert!(
        notes.contains("left out of the training") && notes.contains("phantom_003"),
        "{notes}"
    );
    drop(session);
    let session = Session::resume(&out, &()).unwrap();
    assert_eq!(unlabeled(&session), ["phantom_002"]);
}

#[test]
fn an_accepted_leak_stands_in_every_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = setup(&folder.path().join("data"), "labeled");
    config.data.test_leaks = TestLeaks::Allow;
    let out = folder.path().join("run");
    Session::start(config, &out, &()).unwrap();
    // A resumed run knows of it too.
    let session = Session::resume(&out, &()).unwrap();
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    let evaluation = summary.evaluation.unwrap();
    let seen: Vec<Option<bool>> = evaluation.cases.iter().map(|case| case.seen).collect();
    assert_eq!(seen, [Some(true), Some(false)]);
    let other = evaluation.cases[1].mean_dice();
    assert_eq!(evaluation.mean_unseen.as_ref().unwrap().dice, other);
    let leaks = evaluation.protocol.leaks.clone().unwrap();
    assert!(
        leaks.starts_with("the training data contain the scan or patient of 1 of 2 cases"),
        "{leaks}"
    );
    assert!(
        evaluation.to_string().contains("Not an independent test"),
        "{evaluation}"
    );
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Not an independent test: the training data contain the scan"));
}

/// Replaces a case of the data set by a new one.
fn replace(data: &Path, id: &str) {
    let phantoms = PhantomConfig {
        shape: [24, 24, 20],
        seed: 77,
        ..Default::default()
    };
    let other = tempfile::tempdir().unwrap();
    write_dataset(other.path(), 1, 1, &phantoms).unwrap();
    for part in ["images", "labels"] {
        let file = |root: &Path, id: &str| root.join(part).join(format!("{id}.nii.gz"));
        fs::copy(file(other.path(), "phantom_000"), file(data, id)).unwrap();
    }
}

#[test]
fn cases_of_one_patient_count_as_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = setup(&data, "labeled");
    // The changed copy becomes a scan of its own, but of a patient in training.
    replace(&data, "phantom_004");
    fs::write(
        data.join("patients.csv"),
        "case,patient\nphantom_004,A\nphantom_002,A\n",
    )
    .unwrap();
    let (mut accepting, out) = (config.clone(), folder.path().join("run"));
    let message = Session::start(config, &out, &()).unwrap_err().to_string();
    let pair =
        "test case `phantom_004` and unlabeled case `phantom_002` (one patient by patients.csv)";
    assert!(message.contains(pair), "{message}");
    // With a leak that is accepted, the record beside the predictions has it.
    accepting.data.test_leaks = TestLeaks::Allow;
    trained(accepting, &out);
    let written = fs::read_to_string(out.join("predictions/seen.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["patient"], serde_json::json!(["phantom_004"]));
    assert_eq!(written["unseen"], serde_json::json!(["phantom_005"]));
}

/// A run does not forget a training scan whose file is another one when it is resumed.
#[test]
fn a_training_scan_that_was_replaced_between_two_sittings_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    let before = trained(setup_for(&data, "mean_teacher", 2), &out);
    for part in ["images", "labels"] {
        let file = |id: &str| data.join(part).join(format!("{id}.nii.gz"));
        fs::copy(file("phantom_000"), file("phantom_005")).unwrap();
    }
    replace(&data, "phantom_000");
    let session = Session::resume(&out, &()).unwrap();
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    let evaluation = summary.evaluation.unwrap();
    let seen: Vec<Option<bool>> = evaluation.cases.iter().map(|case| case.seen).collect();
    assert_eq!(seen, [Some(false), Some(true)]);
    let known = before.training_data().unwrap();
    let now = TrainingData::read(&out).unwrap().unwrap();
    assert!(now.labeled().is_superset(known.labeled()));
}

/// The fingerprint of an image of the data set.
fn print(data: &Path, id: &str) -> Fingerprint {
    Fingerprint::of(&io::read_volume(data.join(format!("images/{id}.nii.gz"))).unwrap())
}

/// Trains to the end; returns the model in the run folder.
fn trained(config: RunConfig, out: &Path) -> Model {
    let session = Session::start(config, out, &()).unwrap();
    session.run(&mut (), &AtomicBool::new(false)).unwrap();
    Model::open(out).unwrap()
}

#[test]
fn the_model_of_a_run_knows_its_training_scans() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    let mut config = setup(&data, "unlabeled");
    config.data.test_leaks = TestLeaks::Exclude;
    let model = trained(config, &out);
    let prints = model.training_data().unwrap();
    let seen = |id| prints.seen(&print(&data, id));
    for id in ["phantom_000", "phantom_001"] {
        let exact = Seen {
            evidence: Match::Exact,
            labeled: true,
        };
        assert_eq!(seen(id), Some(exact), "{id}");
    }
    assert_eq!(seen("phantom_002").map(|seen| seen.labeled), Some(false));
    // Left out of the training, and test cases.
    for id in ["phantom_003", "phantom_004", "phantom_005"] {
        assert_eq!(seen(id), None, "{id}");
    }
    assert_eq!((prints.labeled().len(), prints.unlabeled().len()), (2, 1));
    assert_eq!(TrainingData::read(&out).unwrap().as_ref(), Some(prints));
    let file = fs::read(out.join("model.safetensors")).unwrap();
    let name = b"phantom_0";
    assert!(!file.windows(name.len()).any(|bytes| bytes == name));
    // The predictions of test cases say that they are none of them.
    let written = fs::read_to_string(out.join("predictions/seen.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(
        written["unseen"],
        serde_json::json!(["phantom_004", "phantom_005"])
    );
}

#[test]
fn a_method_without_unlabeled_batches_has_not_seen_unlabeled_scans() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = setup_for(&data, "supervised", 1);
    let model = trained(config, &folder.path().join("run"));
    let prints = model.training_data().unwrap();
    assert_eq!((prints.labeled().len(), prints.unlabeled().len()), (2, 0));
    assert_eq!(prints.seen(&print(&data, "phantom_002")), None);
}

/// The data set is compared when a run starts; the model compares what it is evaluated on.
#[test]
fn a_test_scan_that_was_replaced_by_a_training_scan_later_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    Session::start(setup_for(&data, "mean_teacher", 2), &out, &()).unwrap();
    for part in ["images", "labels"] {
        let file = |id: &str| data.join(part).join(format!("{id}.nii.gz"));
        fs::copy(file("phantom_000"), file("phantom_005")).unwrap();
    }
    let session = Session::resume(&out, &()).unwrap();
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    let evaluation = summary.evaluation.unwrap();
    let seen: Vec<Option<bool>> = evaluation.cases.iter().map(|case| case.seen).collect();
    assert_eq!(seen, [Some(false), Some(true)]);
    let first = evaluation.cases[0].mean_dice();
    assert_eq!(evaluation.mean_unseen.unwrap().dice, first);
    let leaks = evaluation.protocol.leaks.unwrap();
    let pair = "test case `phantom_005` and a labeled scan (the same voxels)";
    assert!(
        leaks.contains("1 of 2 cases") && leaks.contains(pair),
        "{leaks}"
    );
}

#[test]
fn predictions_of_training_scans_say_so_where_there_are_no_test_cases() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    trained(setup_for(&data, "mean_teacher", 0), &out);
    let written = fs::read_to_string(out.join("predictions/seen.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(
        written["seen"]["phantom_002"]["evidence"], "exact",
        "{written}"
    );
    assert_eq!(written["unseen"], serde_json::json!([]));
}
