//! Wrong scans, label maps and folders, and the messages of the commands that read them.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox::data::io::{read_labels, write_labels, write_volume};
use semivox::data::{Geometry, Volume};

use super::{TINY, fail, scans, succeed, trained};

#[test]
fn inspect() {
    let (_root, root) = scans(2, 1);
    let message = fail(&root, 1, &["inspect", "nowhere"]);
    assert!(
        message.contains("expected a folder at `nowhere`"),
        "{message}"
    );
    fs::create_dir(root.join("empty")).expect("a folder");
    let message = fail(&root, 1, &["inspect", "empty"]);
    assert!(message.contains("found an empty folder"), "{message}");
    fs::write(root.join("scans/images/case1.nii.gz"), "no scan").expect("a file");
    let output = super::semivox(&root, &["inspect", "scans"]);
    let found = super::text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        found.starts_with("errors") && found.contains("case1.nii.gz"),
        "{found}"
    );
    assert!(found.contains("--fix FOLDER"), "{found}");
}

#[test]
fn inspect_suggests_a_command_that_a_shell_takes() {
    let (_root, root) = scans(2, 1);
    fs::rename(root.join("scans"), root.join("Größe & co")).expect("a name");
    let found = succeed(&root, &["inspect", "Größe & co"]);
    assert!(
        found.contains("semivox train bcp --data 'Größe & co' --out runs/Größe___co_bcp"),
        "{found}"
    );
    for part in [
        "no test cases, so nothing measures the result",
        "intensities   z-scored (data.preprocess.intensity)",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    fs::write(root.join("Größe & co/test.list"), "case0\n").expect("a list");
    let found = succeed(&root, &["inspect", "Größe & co"]);
    let all =
        "All label maps (1) are of test cases: leave some cases out of the test list or labelsTs/";
    assert!(found.contains(all), "{found}");
}

#[test]
fn inspect_fixes() {
    let (_root, root) = scans(3, 2);
    fs::rename(
        root.join("scans/labels/case0.nii.gz"),
        root.join("scans/labels/CASE0-label.nii.gz"),
    )
    .expect("a name");
    fs::write(root.join("scans/images/case2.nii.gz"), "no scan").expect("a file");
    fail(&root, 1, &["inspect", "scans"]);
    let output = super::semivox(&root, &["inspect", "scans", "--fix", "mended"]);
    let found = super::text(&output.stdout);
    for part in [
        "mended: a copy of 2 images and 2 label maps",
        "label map `CASE0-label` renamed to `case0`",
        "case2: `scans/images/case2.nii.gz`",
        "2 labeled, 0 unlabeled, 0 test",
        "semivox train supervised --data mended",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert_eq!(output.status.code(), Some(1), "one case is left out");
    let message = fail(&root, 1, &["inspect", "scans", "--fix", "mended"]);
    assert!(message.contains("expected a new folder"), "{message}");
}

#[test]
fn predict() {
    let (_root, root) = scans(2, 2);
    let message = fail(
        &root,
        1,
        &["predict", "scans", "scans/images", "--out", "p"],
    );
    assert!(message.contains("model.safetensors"), "{message}");
    trained(&root, "run");
    let message = fail(&root, 1, &["predict", "run", "scan.nii.gz", "--out", "p"]);
    assert!(
        message.contains("scan.nii.gz: expected a scan") && message.contains("nothing there"),
        "{message}"
    );
    let message = fail(
        &root,
        1,
        &["predict", "run", "scans/images", "--out", "scans/images"],
    );
    assert!(
        message.contains("expected a folder outside scans/images"),
        "{message}"
    );
    let below = [
        "predict",
        "run",
        "scans/images",
        "--out",
        "scans/images/new",
    ];
    let message = fail(&root, 1, &below);
    assert!(
        message.contains("expected a folder outside scans/images"),
        "{message}"
    );
    let scan = "scans/images/case0.nii.gz";
    let message = fail(&root, 1, &["predict", "run", scan, "--out", "scans/images"]);
    assert!(
        message.contains("expected a folder other than the scan's own"),
        "{message}"
    );
    let message = fail(
        &root,
        1,
        &["predict", "run", "drawn", "scans/images", "--out", "p"],
    );
    assert!(
        message
            .contains("case0.nii.gz: expected scans of different names, found drawn/case0.nii.gz"),
        "{message}"
    );
    // A link to a scan elsewhere is that scan.
    #[cfg(unix)]
    {
        fs::create_dir(root.join("links")).expect("a folder");
        let link = root.join("links/case0.nii.gz");
        std::os::unix::fs::symlink(root.join("drawn/case0.nii.gz"), link).expect("a link");
        let arguments = [
            "predict",
            "run",
            "links",
            "--out",
            "drawn",
            "--existing",
            "overwrite",
        ];
        let message = fail(&root, 1, &arguments);
        assert!(
            message.contains("expected another file than the scan"),
            "{message}"
        );
    }
    // An unreadable scan does not prevent the prediction of the other.
    fs::write(root.join("scans/images/case0.nii.gz"), "no scan").expect("a file");
    let message = fail(&root, 1, &["predict", "run", "scans/images", "--out", "p"]);
    assert!(message.contains("case0.nii.gz"), "{message}");
    assert!(root.join("p/case1.nii.gz").is_file());
    let message = fail(&root, 1, &["predict", "run", "scans/images", "--out", "p"]);
    assert!(message.contains("exists already"), "{message}");
}

/// A data set holds label maps, which are no scans; an error in preprocessing names the scan.
#[test]
fn predict_takes_scans_alone_and_names_what_fails() {
    let (_root, root) = scans(2, 1);
    trained(&root, "run");
    let message = fail(&root, 1, &["predict", "run", "scans", "--out", "p"]);
    assert!(
        message.contains("scans: expected a folder of scans alone, found a data set, with images/; give scans/images"),
        "{message}"
    );
    assert!(!root.join("p").exists());

    let huge = Volume::new(
        Array3::zeros((34, 32, 26)),
        Geometry::from_spacing([2e3; 3]),
    );
    write_volume(root.join("scans/images/huge.nii.gz"), &huge).expect("a scan");
    let message = fail(&root, 1, &["predict", "run", "scans/images", "--out", "p"]);
    assert!(
        message.contains("error: scans/images/huge.nii.gz: expected"),
        "{message}"
    );
    assert!(root.join("p/case0.nii.gz").is_file() && root.join("p/case1.nii.gz").is_file());
}

/// No description of values below 0 would be read.
#[test]
fn negative_labels_are_to_be_exported_anew() {
    let (_root, root) = scans(2, 1);
    let labels = read_labels(root.join("drawn/case0.nii.gz")).expect("a label map");
    let drawn = labels.data.mapv(|label| f32::from(label) - 1.0);
    let path = root.join("scans/labels/case0.nii.gz");
    write_volume(&path, &Volume::new(drawn, labels.geometry)).expect("a label map");
    for described in [false, true] {
        if described {
            fs::write(root.join("scans/classes.txt"), "0 background\n1 ball\n").expect("a file");
        }
        let output = super::semivox(&root, &["inspect", "scans"]);
        let found = super::text(&output.stdout);
        assert!(
            found.contains("found -1, 0") || found.contains("found label -1"),
            "{found}"
        );
        assert!(
            found.contains("values below 0 are not supported: export"),
            "{found}"
        );
        assert!(
            !found.contains("write `classes.txt`") && !found.contains("add it"),
            "{found}"
        );
    }
}

#[test]
fn evaluate() {
    let (_root, root) = scans(2, 1);
    let message = fail(&root, 1, &["evaluate", "nowhere", "drawn"]);
    assert!(message.contains("nowhere"), "{message}");
    fs::create_dir(root.join("empty")).expect("a folder");
    let message = fail(&root, 1, &["evaluate", "empty", "drawn"]);
    assert!(message.contains("empty: expected label maps"), "{message}");
    fs::create_dir(root.join("other")).expect("a folder");
    fs::rename(
        root.join("drawn/case1.nii.gz"),
        root.join("other/case1.nii.gz"),
    )
    .expect("a file");
    let message = fail(&root, 1, &["evaluate", "other", "scans/labels"]);
    assert!(
        message.contains("found none for all 1 (case1, …)"),
        "{message}"
    );
    fs::write(root.join("drawn/case0.nii.gz"), "no label map").expect("a file");
    let message = fail(&root, 1, &["evaluate", "scans/labels", "drawn"]);
    assert!(message.contains("drawn/case0.nii.gz"), "{message}");
    // One bad pair among others is named and counted, and the others are compared.
    for folder in ["drawn", "scans/labels"] {
        fs::copy(
            root.join("other/case1.nii.gz"),
            root.join(folder).join("case1.nii.gz"),
        )
        .expect("a file");
    }
    let arguments = ["evaluate", "scans/labels", "drawn", "--out", "compared"];
    let message = fail(&root, 1, &arguments);
    assert!(
        message.contains("error: case0: `drawn/case0.nii.gz`"),
        "{message}"
    );
    assert!(
        message.contains("1 of 2 pairs could not be compared"),
        "{message}"
    );
    let written = fs::read_to_string(root.join("compared/evaluation.csv")).expect("a table");
    assert!(written.contains("case1,1,1.0"), "{written}");
}

/// Divides the ball of each label map: label 1 lies on the patient's left, label 2 on the right.
fn divide(labels: &Path) {
    for file in fs::read_dir(labels).expect("a folder") {
        let path = file.expect("a label map").path();
        let mut labels = read_labels(&path).expect("a label map");
        let geometry = labels.geometry;
        let right = |at: [usize; 3]| geometry.position(at.map(|index| index as f64))[0];
        let drawn = labels.data.indexed_iter().filter(|(_, label)| **label > 0);
        let all: Vec<f64> = drawn.map(|((x, y, z), _)| right([x, y, z])).collect();
        let middle = all.iter().sum::<f64>() / all.len() as f64;
        for ((x, y, z), label) in labels.data.indexed_iter_mut() {
            *label += u8::from(*label > 0 && right([x, y, z]) > middle);
        }
        write_labels(&path, &labels).expect("a label map");
    }
}

#[test]
fn names_that_say_left_for_what_lies_right() {
    let (_root, root) = scans(3, 3);
    divide(&root.join("scans/labels"));
    let train = |out: &str| {
        let words = ["train", "supervised", "--data", "scans", "--out", out, "-q"];
        let output = super::semivox(&root, &[&words[..], &TINY].concat());
        let message = super::text(&output.stderr);
        assert!(output.status.success(), "{message}");
        message
    };
    fs::write(
        root.join("scans/classes.txt"),
        "background\nright lung\nleft lung\n",
    )
    .expect("classes");
    let expected = "names and sides contradict each other: `left lung` lies on the patient's right of `right lung` in 3 of 3 \
        label maps (`case0`, `case1`, `case2`)";
    for found in [succeed(&root, &["inspect", "scans"]), train("wrong")] {
        assert!(found.contains(expected), "{found}");
        assert!(found.contains("swap the two names"), "{found}");
    }
    fs::write(
        root.join("scans/classes.txt"),
        "background\nleft lung\nright lung\n",
    )
    .expect("classes");
    for found in [succeed(&root, &["inspect", "scans"]), train("right")] {
        assert!(!found.contains("contradict"), "{found}");
    }
}

#[test]
fn both_files_of_a_pair_are_one_scan() {
    let (_root, root) = scans(1, 1);
    trained(&root, "run");
    let goldens = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/data/tests/goldens/formats"
    );
    for file in ["pair.hdr", "pair.img", "apart.mhd", "apart.raw"] {
        fs::copy(Path::new(goldens).join(file), root.join(file)).expect("a file");
    }
    let found = succeed(
        &root,
        &[
            "predict",
            "run",
            "pair.hdr",
            "pair.img",
            "./pair.hdr",
            "--out",
            "p",
        ],
    );
    assert!(found.contains("1 label maps in p"), "{found}");
    let found = succeed(&root, &["predict", "run", "pair.img", "--out", "q"]);
    assert!(found.contains("1 label maps in q"), "{found}");
    let found = succeed(
        &root,
        &["predict", "run", "apart.raw", "apart.mhd", "--out", "r"],
    );
    assert!(found.contains("1 label maps in r"), "{found}");
}
