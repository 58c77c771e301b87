//! Labeled cases that are not trained on: `--validation`.

use std::path::Path;

use serde_json::Value;

use super::{TINY, fail, json, scans, semivox, succeed, text};

fn read(path: &Path) -> Value {
    json(&std::fs::read_to_string(path).expect("a file"))
}

#[test]
fn validation_cases_are_measured_and_not_trained_on() {
    let (_root, root) = scans(4, 3);
    let words = |validation| {
        let words = ["train", "supervised", "--data", "scans", "--out", "run"];
        [&words[..], &["--validation", validation], &TINY].concat()
    };
    let message = fail(&root, 1, &words("3"));
    assert!(message.contains("below the 3 labeled cases"), "{message}");
    let found = succeed(&root, &words("34%"));
    assert!(found.contains("Mean Dice on 1 validation case"), "{found}");
    let cases = read(&root.join("run/cases.json"));
    assert_eq!(cases["validation"], json(r#"["case2"]"#));
    assert_eq!(cases["labeled"], json(r#"["case0", "case1"]"#));
    assert_eq!(cases["unlabeled"], json(r#"["case3"]"#));
    let measured = read(&root.join("run/validation.json"));
    assert_eq!(measured["cases"][0]["id"], "case2");
    assert_eq!(measured["cases"][0]["seen"], false);
    // Made again from the data set, the report counts the cases that were trained on.
    succeed(&root, &["report", "run"]);
    let page = std::fs::read_to_string(root.join("run/report.html")).expect("the report");
    assert!(page.contains("2 labeled cases"), "a validation case counts");
    let settings = std::fs::read_to_string(root.join("run/config.toml")).expect("settings");
    assert!(settings.contains("validation = \"34%\""), "{settings}");
}

/// Sets every Dice of an evaluation to one value.
fn set_dice(value: &mut Value, dice: f64) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                // The number of undefined ones has the same key.
                match key.as_str() {
                    "dice" if !value.is_u64() => *value = dice.into(),
                    _ => set_dice(value, dice),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| set_dice(value, dice)),
        _ => {}
    }
}

#[test]
fn compare_measures_on_validation_cases_where_there_are_no_test_cases() {
    let (_root, root) = scans(3, 3);
    let words = ["compare", "--methods", "supervised", "--data", "scans"];
    let grid = [&words[..], &["--out", "grid", "--validation", "1"], &TINY].concat();
    let found = succeed(&root, &grid);
    assert!(found.contains("mean over 1 validation cases"), "{found}");
    let measured = read(&root.join("grid/supervised_all_0/validation.json"));
    let dice = measured["mean"]["dice"].as_f64().expect("a Dice");
    assert!(found.contains(&format!("| {dice:.3} |")), "{found}");
    assert_eq!(
        measured["mean_by_class"]["1"]["dice"],
        measured["mean"]["dice"]
    );
    // The finished run is not repeated.
    let log = root.join("grid/supervised_all_0/metrics.jsonl");
    std::fs::remove_file(&log).expect("the log");
    assert!(succeed(&root, &grid).contains("| 0 | – |"));
    assert!(!log.exists());
    let other = [&words[..], &["--out", "grid", "--validation", "2"], &TINY].concat();
    let message = fail(&root, 1, &other);
    assert!(
        message.contains("found other ones: data.validation = 1, now 2;"),
        "{message}"
    );
}

#[test]
fn compare_warns_of_a_method_below_supervised_training() {
    let (_root, root) = scans(5, 4);
    std::fs::write(root.join("test.list"), "case3\n").expect("a list");
    let data = ["--data", "scans", "--test-list", "test.list"];
    let words = ["compare", "--methods", "mean_teacher", "--out", "grid"];
    let grid = [&words[..], &data, &["--validation", "1"], &TINY].concat();
    let found = succeed(&root, &grid);
    assert!(found.contains("| supervised |") && found.contains("| mean_teacher |"));
    for (run, dice) in [("supervised_all_0", 0.8), ("mean_teacher_all_0", 0.7)] {
        let path = root.join("grid").join(run).join("validation.json");
        let mut measured = read(&path);
        set_dice(&mut measured, dice);
        std::fs::write(&path, measured.to_string()).expect("an evaluation");
    }
    let again = semivox(&root, &grid);
    let warned = text(&again.stderr);
    assert!(
        warned.contains("mean_teacher, seed 0, has a Dice of 0.7000 on the validation cases"),
        "{warned}"
    );
    assert!(warned.contains("supervised training 0.8000"), "{warned}");
}
