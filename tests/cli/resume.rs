//! Runs that are repeated, resumed, moved and interrupted.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use semivox::data::io::{read_labels, write_labels};
use serde_json::Value;

use super::{TINY, json, scans, succeed, text, train, trained};

/// Changes a voxel of a label map.
fn corrected(file: &Path) {
    let mut labels = read_labels(file).expect("a label map");
    if let Some(first) = labels.data.iter_mut().next() {
        *first = 1;
    }
    write_labels(file, &labels).expect("a label map");
}

#[test]
fn a_stored_configuration_runs_again_and_flags_override_it() {
    let (_root, root) = scans(3, 2);
    trained(&root, "a");
    let again = ["train", "--config", "a/config.toml", "--out", "b", "-q"];
    succeed(&root, &again);
    let read =
        |run: &str, file: &str| std::fs::read_to_string(root.join(run).join(file)).expect("a file");
    assert_eq!(read("a", "config.toml"), read("b", "config.toml"));
    let losses = |run: &str| -> Vec<Value> {
        read(run, "metrics.jsonl")
            .lines()
            .map(|line| json(line)["losses"].clone())
            .collect()
    };
    assert_eq!(losses("a"), losses("b"));
    succeed(
        &root,
        &[
            "train",
            "--config",
            "a/config.toml",
            "--seed",
            "1",
            "--out",
            "c",
            "-q",
        ],
    );
    assert!(read("c", "config.toml").contains("seed = 1"));
    assert_ne!(losses("a"), losses("c"));
}

#[test]
fn a_run_is_resumed_by_its_method_and_task() {
    let (_root, root) = scans(3, 2);
    let method = ["mean_teacher", "--data", "scans", "-q"];
    succeed(&root, &train(&method));
    let log = root.join("runs/mean_teacher_own/metrics.jsonl");
    let before = std::fs::read_to_string(&log).expect("the log");
    std::fs::remove_file(root.join("runs/mean_teacher_own/report.html")).expect("the report");
    let resume = ["train", "mean_teacher", "--task", "own", "--resume", "-q"];
    succeed(&root, &resume);
    assert_eq!(std::fs::read_to_string(&log).expect("the log"), before);
    assert!(root.join("runs/mean_teacher_own/report.html").is_file());
    // The task is that of the data, as where the run began.
    let resume = ["train", "mean_teacher", "--data", "scans", "--resume", "-q"];
    succeed(&root, &resume);
    assert_eq!(std::fs::read_to_string(&log).expect("the log"), before);
}

/// As after `semivox train … 2>&1 | head`.
#[test]
fn a_training_goes_on_when_nobody_reads_its_messages() {
    let (_root, root) = scans(3, 2);
    let mut child = Command::new(env!("CARGO_BIN_EXE_semivox"))
        .current_dir(&root)
        .args(train(&["supervised", "--data", "scans", "--out", "run"]))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the command starts");
    drop(child.stderr.take());
    assert!(child.wait().expect("an end").success());
    assert!(root.join("run/model.safetensors").is_file());
}

/// A result that cannot be printed is an error without a trace of the program's inside.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_semivox"))
        .args(["completions", "bash"])
        .stdout(full.expect("a device"))
        .output()
        .expect("the command starts");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: cannot write the output: "),
        "{error}"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_semivox"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(141), "")
    );
}

/// Finished runs on other contents of files make no mean with new ones; those on a data set that was moved do.
#[test]
fn a_comparison_goes_on_with_the_same_files_alone() {
    let (_root, root) = scans(3, 3);
    std::fs::write(root.join("scans/test.list"), "case0\n").expect("a list");
    let compare = |data: &'static str, seeds: &'static str| {
        let words = ["compare", "--methods", "supervised", "--data", data];
        let more = ["--seeds", seeds, "--out", "table", "-q"];
        [&words[..], &more, &TINY].concat()
    };
    succeed(&root, &compare("scans", "0"));
    let label = root.join("scans/labels/case0.nii.gz");
    let stored = std::fs::read(&label).expect("a label map");
    corrected(&label);
    let message = super::fail(&root, 1, &compare("scans", "0,1"));
    assert!(
        message.contains("one on others: label map of case0 changed")
            && message.contains("choose another --out"),
        "{message}"
    );
    // Rewritten with the same contents, and moved.
    std::fs::write(&label, stored).expect("the label map");
    std::fs::rename(root.join("scans"), root.join("moved")).expect("a move");
    let log = root.join("table/supervised_all_0/metrics.jsonl");
    let before = std::fs::read(&log).expect("a log");
    succeed(&root, &compare("moved", "0,1"));
    assert_eq!(std::fs::read(&log).expect("a log"), before);
    let table = std::fs::read_to_string(root.join("table/comparison.md")).expect("a table");
    assert!(table.contains("| supervised | 2 | 0, 1 |"), "{table}");
    // An earlier version did not write checksums.
    let list = root.join("table/supervised_all_0/cases.json");
    let mut cases = json(&std::fs::read_to_string(&list).expect("cases"));
    cases
        .as_object_mut()
        .expect("a table")
        .remove("contents")
        .expect("contents");
    std::fs::write(&list, cases.to_string()).expect("cases");
    let message = super::fail(&root, 1, &compare("moved", "0,1"));
    assert!(message.contains("train --resume --out"), "{message}");
}

/// A missing device is told before the scans are read, here by their absence, and `--device` names another.
#[test]
fn a_run_goes_on_on_another_device() {
    let (_root, root) = scans(2, 2);
    trained(&root, "run");
    let config = root.join("run/config.toml");
    let began = std::fs::read_to_string(&config).expect("settings");
    let elsewhere = began.replace("device = \"cpu\"", "device = \"tpu\"");
    assert_ne!(began, elsewhere);
    std::fs::write(&config, &elsewhere).expect("other settings");
    let image = root.join("scans/images/case1.nii.gz");
    let scan = std::fs::read(&image).expect("a scan");
    std::fs::write(&image, "damaged").expect("a damaged scan");
    let resume = ["train", "--resume", "--out", "run", "-q"];
    let message = super::fail(&root, 1, &resume);
    assert!(message.contains("unknown device 'tpu'"), "{message}");
    std::fs::write(&image, scan).expect("the scan");
    let told = super::semivox(&root, &[&resume[..], &["--device", "cpu"]].concat());
    let warning = text(&told.stderr);
    assert!(
        told.status.success() && warning.contains("goes on on cpu, before on tpu"),
        "{warning}"
    );
    let stored = std::fs::read_to_string(&config).expect("settings");
    assert_eq!(stored, began);
    // Also before a survey, which would fail here.
    std::fs::write(&image, "damaged").expect("a damaged scan");
    for command in [
        &["train", "supervised", "--data", "scans", "--device", "tpu"][..],
        &[
            "compare",
            "--methods",
            "bcp",
            "--data",
            "scans",
            "--device",
            "tpu",
        ],
    ] {
        let message = super::fail(&root, 1, command);
        assert!(message.contains("unknown device 'tpu'"), "{message}");
    }
}

#[test]
fn a_run_goes_on_where_its_data_set_was_moved_to() {
    let (_root, root) = scans(3, 2);
    std::fs::write(root.join("scans/test.list"), "case0\n").expect("a list");
    trained(&root, "run");
    std::fs::rename(root.join("scans"), root.join("moved")).expect("a move");
    let resume = ["train", "--resume", "--out", "run", "-q"];
    let message = super::fail(&root, 1, &resume);
    assert!(message.contains("--resume --data FOLDER"), "{message}");
    let there = [&resume[..], &["--data", "moved"]].concat();
    // Of other contents, it is another data set.
    let label = root.join("moved/labels/case1.nii.gz");
    let stored = std::fs::read(&label).expect("a label map");
    corrected(&label);
    let message = super::fail(&root, 1, &there);
    assert!(
        message.contains("found another label map of case1"),
        "{message}"
    );
    std::fs::write(&label, &stored).expect("the label map");
    let told = super::semivox(&root, &there);
    assert!(told.status.success(), "{}", text(&told.stderr));
    assert_eq!(text(&told.stderr), "");
    // The run has stored the new path.
    succeed(&root, &resume);
    // A file that was changed in place is told.
    corrected(&label);
    let told = super::semivox(&root, &resume);
    let warning = text(&told.stderr);
    assert!(
        told.status.success()
            && warning.contains("changed since the run began: label map of case1;"),
        "{warning}"
    );
    std::fs::write(&label, &stored).expect("the label map");
    std::fs::rename(
        root.join("moved/images/case2.nii.gz"),
        root.join("moved/images/z.nii.gz"),
    )
    .expect("another name");
    let message = super::fail(&root, 1, &[&resume[..], &["--data", "moved"]].concat());
    assert!(
        message.contains("unlabeled case 1 of 1 being 'case2'"),
        "{message}"
    );
}

#[test]
fn a_training_keeps_its_folder_is_interrupted_and_goes_on() {
    let (_root, root) = scans(3, 2);
    let words = [
        "train",
        "supervised",
        "--data",
        "scans",
        "--out",
        "run",
        "-q",
    ];
    let many = ["--iterations", "3000"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_semivox"))
        .current_dir(&root)
        .args(words.iter().chain(&many).chain(&TINY[2..]))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let log = root.join("run/metrics.jsonl");
    let begun = || std::fs::metadata(&log).is_ok_and(|found| found.len() > 0);
    while !begun() && child.try_wait().expect("a state").is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let process = child.id().to_string();
    let start = [&words[..], &TINY].concat();
    for second in [&start[..], &["train", "--resume", "--out", "run"]] {
        let message = super::fail(&root, 1, second);
        let refusal =
            "error: run: expected a folder that no other training is using, found process";
        assert!(message.contains(refusal), "{message}");
        assert!(message.contains(&process), "{message}");
    }
    let signal = Command::new("kill").args(["-INT", &process]).status();
    assert!(signal.expect("a signal").success());
    let output = child.wait_with_output().expect("an end");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(
        message.contains("To go on: semivox train --resume --out run"),
        "{message}"
    );

    let steps = || {
        std::fs::read_to_string(&log)
            .expect("the log")
            .lines()
            .count()
    };
    let done = steps();
    assert!((1..3000).contains(&done));
    succeed(&root, &["train", "--resume", "--out", "run", "-q"]);
    assert_eq!(steps(), 3000);
}
