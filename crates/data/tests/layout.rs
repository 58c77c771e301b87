//! Layouts on made-up folders: what is found, and what is refused.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox_data::io::{write_labels, write_volume};
use semivox_data::layout::{self, HoldOut, Layout, acdc, folder, la, msd};
use semivox_data::{DataError, Dataset, Geometry, LabelMap, Source, Volume};
use tempfile::TempDir;

fn image(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_volume(
        path,
        &Volume::new(Array3::zeros((3, 2, 2)), Geometry::default()),
    )
    .unwrap();
}

fn label(root: &Path, name: &str, largest: u8) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut data = Array3::zeros((3, 2, 2));
    data[[1, 1, 1]] = largest;
    write_labels(path, &LabelMap::new(data, Geometry::default())).unwrap();
}

/// `images/` with a, b, c, d and `labels/` with a, b, c.
fn own() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for id in ["a", "b", "c", "d"] {
        image(root.path(), &format!("images/{id}.nii.gz"));
    }
    for (id, largest) in [("a", 1), ("b", 3), ("c", 0)] {
        label(root.path(), &format!("labels/{id}.nii"), largest);
    }
    root
}

fn text(root: &TempDir, name: &str, content: &str) {
    fs::write(root.path().join(name), content).unwrap();
}

fn labeled(dataset: &Dataset) -> Vec<&str> {
    dataset
        .labeled
        .iter()
        .map(|case| case.id.as_str())
        .collect()
}

fn unlabeled(dataset: &Dataset) -> Vec<&str> {
    dataset
        .unlabeled
        .iter()
        .map(|case| case.id.as_str())
        .collect()
}

fn tested(dataset: &Dataset) -> Vec<&str> {
    dataset.test.iter().map(|case| case.id.as_str()).collect()
}

#[track_caller]
fn refused(outcome: Result<Dataset, DataError>, parts: &[&str]) {
    let message = outcome.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_folder_of_ones_own() {
    let root = own();
    text(&root, "images/._a.nii.gz", "left behind by an archive");
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["a", "b", "c"]);
    assert_eq!(unlabeled(&dataset), ["d"]);
    assert_eq!(
        dataset.classes,
        ["background", "class 1", "class 2", "class 3"]
    );
    assert_eq!(dataset.labeled[1].load().unwrap().1.values(), [0, 3]);

    text(
        &root,
        "classes.txt",
        "background\r\nleft ear\r\n\r\nright ear\r\n",
    );
    text(&root, "test.list", "\u{feff}b\n");
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.classes, ["background", "left ear", "right ear"]);
    assert_eq!(
        (labeled(&dataset), tested(&dataset)),
        (vec!["a", "c"], vec!["b"])
    );
    text(&root, "classes.txt", "left ear\nright ear\n");
    refused(
        folder::open(root.path()),
        &["classes.txt", "background", "left ear"],
    );
}

#[test]
fn the_label_of_an_unlabeled_case_is_never_opened() {
    let root = own();
    text(&root, "train.list", "b\na\nc\n");
    for id in ["a", "c"] {
        text(&root, &format!("labels/{id}.nii"), "no label map at all");
    }
    let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
    assert_eq!(dataset.classes.len(), 4);
    assert!(layout::open_labeled(root.path(), 2.into()).is_err());
    assert!(layout::open(root.path()).is_err());
    text(&root, "classes.txt", "background\none\ntwo\nthree\n");
    assert_eq!(
        layout::open(root.path())
            .unwrap()
            .keep_labeled(1)
            .unwrap()
            .labeled,
        dataset.labeled
    );
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["b"], vec!["a", "c"])
    );
    dataset.labeled[0].load().unwrap();
    for case in &dataset.unlabeled {
        assert_eq!(case.load().unwrap().shape(), [3, 2, 2]);
        assert!(!format!("{case:?}").contains("labels"));
    }
}

#[test]
fn keep_labeled_names_both_numbers() {
    let root = own();
    for n in [0, 4] {
        refused(
            folder::open(root.path()).unwrap().keep_labeled(n),
            &[&n.to_string(), "to 3"],
        );
    }
    let all = folder::open(root.path()).unwrap();
    assert_eq!(all.clone().keep_labeled(3).unwrap(), all);
}

#[test]
fn mistakes_in_a_folder_are_named() {
    refused(
        layout::open("no/such/place"),
        &["no/such/place", "check the path"],
    );
    let root = tempfile::tempdir().unwrap();
    refused(
        layout::open(root.path()),
        &["images/", "empty folder", "put"],
    );
    text(&root, "notes.docx", "");
    refused(layout::open(root.path()), &["1 entries (notes.docx)"]);
    fs::create_dir(root.path().join("images")).unwrap();
    refused(layout::open(root.path()), &["images", "at least one .nii"]);

    let root = own();
    label(root.path(), "labels/e_seg.nii.gz", 1);
    refused(layout::open(root.path()), &["labels", "e_seg", "rename"]);
    fs::remove_file(root.path().join("labels/e_seg.nii.gz")).unwrap();
    for (train, test, parts) in [
        ("a\nz\n", "b\n", ["train.list", "`z`"]),
        ("a\na\n", "b\n", ["train.list", "`a` twice"]),
        ("a\nb\n", "b\n", ["train.list", "`b` in both"]),
        ("a\n", "d\n", ["test.list", "label map"]),
        ("\n", "b\n", ["train.list", "no line"]),
    ] {
        text(&root, "train.list", train);
        text(&root, "test.list", test);
        refused(layout::open(root.path()), &parts);
    }
    fs::remove_file(root.path().join("train.list")).unwrap();
    fs::remove_file(root.path().join("test.list")).unwrap();
    image(root.path(), "images/a.nii");
    refused(layout::open(root.path()), &["one file for `a`"]);
}

#[test]
fn la_and_acdc_are_told_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    let ids = [
        "0RZDK210BSMWAA6467LU",
        "1D7CUD1955YZPGK8XHJX",
        "06SR5RBREL16DQ6M8LWS",
    ];
    for id in ids {
        image(root.path(), &format!("images/{id}.nii.gz"));
        label(root.path(), &format!("labels/{id}.nii.gz"), 1);
    }
    text(&root, "train.list", &format!("{}\n{}\n", ids[0], ids[2]));
    text(&root, "test.list", &format!("{}.nii.gz\n", ids[1]));
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::La);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (labeled(&dataset), tested(&dataset)),
        (vec![ids[0], ids[2]], vec![ids[1]])
    );
    fs::remove_dir_all(root.path().join("labels")).unwrap();
    refused(la::open(root.path()), &["test.list", ids[1]]);

    let root = tempfile::tempdir().unwrap();
    image(root.path(), "images/patient001_frame01.nii.gz");
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Acdc);
    assert_eq!(
        unlabeled(&acdc::open(root.path()).unwrap()),
        ["patient001_frame01"]
    );
}

/// Three patients of two frames each, listed out of order.
fn patients() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let ids = [
        "3_frame01",
        "1_frame01",
        "3_frame10",
        "2_frame01",
        "1_frame12",
        "2_frame09",
    ]
    .map(|id| format!("patient00{id}"));
    for id in &ids {
        image(root.path(), &format!("images/{id}.nii.gz"));
        label(root.path(), &format!("labels/{id}.nii.gz"), 3);
    }
    text(&root, "train.list", &ids.join("\n"));
    root
}

#[test]
fn acdc_keeps_the_labels_of_patients() {
    let root = patients();
    let open = |labeled: &str| layout::open_labeled(root.path(), labeled.parse().unwrap());
    let one = open("1").unwrap();
    assert_eq!(labeled(&one), ["patient003_frame01", "patient003_frame10"]);
    assert_eq!(
        unlabeled(&one),
        ["1_frame01", "2_frame01", "1_frame12", "2_frame09"].map(|id| format!("patient00{id}"))
    );
    assert_eq!(open("1.25%").unwrap(), one);
    let two = open("60%").unwrap();
    assert_eq!(
        labeled(&two),
        ["3_frame01", "1_frame01", "3_frame10", "1_frame12"].map(|id| format!("patient00{id}"))
    );
    assert_eq!(labeled(&open("100%").unwrap()).len(), 6);
    refused(open("4"), &["patients", "1 to 3", "4"]);
    let cases = acdc::open(root.path()).unwrap().keep_labeled(1).unwrap();
    assert_eq!(labeled(&cases), ["patient003_frame01"]);
}

#[test]
fn a_percentage_counts_the_cases_with_a_label() {
    let root = own();
    for (part, count) in [("1%", 1), ("50%", 2), ("100%", 3)] {
        let dataset = layout::open_labeled(root.path(), part.parse().unwrap()).unwrap();
        assert_eq!(labeled(&dataset).len(), count, "{part}");
        assert_eq!(unlabeled(&dataset).len(), 4 - count, "{part}");
    }
}

#[test]
fn cases_are_held_out_before_labels_are_kept() {
    let root = own();
    text(&root, "chosen.txt", "# mine\nb\n\n  # theirs\na.nii.gz\n");
    let test = HoldOut::read(root.path().join("chosen.txt")).unwrap();
    assert_eq!(test.names(), ["b", "a"]);
    let open = |labeled: usize| layout::open_split(root.path(), &test, labeled.into());
    let dataset = open(1).unwrap();
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset), tested(&dataset)),
        (vec!["c"], vec!["d"], vec!["b", "a"])
    );
    refused(open(2), &["1 to 1", "found 2"]);
    // Held out again, they stay where they are.
    assert_eq!(test.apply(dataset.clone()).unwrap(), dataset);
}

#[test]
fn cases_that_cannot_be_held_out_are_named() {
    let root = own();
    let open = |list: &str| {
        text(&root, "chosen.txt", list);
        let test = HoldOut::read(root.path().join("chosen.txt"))?;
        layout::open_split(root.path(), &test, 1.into())
    };
    refused(
        open("a\nz\ny\n"),
        &["chosen.txt", "`z`", "`b`, `c`", "correct"],
    );
    refused(
        open("d\n"),
        &["chosen.txt", "`d`", "label map", "`a`, `b`, `c`"],
    );
    refused(open("a\nb\nc\n"), &["chosen.txt", "below the 3"]);
    refused(open("a\na\n"), &["chosen.txt", "`a` twice"]);
    refused(open("# nothing\n"), &["chosen.txt", "no line"]);
    let missing = HoldOut::read(root.path().join("no.list")).unwrap_err();
    assert!(missing.to_string().contains("no.list"));
}

#[test]
fn slices_are_ordered_by_number_and_gaps_refused() {
    let root = tempfile::tempdir().unwrap();
    for slice in 1..=11 {
        text(&root, &format!("patient001_frame01_slice_{slice}.h5"), "");
    }
    text(&root, "patient002_frame01.h5", "");
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Acdc);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(tested(&dataset), ["patient002_frame01"]);
    let Source::Hdf5Slices { paths, .. } = &dataset.labeled[0].image else {
        panic!("slices expected")
    };
    let numbers: Vec<String> = (1..=11)
        .map(|slice| format!("patient001_frame01_slice_{slice}.h5"))
        .collect();
    assert!(
        paths
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .eq(numbers.iter())
    );

    text(
        &root,
        "train_slices.list",
        "patient001_frame01_slice_2\npatient001_frame01_slice_1\n",
    );
    text(&root, "val.list", "patient002_frame01\n");
    assert_eq!(
        labeled(&layout::open(root.path()).unwrap()),
        ["patient001_frame01"]
    );
    text(&root, "val.list", "patient003_frame01\n");
    refused(
        layout::open(root.path()),
        &["val.list", "patient003_frame01"],
    );
    fs::remove_file(root.path().join("val.list")).unwrap();
    fs::remove_file(root.path().join("patient001_frame01_slice_5.h5")).unwrap();
    refused(
        layout::open(root.path()),
        &["slice 6 after slice 4", "add the missing"],
    );
}

#[test]
fn the_decathlon_in_both_spellings() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "imagesTr/a.nii.gz",
        "imagesTr/b.nii.gz",
        "imagesTs/t.nii.gz",
    ] {
        image(root.path(), name);
    }
    label(root.path(), "labelsTr/b.nii.gz", 2);
    text(
        &root,
        "dataset.json",
        r#"{"name": "Ears", "modality": {"0": "MRI"}, "labels": {"0": "background", "2": "right", "1": "left"},
            "training": [{"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"}], "test": ["./imagesTs/t.nii.gz"]}"#,
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (dataset.name.as_str(), &dataset.classes[..]),
        (
            "Ears",
            &["background", "left", "right"].map(String::from)[..]
        )
    );
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["b"], vec!["t"])
    );

    text(
        &root,
        "dataset.json",
        r#"{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "left": 1, "right": 2}}"#,
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.classes, ["background", "left", "right"]);
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["b"], vec!["a", "t"])
    );

    for (json, parts) in [
        (
            r#"{"labels": {"1": "a", "2": "b"}}"#,
            ["dataset.json", "renumber"],
        ),
        (
            r#"{"labels": {"0": "x"}, "modality": {"0": "T1", "1": "T2"}}"#,
            ["dataset.json", "one modality"],
        ),
        (r#"{"labels": "#, ["dataset.json", "JSON"]),
        (
            r#"{"labels": {"0": "x"}, "training": [{"image": "imagesTr/c.nii"}]}"#,
            ["c.nii", "named in"],
        ),
    ] {
        text(&root, "dataset.json", json);
        refused(msd::open(root.path()), &parts);
    }
}
