//! The workflow from a folder of scans to a table of results.

use semivox::data::io::{read_labels, read_volume, write_label_values};
use semivox::data::{Fingerprint, IGNORED, LabelValues};
use serde_json::Value;

use super::{TINY, json, scans, semivox, succeed, text, train};

#[test]
fn inspect_train_predict_evaluate() {
    let (_root, root) = scans(4, 2);
    let found = succeed(&root, &["inspect", "scans", "--cases"]);
    assert!(found.contains("2 labeled, 2 unlabeled, 0 test"), "{found}");
    assert!(found.contains("semivox train bcp --data scans"), "{found}");
    assert!(
        found.contains("34×32×26") && found.contains("RAS"),
        "{found}"
    );
    assert!(found.contains("for 4 preprocessed scans, while"), "{found}");
    assert!(found.contains("(patch): two thirds of the scan"), "{found}");
    let found = json(&succeed(&root, &["inspect", "scans", "--json"]));
    assert_eq!(found["cases"][0]["voxels_by_label"]["1"], 1935);
    let image = read_volume(root.join("scans/images/case0.nii.gz")).expect("a scan");
    let print = found["cases"][0]["fingerprint"].as_str();
    assert_eq!(print, Some(Fingerprint::of(&image).to_string().as_str()));

    let arguments = train(&["mean_teacher", "--data", "scans", "--out", "run", "--json"]);
    let found = json(&succeed(&root, &arguments));
    assert_eq!(
        (found["run"].as_str(), &found["mean"]),
        (Some("run"), &Value::Null)
    );
    for file in ["config.toml", "metrics.jsonl", "report.html"] {
        assert!(root.join("run").join(file).is_file(), "{file}");
    }
    // Without test cases, the report shows unlabeled scans.
    let page = std::fs::read_to_string(root.join("run/report.html")).expect("the report");
    for shown in ["case2", "case3", "no label map", "class=\"voxels\""] {
        assert!(page.contains(shown), "{shown}");
    }

    let found = succeed(
        &root,
        &["predict", "run", "scans/images", "--out", "predicted"],
    );
    assert!(
        found.contains("4 label maps in predicted: 0 background, 1 class 1"),
        "{found}"
    );
    for number in 0..4 {
        let name = format!("case{number}.nii.gz");
        let scan = read_volume(root.join("scans/images").join(&name)).expect("the scan");
        let labels = read_labels(root.join("predicted").join(&name)).expect("the label map");
        assert_eq!(labels.shape(), scan.shape());
        assert!(labels.geometry.approx_eq(&scan.geometry, 1e-4));
    }

    let found = succeed(&root, &["evaluate", "predicted", "drawn"]);
    assert!(found.contains("case3") && found.contains("mean"), "{found}");
    let csv = std::fs::read_to_string(root.join("predicted/evaluation.csv")).expect("a table");
    assert!(
        csv.starts_with("case,label,dice,jaccard,hd95_mm,hd95_directed_max_mm"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 5);
    let found = json(&succeed(
        &root,
        &["evaluate", "drawn", "drawn", "--json", "--out", "own"],
    ));
    assert_eq!(found["mean"]["dice"], 1.0);
    assert!(root.join("own/evaluation.json").is_file());
}

/// Without data, every task trains on phantoms, in a run folder of its own.
#[test]
fn a_task_without_data_trains_on_its_phantoms() {
    let (_root, root) = scans(1, 1);
    let small = ["data.phantoms=[1, 1]", "data.phantom.shape=[32, 32, 32]"];
    let small = small.iter().flat_map(|value| ["--set", value]);
    let small: Vec<&str> = small.chain(["--labeled", "1"]).collect();
    let slice = [
        "--set",
        "patch=[32, 32, 1]",
        "--set",
        "inference={ window = [32, 32, 1], stride = [32, 32, 1], blend = \"uniform\" }",
        "--set",
        "data.preprocess.slice_size=[32, 32]",
    ];
    for (task, classes) in [
        ("la", "atrium"),
        ("acdc", "myocardium"),
        ("hippocampus", "myocardium"),
        ("pancreas", "pancreas"),
        ("own", "atrium"),
    ] {
        let size = if task == "acdc" {
            &slice[..]
        } else {
            &TINY[2..]
        };
        let words = ["train", "supervised", "--task", task, "--iterations", "2"];
        let output = semivox(&root, &[&words[..], &small, size].concat());
        let told = text(&output.stderr);
        assert!(output.status.success(), "{task}: {told}");
        assert!(told.contains("add --data FOLDER"), "{task}: {told}");
        let folder = root.join(format!("runs/supervised_{task}"));
        let config = std::fs::read_to_string(folder.join("config.toml")).expect("the settings");
        assert!(config.contains(&format!("task = \"{task}\"")), "{config}");
        assert!(config.contains(classes), "{task}: {config}");
        assert!(folder.join("report.html").is_file(), "{task}");
    }
}

#[test]
fn compare_runs_the_grid_once() {
    let (_root, root) = scans(4, 3);
    std::fs::write(root.join("test.list"), "case0\n").expect("a list");
    let methods = "supervised,mean_teacher";
    let words = [
        "compare",
        "--methods",
        methods,
        "--seeds",
        "0,1",
        "--data",
        "scans",
        "--test-list",
        "test.list",
    ];
    let grid = [&words[..], &["--labeled", "1", "--out", "grid"], &TINY].concat();
    let found = succeed(&root, &grid);
    assert!(
        found.contains("| supervised | 1 | 0, 1 |") && found.contains(" ± "),
        "{found}"
    );
    for file in [
        "comparison.md",
        "comparison.csv",
        "comparison.json",
        "comparison.svg",
        "runs.csv",
        "cases.csv",
        "mean_teacher_1_1/report.html",
    ] {
        assert!(root.join("grid").join(file).is_file(), "{file}");
    }
    let page = root.join("grid/supervised_1_0/report.html");
    std::fs::remove_file(&page).expect("the report");
    let words = ["report", "grid/supervised_1_0"];
    let message = "Report: grid/supervised_1_0/report.html\n";
    assert_eq!(succeed(&root, &words), message);
    let page = std::fs::read_to_string(page).expect("the report again");
    assert!(
        page.contains("case0") && page.contains("class=\"voxels\""),
        "with its slices"
    );
    let again = semivox(&root, &grid);
    assert_eq!(
        text(&again.stdout),
        found,
        "finished runs are read, not run"
    );
    let other = [&grid[..], &["--set", "network.filters=2"]].concat();
    let message = super::fail(&root, 1, &other);
    assert!(
        message.contains("supervised_1_0: expected a run with the same settings"),
        "{message}"
    );
    // With another scan, runs of new seeds would not be trained on the cases of the others.
    let scan = |name: &str| root.join(format!("scans/images/{name}.nii.gz"));
    std::fs::copy(scan("case3"), scan("case9")).expect("a scan");
    let message = super::fail(&root, 1, &grid);
    assert!(
        message.contains("unlabeled case 3 of 2 being 'none'") && message.contains("found 'case9'"),
        "{message}"
    );
}

/// A run that diverges ends the command with an error, after the other runs and their table.
#[test]
fn compare_goes_on_after_a_diverging_run() {
    let (_root, root) = scans(4, 3);
    std::fs::write(root.join("test.list"), "case0\n").expect("a list");
    let words = ["compare", "--methods", "fixmatch", "--data", "scans", "-q"];
    let split = [
        "--test-list",
        "test.list",
        "--labeled",
        "1",
        "--out",
        "grid",
    ];
    let settings = [
        "--set",
        "method.pseudo_weight=1e39",
        "--set",
        "method.pseudo_from=0",
        "--set",
        "method.pseudo_guard=false",
        "--set",
        "method.threshold=0",
    ];
    let output = semivox(&root, &[&words[..], &split, &settings, &TINY].concat());
    let (table, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: grid/fixmatch_1_0: ") && said.contains("the other runs go on"),
        "{said}"
    );
    for row in ["| supervised | 1 |", "| supervised:strong_copy_paste | 1 |"] {
        assert!(table.contains(row), "{table}");
    }
    assert!(!table.contains("| fixmatch"), "{table}");
    let left_out = "Left out, as they diverged: fixmatch, seed 0.";
    assert!(table.contains(left_out), "{table}");
}

/// Label values are mapped to classes from the label maps to the table: 205 is the ball, 9 is ignored.
#[test]
fn values_of_label_maps_come_back() {
    let (_root, root) = scans(3, 2);
    let values = LabelValues::new([(0, 0), (205, 1), (420, 2), (9, IGNORED)]);
    for folder in ["scans/labels", "drawn"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("a file").path();
            let mut labels = read_labels(&path).expect("a label map");
            labels
                .data
                .slice_mut(ndarray::s![.., .., ..4])
                .fill(IGNORED);
            labels.data[[20, 16, 12]] = 2;
            write_label_values(&path, &labels, &values).expect("a label map");
        }
    }
    let lines = "0 background\n205 ball\n420 dot\n9 ignore\n";
    std::fs::write(root.join("scans/classes.txt"), lines).expect("classes");
    let found = json(&succeed(&root, &["inspect", "scans", "--json"]));
    assert_eq!(
        found["classes"],
        serde_json::json!(["background", "ball", "dot"])
    );
    assert!(
        found["cases"][0]["voxels_ignored"].as_u64() > Some(1000),
        "{found}"
    );
    std::fs::write(root.join("test.list"), "case0\n").expect("a list");
    let words = [
        "supervised",
        "--data",
        "scans",
        "--test-list",
        "test.list",
        "--out",
        "run",
    ];
    let output = semivox(&root, &train(&words));
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(
        said.contains("voxels of labeled cases are ignored"),
        "{said}"
    );
    let page = std::fs::read_to_string(root.join("run/report.html")).expect("the report");
    assert!(page.contains("case0") && !page.contains("is not shown"));
    let config = std::fs::read_to_string(root.join("run/config.toml")).expect("settings");
    assert!(
        config.contains("label_values = [[0, 0], [9, 255], [205, 1], [420, 2]]"),
        "{config}"
    );

    // A comparison finds its runs again, although they store what the data set says of its values.
    let words = ["compare", "--methods", "supervised", "--data", "scans"];
    let grid = [
        &words[..],
        &[
            "--seeds",
            "0,1",
            "--test-list",
            "test.list",
            "--out",
            "grid",
        ],
        &TINY,
    ]
    .concat();
    let output = semivox(&root, &grid);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said.matches("value 9 (ignore) take no part").count(),
        1,
        "{said}"
    );
    succeed(&root, &grid);

    let predict = ["predict", "run", "scans/images", "--out"];
    let found = succeed(&root, &[&predict[..], &["p"]].concat());
    assert!(found.contains("0 background, 205 ball, 420 dot"), "{found}");
    succeed(&root, &[&predict[..], &["i", "--class-indices"]].concat());
    let tables = ["p", "i"].map(|folder| {
        let words = ["evaluate", folder, "drawn", "--classes", "run", "--json"];
        let found = json(&succeed(&root, &words));
        assert_eq!(found["cases"][0]["classes"][1]["label"], 420);
        found["cases"].clone()
    });
    assert_eq!(tables[0], tables[1]);
    let found = succeed(&root, &["evaluate", "p", "drawn", "--classes", "run"]);
    for part in [
        "case0, ball ",
        "case0, dot ",
        "mean of ball ",
        "mean of dot ",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let drawn = json(&succeed(
        &root,
        &[
            "evaluate",
            "drawn",
            "drawn",
            "--classes",
            "scans/classes.txt",
            "--json",
        ],
    ));
    assert_eq!(drawn["mean"]["dice"], 1.0);
    assert_eq!(drawn["mean_by_class"]["420"]["dice"], 1.0);
}
