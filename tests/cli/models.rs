//! Trained models: predictions, export and import, devices.

use std::path::Path;

use semivox::data::io::{read_labels, read_volume};
use serde_json::Value;

use super::{fail, json, scans, succeed, trained};

#[test]
fn predictions_take_what_was_asked_for() {
    let (_root, root) = scans(3, 2);
    trained(&root, "run");
    let scan = "scans/images/case2.nii.gz";
    let all = [
        "predict",
        "run",
        scan,
        "--out",
        "all",
        "--tta",
        "--largest-component",
        "--probabilities",
        "-q",
    ];
    assert_eq!(succeed(&root, &all), "");
    let class = |name: &str| read_volume(root.join("all").join(name)).expect("a probability map");
    let sum = class("probabilities/case2_background.nii.gz").data
        + class("probabilities/case2_class_1.nii.gz").data;
    assert!(sum.iter().all(|p| (p - 1.0).abs() < 1e-5));
    // Existing label maps are overwritten only on request.
    let written =
        |folder: &Path| std::fs::metadata(folder.join("case2.nii.gz")).and_then(|m| m.modified());
    let before = written(&root.join("all")).expect("a time");
    succeed(
        &root,
        &["predict", "run", scan, "--out", "all", "--existing", "skip"],
    );
    assert_eq!(written(&root.join("all")).expect("a time"), before);
    succeed(
        &root,
        &[
            "predict",
            "run",
            scan,
            "--out",
            "all",
            "--existing",
            "overwrite",
        ],
    );
    assert_ne!(written(&root.join("all")).expect("a time"), before);
}

#[test]
fn a_network_leaves_as_safetensors_and_comes_back() {
    let (_root, root) = scans(3, 2);
    trained(&root, "run");
    succeed(&root, &["export", "run", "--out", "model.safetensors"]);
    let stored = std::fs::read_to_string(root.join("run/config.toml")).expect("the settings");
    let line = |key: &str| {
        let found = stored
            .lines()
            .find(|line| line.starts_with(key))
            .expect("a key");
        found.replace(' ', "")
    };
    let (window, stride) = (
        format!("inference.{}", line("window")),
        format!("inference.{}", line("stride")),
    );
    let patch = line("patch");
    let words = [
        "import",
        "model.safetensors",
        "--task",
        "own",
        "--classes",
        "background,ball",
        "--out",
        "again",
        "--set",
        "data.preprocess.spacing_mm=[2.0, 2.0, 2.0]",
        "--set",
        &patch,
        "--set",
        &window,
        "--set",
        &stride,
    ];
    let written = succeed(&root, &words);
    let [file, prepared] = written.lines().collect::<Vec<_>>()[..] else {
        panic!("{written}");
    };
    assert!(file.starts_with("Written: again") && file.ends_with("model.safetensors"));
    let expected = "Scans are prepared by --task own, --preset paper and --set: ";
    assert!(prepared.starts_with(expected), "{prepared}");
    for model in ["run", "again", "model.safetensors"] {
        let out = format!("p_{model}");
        let words = ["predict", model, "scans/images", "--out", &out, "-q"];
        succeed(&root, &words);
    }
    let found = json(&succeed(&root, &["evaluate", "p_run", "p_again", "--json"]));
    assert!(
        found["mean"]["dice"]
            .as_f64()
            .is_none_or(|dice| dice == 1.0),
        "{found}"
    );
    let labels = |run: &str| {
        read_labels(root.join(format!("p_{run}/case0.nii.gz")))
            .expect("labels")
            .data
    };
    assert_eq!(labels("run"), labels("again"));
    assert_eq!(labels("run"), labels("model.safetensors"));
}

/// `semivox device` lists the devices, describes one, and compares it with the CPU.
#[cfg(unix)]
#[test]
fn a_device_is_listed_tried_and_compared() {
    let (_root, root) = scans(1, 1);
    let found = succeed(&root, &["device"]);
    assert!(found.contains("Devices of this build: cpu"), "{found}");

    let found = succeed(&root, &["device", "cpu", "--method", "supervised"]);
    assert!(found.contains("forward pass of a V-Net"), "{found}");
    for row in [
        "logits of a U-Net",
        "gradients of a V-Net",
        "supervised, step 3, supervised",
    ] {
        let line = found.lines().find(|line| line.starts_with(row));
        assert!(line.is_some_and(|line| line.ends_with("agrees")), "{found}");
    }
    let found = succeed(&root, &["device", "cpu", "--json"]);
    let lines: Vec<Value> = found.lines().map(json).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["device"], "cpu");
    assert_eq!(lines[4]["difference"], 0.0);
}

/// Two files of two channels are one scan in all commands, and the prediction is named like the scan.
#[test]
fn scans_of_two_channels_go_the_whole_way() {
    let (_guard, root) = scans(2, 1);
    let images = root.join("scans/images");
    for case in ["case0", "case1"] {
        let [first, second] = ["0000", "0001"].map(|n| images.join(format!("{case}_{n}.nii.gz")));
        std::fs::rename(images.join(format!("{case}.nii.gz")), &first).expect("a name");
        std::fs::copy(&first, &second).expect("a copy");
    }
    std::fs::write(root.join("scans/channels.txt"), "T1\nFLAIR\n").expect("a list");
    let found = succeed(&root, &["inspect", "scans", "--cases"]);
    assert!(found.contains("1 labeled, 1 unlabeled"), "{found}");
    assert!(found.contains("lowest intensity, FLAIR"), "{found}");
    trained(&root, "run");

    succeed(
        &root,
        &["predict", "run", "scans/images", "--out", "all", "-q"],
    );
    let one = "scans/images/case1_0001.nii.gz";
    succeed(&root, &["predict", "run", one, "--out", "one", "-q"]);
    let read = |path: &str| std::fs::read(root.join(path)).expect("a label map");
    assert_eq!(read("all/case1.nii.gz"), read("one/case1.nii.gz"));
    let compared = succeed(&root, &["evaluate", "all", "drawn", "--json"]);
    assert_eq!(json(&compared)["cases"].as_array().map(Vec::len), Some(2));

    std::fs::remove_file(images.join("case1_0000.nii.gz")).expect("a file");
    let message = fail(
        &root,
        1,
        &["predict", "run", "scans/images", "--out", "less", "-q"],
    );
    assert!(message.contains("no `case1_0000`"), "{message}");
    let message = fail(&root, 1, &["predict", "run", one, "--out", "less", "-q"]);
    assert!(message.contains("2 channels"), "{message}");
}

/// A folder of DICOM series, the folder of one series, and one of its files give the same scan.
#[test]
fn dicom_series_are_predicted() {
    let (_guard, root) = scans(1, 1);
    trained(&root, "run");
    let goldens = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/data/tests/goldens/dicom"
    );
    std::fs::create_dir(root.join("new")).expect("a folder");
    let series = root.join("new/axial");
    std::fs::create_dir(&series).expect("a folder");
    for file in std::fs::read_dir(Path::new(goldens).join("axial")).expect("a series") {
        let file = file.expect("a slice").path();
        let name = file.file_name().expect("a name");
        std::fs::copy(&file, series.join(name)).expect("a copy");
    }
    for (input, out) in [("new", "a"), ("new/axial", "b")] {
        succeed(&root, &["predict", "run", input, "--out", out, "-q"]);
    }
    let [of_folder, of_series] =
        ["a", "b"].map(|out| read_labels(root.join(out).join("axial.nii.gz")).expect("labels"));
    let scan = read_volume(series).expect("a scan");
    assert_eq!(
        (of_folder.shape(), of_folder.geometry),
        (scan.shape(), scan.geometry)
    );
    assert_eq!(of_folder, of_series);
}
