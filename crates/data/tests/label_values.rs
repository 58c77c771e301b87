//! Classes as described and as found, like MM-WHS (8 classes with their own values) and LiTS (3 classes).

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox_data::io::write_volume;
use semivox_data::{DataError, Geometry, IGNORED, Volume, layout};
use tempfile::TempDir;

/// The values of MM-WHS and their names.
const WHS: [(u16, &str); 8] = [
    (0, "background"),
    (205, "myocardium"),
    (420, "left atrium"),
    (500, "left ventricle"),
    (550, "right atrium"),
    (600, "right ventricle"),
    (820, "ascending aorta"),
    (850, "pulmonary artery"),
];

/// The names of [`WHS`].
fn names() -> [&'static str; 8] {
    WHS.map(|(_, name)| name)
}

/// The values of [`WHS`].
fn values() -> Vec<u16> {
    WHS.iter().map(|entry| entry.0).collect()
}

/// One line per class: value and name.
fn lines() -> String {
    WHS.iter()
        .map(|(value, name)| format!("{value} {name}\n"))
        .collect()
}

/// Writes a file whose voxels contain `values`, some of them twice.
fn file(path: &Path, values: &[u16]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let value = |(x, y, z): (usize, usize, usize)| values[(x + y + z) % values.len()].into();
    let data = Array3::from_shape_fn((values.len(), 2, 2), value);
    write_volume(path, &Volume::new(data, Geometry::default())).unwrap();
}

/// Two labeled cases in the layout of [`layout::folder`] or [`layout::msd`].
fn cases(folders: [&str; 2], values: [&[u16]; 2]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, values) in std::iter::zip(["a", "b"], values) {
        for folder in folders {
            file(
                &root.path().join(folder).join(name).with_extension("nii.gz"),
                values,
            );
        }
    }
    root
}

fn folder(values: [&[u16]; 2]) -> TempDir {
    cases(["images", "labels"], values)
}

fn msd(labels: &str, values: [&[u16]; 2]) -> TempDir {
    let root = cases(["imagesTr", "labelsTr"], values);
    fs::write(
        root.path().join("dataset.json"),
        format!(r#"{{"labels": {{{labels}}}}}"#),
    )
    .unwrap();
    root
}

/// Opens the data set and reads every label map; returns classes and labels.
fn read(root: &TempDir) -> Result<(Vec<String>, Vec<Vec<u8>>), DataError> {
    let dataset = layout::open_labeled(root.path(), "100%".parse()?)?;
    let labels =
        |case: &semivox_data::LabeledCase| Ok(case.load_checked(dataset.classes.len())?.1.values());
    let labels = dataset
        .labeled
        .iter()
        .map(labels)
        .collect::<Result<_, DataError>>()?;
    Ok((dataset.classes.clone(), labels))
}

#[track_caller]
fn refused(root: &TempDir, parts: &[&str]) {
    let message = read(root).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn values_of_ones_own_become_classes() {
    let (all, few): (Vec<u16>, [u16; 3]) = (values(), [0, 500, 205]);
    let entries = WHS
        .map(|(value, name)| format!(r#""{value}": "{name}""#))
        .join(", ");
    let inverse = WHS
        .map(|(value, name)| format!(r#""{name}": {value}"#))
        .join(", ");
    let listed = folder([&all, &few]);
    fs::write(listed.path().join("classes.txt"), lines()).unwrap();
    for root in [
        listed,
        msd(&entries, [&all, &few]),
        msd(&inverse, [&all, &few]),
    ] {
        let (classes, labels) = read(&root).unwrap();
        assert_eq!(classes, names());
        assert_eq!(labels, [vec![0, 1, 2, 3, 4, 5, 6, 7], vec![0, 1, 3]]);
        // Voxel by voxel, and for a test case too.
        let dataset = layout::open(root.path()).unwrap().hold_out(&["a"]).unwrap();
        let (image, labels) = dataset.test[0].load().unwrap();
        for (value, label) in std::iter::zip(&image.first().data, &labels.data) {
            assert_eq!(f32::from(WHS[usize::from(*label)].0), *value);
        }
    }
}

#[test]
fn the_order_of_lines_numbers_the_classes_and_names_join_values() {
    let root = folder([&[0, 421, 500], &[420, 205, 0]]);
    let text =
        "background\n420 left atrium\n205\tmyocardium \n421 left atrium\n500 left ventricle\n";
    fs::write(root.path().join("classes.txt"), text).unwrap();
    let (classes, labels) = read(&root).unwrap();
    assert_eq!(
        classes,
        ["background", "left atrium", "myocardium", "left ventricle"]
    );
    assert_eq!(labels, [[0, 1, 3], [0, 1, 2]]);
}

#[test]
fn values_without_a_description_are_listed() {
    // More than a byte can store.
    let root = folder([&[0, 1], &values()]);
    let all = "0, 205, 420, 500, 550, 600, 820, 850";
    refused(
        &root,
        &[
            "labels/b.nii.gz",
            all,
            "classes.txt",
            "`0 background`, `205 class 1`, `420 class 2`",
            "dataset.json",
        ],
    );
    // Names without values are not enough.
    fs::write(root.path().join("classes.txt"), names().join("\n")).unwrap();
    refused(&root, &["labels/b.nii.gz", all, "`205 class 1`"]);
    refused(
        &msd(r#""0": "background", "1": "heart""#, [&[0, 1], &values()]),
        &["labelsTr/b.nii.gz", all, "dataset.json"],
    );
    // Values that fit in a byte but are hardly class indices.
    refused(
        &folder([&[0, 255], &[0]]),
        &[
            "labels",
            "0, 255",
            "classes.txt",
            "`0 background`, `255 class 1`",
        ],
    );
    refused(
        &folder([&[0, 205], &[0, 100]]),
        &["labels", "0, 100, 205", "classes.txt"],
    );
    assert_eq!(read(&folder([&[0, 4], &[0, 1]])).unwrap().0.len(), 5);
}

#[test]
fn labels_that_are_not_described_are_named_with_both_numbers() {
    // Like LiTS: background, liver, tumor.
    let lits = r#""0": "background", "1": "liver", "2": "tumor""#;
    let (classes, labels) = read(&msd(lits, [&[0, 1, 2], &[0, 1]])).unwrap();
    assert_eq!((classes.len(), classes[2].as_str()), (3, "tumor"));
    assert_eq!(labels, [vec![0, 1, 2], vec![0, 1]]);
    let root = msd(r#""0": "background", "1": "liver""#, [&[0, 1], &[0, 1, 2]]);
    refused(
        &root,
        &["labelsTr/b.nii.gz", "2 classes", "label 2", "dataset.json"],
    );
    let root = folder([&[0, 1, 2], &[0, 1, 3]]);
    fs::write(
        root.path().join("classes.txt"),
        "background\nliver\ntumor\n",
    )
    .unwrap();
    refused(
        &root,
        &["labels/b.nii.gz", "3 classes", "label 3", "classes.txt"],
    );
    // Like MM-WHS, where one file contains an undocumented 421.
    let root = folder([&values(), &[0, 205, 421]]);
    fs::write(root.path().join("classes.txt"), lines()).unwrap();
    refused(
        &root,
        &[
            "labels/b.nii.gz",
            "8 classes",
            "0, 205, 420",
            "label 421",
            "classes.txt",
        ],
    );
}

#[test]
fn mistakes_in_a_description_are_named() {
    let root = folder([&[0, 1], &[0, 1]]);
    for (text, parts) in [
        (
            "205 myocardium\n0 background\n",
            ["begin with 0", "`205 myocardium`"],
        ),
        ("background\nliver\n2 tumor\n", ["every line", "`liver`"]),
        ("0 background\nliver\n2 tumor\n", ["every line", "`liver`"]),
        ("0 background\n5 liver\n5 tumor\n", ["once", "5 twice"]),
        ("liver\ntumor\n", ["background", "`liver`"]),
    ] {
        fs::write(root.path().join("classes.txt"), text).unwrap();
        refused(&root, &["classes.txt", parts[0], parts[1]]);
    }
    refused(
        &msd(r#""0": "a", "b": -1"#, [&[0], &[0]]),
        &["dataset.json", "`b: -1`"],
    );
    refused(
        &msd(r#""0": "a", "tumor core": [1, 2]"#, [&[0], &[0]]),
        &[
            "dataset.json",
            "the region `tumor core` of the values [1,2]",
            "not supported",
        ],
    );
    refused(
        &msd(r#""background": 0, "core": [2]"#, [&[0], &[0]]),
        &["the region `core`"],
    );
    refused(
        &msd(r#""ignore": 0, "organ": 1"#, [&[0], &[0]]),
        &["begin with 0", "`0 ignore`"],
    );
}

/// As nnU-Net has it, and as a line; the value has no class, and the classes after it are numbered without it.
#[test]
fn values_named_ignore_are_no_class() {
    let described = folder([&[0, 1, 2, 9], &[0, 1]]);
    let text = "0 background\n9 ignore\n1 liver\n2 tumor\n";
    fs::write(described.path().join("classes.txt"), text).unwrap();
    let entries = r#""background": 0, "liver": 1, "tumor": 2, "ignore": 9"#;
    let numbered = r#""0": "background", "1": "liver", "2": "tumor", "9": "ignore""#;
    for root in [
        described,
        msd(entries, [&[0, 1, 2, 9], &[0, 1]]),
        msd(numbered, [&[0, 1, 2, 9], &[0, 1]]),
    ] {
        let (classes, labels) = read(&root).unwrap();
        assert_eq!(classes, ["background", "liver", "tumor"]);
        assert_eq!(labels, [vec![0, 1, 2, IGNORED], vec![0, 1]]);
        let dataset = layout::open(root.path()).unwrap();
        let ignored = dataset.label_values().unwrap().ignored();
        assert_eq!(ignored.collect::<Vec<_>>(), [9]);
        assert!(
            dataset
                .notes
                .iter()
                .any(|note| note.contains("value 9 (ignore)"))
        );
    }
}

/// Their label stands for ignored voxels inside, which nobody has asked for here.
#[test]
fn an_undescribed_255_is_refused_also_among_many_values() {
    let all: Vec<u16> = (0..=255).collect();
    refused(&folder([&all, &[0, 1]]), &["labels", "classes.txt"]);
    let root = folder([&[0, 1, 255], &[0, 1]]);
    fs::write(root.path().join("classes.txt"), "background\nliver\n").unwrap();
    refused(&root, &["labels/a.nii.gz", "label 255"]);
    let root = folder([&[0, 1], &[0, 1]]);
    let lines: String = (0..=255)
        .map(|class| format!("{class} structure {class}\n"))
        .collect();
    fs::write(root.path().join("classes.txt"), lines).unwrap();
    refused(&root, &["classes.txt", "at most 255 classes", "found 256"]);
}
