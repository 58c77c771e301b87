//! Scans and patients on both sides of a test, in all commands that could be fooled.

use std::path::{Path, PathBuf};

use semivox::data::io::{read_volume, write_volume};
use semivox::prelude::*;
use serde_json::{Value, json};

use super::{TINY, fail, scans, semivox, succeed, text, trained};

fn image(root: &Path, id: &str) -> PathBuf {
    root.join(format!("scans/images/{id}.nii.gz"))
}

/// Replaces the voxels of an image by those of another one, with intensities times `factor`; its place stays.
fn disguise(root: &Path, from: &str, to: &str, factor: f32) {
    let read = |id| read_volume(image(root, id)).expect("a scan");
    let data = read(from).data.mapv(|x| factor * x);
    let copy = Volume::new(data, read(to).geometry);
    write_volume(image(root, to), &copy).expect("a scan");
}

/// Makes three labeled scans, of which `case2` is the test case, and an unlabeled one, with a leak.
fn leaking(kind: &str) -> (tempfile::TempDir, PathBuf) {
    let (guard, root) = scans(4, 3);
    std::fs::write(root.join("test.list"), "case2\n").expect("a list");
    match kind {
        "copy" => disguise(&root, "case0", "case2", 1.0),
        "changed" => disguise(&root, "case0", "case2", 2.0),
        "unlabeled" => disguise(&root, "case3", "case2", 1.0),
        "patient" => {
            let file = root.join("scans/patients.csv");
            std::fs::write(file, "case1,A\ncase2,A\n").expect("a file");
        }
        _ => (),
    }
    (guard, root)
}

/// The kinds of leaks, with the words that name each.
const LEAKS: [(&str, &str); 4] = [
    (
        "copy",
        "test case `case2` and labeled case `case0` (the same voxels)",
    ),
    (
        "changed",
        "test case `case2` and labeled case `case0` (the same scan, changed)",
    ),
    (
        "unlabeled",
        "test case `case2` and unlabeled case `case3` (the same voxels)",
    ),
    (
        "patient",
        "test case `case2` and labeled case `case1` (one patient by patients.csv)",
    ),
];

const DATA: [&str; 4] = ["--data", "scans", "--test-list", "test.list"];

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = [
        &[
            "train",
            "mean_teacher",
            "--out",
            out,
            "-q",
            "--labeled",
            "2",
        ],
        &DATA[..],
        more,
    ];
    [&words.concat()[..], &TINY].concat()
}

fn compare<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = [
        "compare",
        "--methods",
        "supervised",
        "--seeds",
        "0",
        "--out",
        "grid",
        "-q",
    ];
    [&words[..], &DATA, more, &TINY].concat()
}

#[test]
fn leaks_of_every_kind_are_errors_of_inspect_train_and_compare() {
    for (kind, pair) in LEAKS {
        let (_guard, root) = leaking(kind);
        let output = semivox(&root, &["inspect", "scans", "--test-list", "test.list"]);
        let found = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{kind}");
        assert!(
            found.starts_with("errors") && found.contains(pair),
            "{found}"
        );
        for command in [train("run", &[]), compare(&[])] {
            let message = fail(&root, 1, &command);
            for part in [pair, "--exclude-duplicates", "--allow-leaks"] {
                assert!(message.contains(part), "{kind}: {message}");
            }
        }
    }
    let (_guard, root) = leaking("none");
    let found = succeed(&root, &["inspect", "scans", "--test-list", "test.list"]);
    assert!(found.contains("2 labeled, 1 unlabeled, 1 test"), "{found}");
}

/// A copy of a validation case would train, and the validation be none.
#[test]
fn copies_of_validation_cases_are_leaks_of_train() {
    let (_guard, root) = scans(4, 3);
    disguise(&root, "case0", "case2", 1.0);
    let words = [
        "train",
        "supervised",
        "--data",
        "scans",
        "--validation",
        "1",
    ];
    let train = |out, more: &[&'static str]| [&words[..], &["--out", out], more, &TINY].concat();
    let message = fail(&root, 1, &train("run", &[]));
    let leak = "validation case `case2` and labeled case `case0` (the same voxels)";
    assert!(message.contains(leak), "{message}");
    succeed(&root, &train("without", &["--exclude-duplicates"]));
    let cases = read(&root.join("without/cases.json"));
    assert_eq!(cases["labeled"], json!(["case1"]));
    let found = json_of(&root, &train("allowed", &["--allow-leaks", "--json"]));
    assert_eq!(found["mean"], Value::Null);
    assert!(found["validation"]["dice"].is_number(), "{found}");
    let leaks = found["validation_leaks"].as_str().expect("a sentence");
    assert!(
        leaks.contains("of 1 of 1 cases, such as validation case `case2`"),
        "{leaks}"
    );
    let page = std::fs::read_to_string(root.join("allowed/report.html")).expect("the report");
    for part in [
        "Mean Dice on 1 validation case, not trained on: ",
        "There are no test cases.",
        "Not independent: the training data",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("has not been evaluated"));
}

fn json_of(root: &Path, arguments: &[&str]) -> Value {
    super::json(&succeed(root, arguments))
}

#[test]
fn scans_that_occur_twice_are_warnings_of_inspect() {
    let (_guard, root) = scans(4, 3);
    disguise(&root, "case0", "case2", 1.0);
    disguise(&root, "case0", "case3", 2.0);
    let found = succeed(&root, &["inspect", "scans"]);
    for part in [
        "`case0` and `case2` are the same voxels; both are labeled: it counts twice",
        "`case0` and `case3` are the same scan, changed; one of them is labeled and one unlabeled",
    ] {
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn a_comparison_on_leaks_says_so_below_its_table() {
    let (_guard, root) = leaking("copy");
    let found = succeed(&root, &compare(&["--allow-leaks"]));
    let sentence =
        "Not an independent test: the training data contain the scan or patient of 1 of 1 cases";
    assert!(found.contains(sentence), "{found}");
    let table = std::fs::read_to_string(root.join("grid/comparison.md")).expect("a table");
    assert!(table.contains(sentence), "{table}");

    // Supervised training does not read the unlabeled copy.
    let (_guard, root) = leaking("unlabeled");
    let found = succeed(&root, &compare(&["--allow-leaks"]));
    assert!(!found.contains("Not an independent test"), "{found}");
    let found = read(&root.join("grid/supervised_all_0/evaluation.json"));
    assert_eq!(found["cases"][0]["seen"], false, "{found}");
}

#[test]
fn the_way_out_leaves_the_training_case_out() {
    let (_guard, root) = leaking("copy");
    succeed(&root, &train("run", &["--exclude-duplicates"]));
    let evaluation = read(&root.join("run/evaluation.json"));
    assert_eq!(evaluation["cases"][0]["seen"], false, "{evaluation}");
    assert_eq!(evaluation["protocol"].get("leaks"), None);
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    super::json(&text)
}

/// Two scans of the training, one of them with other intensities, and a new one, in folder `new`; label maps in `drawn`.
fn known_and_new(root: &Path) {
    disguise(root, "case0", "case2", 2.0);
    std::fs::create_dir(root.join("new")).expect("a folder");
    for id in ["case0", "case2", "case3"] {
        let file = root.join("new").join(format!("{id}.nii.gz"));
        std::fs::rename(image(root, id), file).expect("a scan");
    }
    std::fs::copy(root.join("new/case0.nii.gz"), image(root, "case0")).expect("a scan");
    std::fs::remove_file(root.join("scans/labels/case2.nii.gz")).expect("a label map");
}

/// Evaluates two label maps of `predict` under the names of macOS, and one that another program wrote.
fn one_of_other_origin(root: &Path) {
    let moved = |folder: &str, from: &str, to: &str| {
        let file = |id: &str| root.join(folder).join(format!("{id}.nii.gz"));
        std::fs::copy(file(from), file(to)).expect("a file");
    };
    // A decomposed letter.
    std::fs::create_dir(root.join("some")).expect("a folder");
    let decomposed = "mu\u{308}ller";
    moved(".", "new/case0", &format!("some/{decomposed}"));
    let scan = format!("some/{decomposed}.nii.gz");
    succeed(root, &["predict", "run", &scan, "--out", "mixed"]);
    std::fs::create_dir(root.join("references")).expect("a folder");
    moved(".", "drawn/case0", &format!("references/{decomposed}"));
    moved(".", "drawn/case0", "references/other");
    moved(".", "drawn/case0", "mixed/other");
    let output = semivox(root, &["evaluate", "mixed", "references"]);
    let note = "tells whether the scans of 1 of 2 label maps";
    assert!(text(&output.stderr).contains(note), "{output:?}");
    let found = read(&root.join("mixed/evaluation.json"));
    let seen: Vec<&Value> = (0..2).map(|n| &found["cases"][n]["seen"]).collect();
    assert_eq!(seen, [&json!(true), &Value::Null]);
}

#[test]
fn predict_and_evaluate_say_which_scans_a_model_has_seen() {
    let (_guard, root) = scans(4, 3);
    known_and_new(&root);
    trained(&root, "run");
    let predict = |model: &str, out: &str| {
        let output = semivox(&root, &["predict", model, "new", "--out", out, "-q"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let message = predict("run", "p");
    let warning = "warning: 2 of 3 scans were in the training data of this model: case0 with the same voxels; case2 as a changed copy";
    assert_eq!(message.matches(warning).count(), 1, "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");

    let printed = succeed(&root, &["evaluate", "p", "drawn"]);
    assert!(printed.contains("mean without seen cases"), "{printed}");
    let leaks = "Not an independent test: the training data contain the scan or patient of 2 of 3 cases, such as test case \
                 `case0` and a labeled scan (the same voxels)";
    assert!(printed.contains(leaks), "{printed}");
    let found = read(&root.join("p/evaluation.json"));
    let seen: Vec<&Value> = (0..3).map(|n| &found["cases"][n]["seen"]).collect();
    assert_eq!(seen, [&json!(true), &json!(true), &json!(false)]);
    assert_eq!(
        found["mean_unseen"]["dice"],
        found["cases"][2]["classes"][0]["dice"]
    );
    one_of_other_origin(&root);

    // What was said is not lost without a word.
    std::fs::write(root.join("p/seen.json"), "{").expect("a file");
    for command in [
        &["evaluate", "p", "drawn"][..],
        &[
            "predict",
            "run",
            "new",
            "--out",
            "p",
            "--existing",
            "overwrite",
        ],
    ] {
        let message = fail(&root, 1, command);
        assert!(message.contains("seen.json, line 1: expected"), "{message}");
    }
}

#[test]
fn exported_and_imported_models_know_what_they_have_seen() {
    let (_guard, root) = scans(4, 3);
    known_and_new(&root);
    trained(&root, "run");
    succeed(&root, &["export", "run", "--out", "m.safetensors"]);
    let import = |file: &str, out: &str| {
        let own = [
            "import",
            file,
            "--out",
            out,
            "--task",
            "own",
            "--classes",
            "background,ball",
        ];
        // The settings without those of the training.
        succeed(&root, &[&own[..], &TINY[2..]].concat());
    };
    import("m.safetensors", "again");
    let words = ["train", "supervised", "--data", "scans", "--out", "again"];
    let message = fail(&root, 1, &[&words[..], &TINY].concat());
    assert!(
        message.contains("again holds a model (model.safetensors found); choose another --out"),
        "{message}"
    );
    let prints =
        |model: &str| semivox::inference::TrainingData::read(root.join(model)).expect("a model");
    assert!(prints("run").is_some_and(|data| data.labeled().len() == 2));
    assert_eq!(prints("m.safetensors"), prints("run"));
    assert_eq!(prints("again"), prints("run"));

    // Weights without them are neither said to be trained on a scan nor not to be.
    let model = Model::open(root.join("run")).expect("a model");
    model
        .with_training_data(None)
        .save(root.join("older"))
        .expect("a model");
    let output = semivox(&root, &["predict", "older", "new", "--out", "q", "-q"]);
    let note = text(&output.stderr);
    assert!(
        note.starts_with("note: the model does not say whether 3 of 3 scans were in"),
        "{note}"
    );
    let output = semivox(&root, &["evaluate", "q", "drawn"]);
    assert!(
        text(&output.stderr).contains("does not say whether"),
        "{output:?}"
    );
    let evaluation = text(&std::fs::read(root.join("q/evaluation.json")).expect("a file"));
    assert!(
        !evaluation.contains("seen") && !evaluation.contains("leaks"),
        "{evaluation}"
    );
}

#[test]
fn labels_go_by_patient() {
    let (_guard, root) = scans(5, 4);
    std::fs::write(
        root.join("scans/patients.csv"),
        "case0,A\ncase1,B\ncase2,A\ncase3,C\ncase4,D\n",
    )
    .expect("a file");
    let found = succeed(&root, &["inspect", "scans"]);
    for part in [
        "4 labeled of 3 patients, 1 unlabeled",
        "--labeled counts patients",
    ] {
        assert!(found.contains(part), "{found}");
    }
    let words = [
        "train",
        "supervised",
        "--data",
        "scans",
        "--out",
        "run",
        "--labeled",
        "1",
    ];
    let output = semivox(&root, &[&words[..], &TINY].concat());
    let log = text(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("2 labeled of 1 patient, 3 unlabeled"), "{log}");
    let cases = read(&root.join("run/cases.json"));
    assert_eq!(cases["labeled"], json!(["case0", "case2"]));
}
