//! Wrong uses of each command and their error messages.

use std::fs;
use std::process::Command;

use semivox::data::io::{read_labels, write_labels};

use super::{TINY, fail, scans, succeed, trained};

#[test]
fn train() {
    let (_root, root) = scans(2, 1);
    let message = fail(&root, 1, &["train", "mean_taecher", "--data", "scans"]);
    assert!(
        message.contains("unknown method 'mean_taecher'"),
        "{message}"
    );
    let message = fail(&root, 1, &["train", "action", "--set", "method.bnak=1"]);
    assert!(
        message.contains("unknown key method.bnak: did you mean 'bank'?"),
        "{message}"
    );
    for (value, instead) in [
        ("task=la", "--task"),
        ("method.name=bcp", "METHOD"),
        ("preset=paper", "--preset"),
        ("ablation=x", "METHOD:ABLATION"),
    ] {
        let message = fail(&root, 2, &["train", "supervised", "--set", value]);
        assert!(message.contains(instead), "{message}");
    }
    for out in ["scans", ".", "scans/images/run", "scans/labels"] {
        let words = ["train", "supervised", "--data", "scans", "--out", out];
        let message = fail(&root, 1, &words);
        assert!(message.contains("outside the scans of"), "{out}: {message}");
    }
    let message = fail(&root, 2, &["train", "--resume"]);
    assert!(message.contains("expected --out"), "{message}");
    let message = fail(&root, 2, &["train"]);
    assert!(
        message.contains("[METHOD]") || message.contains("<METHOD"),
        "{message}"
    );
    let message = fail(&root, 1, &["train", "supervised", "--device", "tpu"]);
    assert!(message.contains("unknown device 'tpu'"), "{message}");
    fs::write(root.join("odd.toml"), "seed = 1\nsead = 2\n").expect("a file");
    let message = fail(&root, 1, &["train", "--config", "odd.toml"]);
    assert!(
        message.contains("odd.toml") && message.contains("line "),
        "{message}"
    );
}

#[test]
fn resume_and_test_cases() {
    let (_root, root) = scans(4, 3);
    fs::write(root.join("test.list"), "case0\n").expect("a list");
    let words = ["train", "supervised", "--data", "scans", "-q"];
    let tested = ["--test-list", "test.list", "--out", "run"];
    succeed(&root, &[&words[..], &tested, &TINY].concat());
    let message = fail(&root, 1, &["export", "run", "--out", "weights.pt"]);
    assert!(
        message.contains("ends in .safetensors") && message.contains("the ending .pt"),
        "{message}"
    );
    assert!(!root.join("weights.pt").exists());
    let message = fail(&root, 1, &["train", "action", "--resume", "--out", "run"]);
    assert!(
        message.contains("expected a run of action, found one of supervised"),
        "{message}"
    );
    let message = fail(
        &root,
        1,
        &["train", "--task", "la", "--resume", "--out", "run"],
    );
    assert!(
        message.contains("expected a run of la, found one of own; leave the task out"),
        "{message}"
    );
    let message = fail(&root, 1, &["train", "action", "--task", "acdc", "--resume"]);
    assert!(message.contains("runs/action_acdc"), "{message}");
    // With this test list, changed after the start, the model would be tested on its training case.
    fs::write(root.join("test.list"), "case1\n").expect("a list");
    let message = fail(&root, 1, &["train", "--resume", "--out", "run"]);
    assert!(
        message.contains("cases.json") && message.contains("'case1', found 'case0'"),
        "{message}"
    );

    // An error that would otherwise occur only at the end of a run.
    fs::write(root.join("scans/labels/case1.nii.gz"), "no label map").expect("a file");
    let late = ["--test-list", "test.list", "--out", "late"];
    let message = fail(&root, 1, &[&words[..], &late, &TINY].concat());
    assert!(message.contains("labels/case1.nii.gz"), "{message}");
    assert!(!root.join("late/config.toml").exists());
    // A folder that is taken is refused before scans are read, which would fail here.
    let message = fail(&root, 1, &[&words[..], &tested, &TINY].concat());
    assert!(message.contains("pass --resume"), "{message}");
    for case in ["case0", "case1", "case2"] {
        let file = |folder: &str| root.join(format!("{folder}/{case}.nii.gz"));
        let mut labels = read_labels(file("drawn")).expect("a label map");
        labels.data.fill(0);
        write_labels(file("scans/labels"), &labels).expect("a label map");
    }
    let message = fail(&root, 1, &[&words[..], &late, &TINY].concat());
    assert!(message.contains("background alone"), "{message}");
}

#[test]
fn compare() {
    let (_root, root) = scans(3, 2);
    let message = fail(&root, 2, &["compare", "--seeds", "0"]);
    assert!(message.contains("--methods"), "{message}");
    let compare = |methods: &str, more: &[&str]| {
        let words = ["compare", "--methods", methods, "--data", "scans"];
        fail(&root, 1, &[&words[..], more, &TINY].concat())
    };
    let message = compare("supervised", &[]);
    assert!(
        message.contains("expected test or validation cases"),
        "{message}"
    );
    fs::write(root.join("test.list"), "case0\n").expect("a list");
    let tested = ["--test-list", "test.list"];
    let message = compare("supervised,magic", &tested);
    assert!(message.contains("unknown method 'magic'"), "{message}");
    let message = compare("supervised,supervised", &tested);
    assert!(
        message.contains("--methods: expected each once"),
        "{message}"
    );
    let message = compare("supervised", &[&tested[..], &["--seeds", "0,1,0"]].concat());
    assert!(
        message.contains("--seeds: expected each once, found 0 twice"),
        "{message}"
    );
    let unmirrored = [
        "--set",
        "weak_view.flip_axes=[false, false, false]",
        "--set",
        "weak_view.rotate=false",
    ];
    let message = compare(
        "supervised,ideal:mirrored_keys",
        &[&tested[..], &unmirrored].concat(),
    );
    assert!(
        message.contains("method.key_geometry: expected aligned"),
        "{message}"
    );
    fs::remove_file(root.join("scans/images/case2.nii.gz")).expect("the unlabeled case");
    let message = compare("supervised,mean_teacher", &tested);
    assert!(
        message.contains("unlabeled cases, which mean_teacher learns from"),
        "{message}"
    );
    assert!(!root.join("runs").exists(), "nothing was trained before");
}

#[test]
fn device() {
    let (_root, root) = scans(1, 1);
    let message = fail(&root, 1, &["device", "tpu"]);
    assert!(message.contains("expected cpu, cuda"), "{message}");
    let message = fail(&root, 2, &["device", "cpu", "--method", "magic"]);
    assert!(message.contains("mean_teacher"), "{message}");
    let message = fail(&root, 2, &["device", "--all-methods"]);
    assert!(message.contains("NAME"), "{message}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_semivox"));
    let command = command.args(["device", "cpu"]);
    let output = command.env("SEMIVOX_CONVOLUTION", "fast").output();
    let output = output.expect("the command starts");
    let message = super::text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("expected burn or bounded, found 'fast'"),
        "{message}"
    );
}

#[test]
fn export_and_import() {
    let (_root, root) = scans(1, 1);
    let message = fail(&root, 1, &["export", "scans", "--out", "a.safetensors"]);
    assert!(message.contains("model.safetensors"), "{message}");
    fs::write(root.join("there.safetensors"), "").expect("a file");
    let message = fail(&root, 1, &["export", "scans", "--out", "there.safetensors"]);
    assert!(message.contains("exists already"), "{message}");
    let message = fail(&root, 2, &["export", "scans"]);
    assert!(message.contains("--out"), "{message}");

    let import = |file: &'static str| ["import", file, "--task", "la", "--out", "run"];
    let message = fail(&root, 1, &import("nothing.pth"));
    assert!(message.contains("nothing.pth"), "{message}");
    let message = fail(&root, 1, &import("there.safetensors"));
    assert!(message.contains("there.safetensors"), "{message}");
    let message = fail(
        &root,
        2,
        &[
            "import",
            "there.safetensors",
            "--task",
            "liver",
            "--out",
            "run",
        ],
    );
    assert!(message.contains("expected one of la, acdc"), "{message}");
    assert!(!root.join("run").exists());
}

/// A model with one flipped bit is refused; a training resumes from the checkpoint before a damaged one and writes
/// the model again.
#[test]
fn a_damaged_checkpoint() {
    let (_root, root) = scans(2, 2);
    let words = ["train", "supervised", "--data", "scans", "--out", "run"];
    let often = ["--set", "checkpoint_every=2"];
    succeed(&root, &[&words[..], &often, &TINY].concat());
    let file = root.join("run/checkpoints/step-00000004/student.bpk");
    let mut bytes = fs::read(&file).expect("the student");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).expect("a file");

    // Predictions use the separate model file, which is not damaged.
    let predict = ["predict", "run", "scans/images", "--out", "p", "-q"];
    succeed(&root, &predict);
    fs::remove_dir_all(root.join("p")).expect("a folder");
    let model = root.join("run/model.safetensors");
    let mut bytes = fs::read(&model).expect("the model");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&model, &bytes).expect("a file");
    for refused in [&predict[..], &["export", "run", "--out", "a.safetensors"]] {
        let message = fail(&root, 1, refused);
        assert!(
            message.contains("model.safetensors: expected the checksum"),
            "{message}"
        );
    }
    assert!(!root.join("p").exists() && !root.join("a.safetensors").exists());

    let output = super::semivox(&root, &["train", "--resume", "--out", "run", "-q"]);
    let message = super::text(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert!(
        message.starts_with("warning: checkpoint run") && message.contains("of step 2"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
    let log = fs::read_to_string(root.join("run/metrics.jsonl")).expect("the log");
    assert_eq!(log.lines().count(), 4);
    succeed(&root, &predict);

    for step in [2, 4] {
        let state = format!("run/checkpoints/step-{step:08}/state.json");
        fs::write(root.join(state), "{").expect("a file");
    }
    let message = fail(&root, 1, &["train", "--resume", "--out", "run"]);
    assert!(
        message
            .contains("expected an undamaged checkpoint to resume from, found none: step-00000004"),
        "{message}"
    );
}

#[test]
fn report() {
    let (_root, root) = scans(2, 2);
    let message = fail(&root, 1, &["report", "scans"]);
    assert!(message.contains("config.toml"), "{message}");
    let message = fail(&root, 1, &["report", "nowhere"]);
    assert!(message.contains("nowhere"), "{message}");
    trained(&root, "run");
    fs::write(root.join("run/config.toml"), "seed = 1").expect("a file");
    let message = fail(&root, 1, &["report", "run"]);
    assert!(message.contains("configuration"), "{message}");
}

/// Files that other commands take for scans, label maps or results of their own are not written over.
#[test]
fn folders_with_other_purposes_are_no_outputs() {
    let (_root, root) = scans(3, 2);
    trained(&root, "run");
    let predict = |out: &'static str| ["predict", "run", "scans/images", "--out", out];
    for out in ["scans/labels", "scans/labels/deeper"] {
        let message = fail(&root, 1, &predict(out));
        let found = "scans/labels, where predictions would be taken for scans or label maps";
        assert!(message.contains(found), "{message}");
    }
    succeed(&root, &predict("scans/predicted"));
    let kept = succeed(
        &root,
        &[&predict("scans/predicted")[..], &["--existing", "skip"]].concat(),
    );
    assert!(kept.contains("3 kept, which were there already"), "{kept}");
    let message = fail(
        &root,
        1,
        &["evaluate", "scans/predicted", "drawn", "--out", "run"],
    );
    assert!(message.contains("own evaluation.json"), "{message}");
    let message = fail(
        &root,
        2,
        &["train", "supervised", "--set", "data.test_list=list"],
    );
    assert!(message.contains("use --test-list"), "{message}");
}
