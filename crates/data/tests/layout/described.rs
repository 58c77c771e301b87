//! Cases that a `dataset.json` names, and what it may leave out.

use semivox_data::Dataset;
use semivox_data::layout;
use tempfile::TempDir;

use crate::made::{image, label, labeled, refused, text, unlabeled};

/// Three labeled cases of one channel and an image without public labels, in nnU-Net's form.
fn nnunet() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for id in ["a", "b", "c"] {
        image(root.path(), &format!("imagesTr/{id}_0000.nii.gz"));
        label(root.path(), &format!("labelsTr/{id}.nii.gz"), 1);
    }
    image(root.path(), "imagesTs/t_0000.nii.gz");
    root
}

/// Writes a description with these fields beside `labels`.
fn describe(root: &TempDir, fields: &str) {
    let json = format!(r#"{{"labels": {{"background": 0, "organ": 1}}, {fields}}}"#);
    text(root, "dataset.json", &json);
}

fn label_of(dataset: &Dataset, at: usize) -> String {
    let file = dataset.labeled[at].label.files()[0].file_name().unwrap();
    file.to_string_lossy().into_owned()
}

#[test]
fn cases_named_by_their_files_stand_for_the_folders() {
    let root = nnunet();
    image(root.path(), "elsewhere/d.nii.gz");
    describe(
        &root,
        r#""channel_names": {"0": "MR"}, "training": [{"image": "imagesTr/c_0000.nii.gz"}],
        "dataset": {"one": {"images": ["imagesTr/a_0000.nii.gz"], "label": "labelsTr/b.nii.gz"},
            "two": {"images": ["./elsewhere/d.nii.gz"], "label": null}}"#,
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["one"]);
    assert_eq!(label_of(&dataset, 0), "b.nii.gz");
    assert_eq!(unlabeled(&dataset), ["two", "t"]);
    let notes = dataset.notes.join("\n");
    for part in [
        "`training` of dataset.json is not read",
        "imagesTr/: `b_0000`, `c_0000` not in",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    let two = r#""dataset": {"a": {"images": ["imagesTr/a_0000.nii.gz", "imagesTr/b_0000.nii.gz"], "label": null}}"#;
    describe(
        &root,
        &format!(r#""channel_names": {{"0": "T1", "1": "T2"}}, {two}"#),
    );
    std::fs::remove_dir_all(root.path().join("imagesTs")).unwrap();
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.unlabeled[0].image.files().len(), 2);
    for (fields, parts) in [
        (
            two.to_string(),
            ["1 images of `a`, one for each channel", "found 2"],
        ),
        (
            two.replace("b_0000", "z_0000"),
            ["z_0000.nii.gz", "named in `dataset.json`"],
        ),
        (
            r#""dataset": ["a", "b"]"#.into(),
            ["a `dataset` as", "correct it"],
        ),
        (
            r#""dataset": {"a": "imagesTr/a_0000.nii.gz"}"#.into(),
            ["a `dataset` as", "another form"],
        ),
    ] {
        describe(&root, &fields);
        refused(layout::open(root.path()), &parts);
    }
    describe(&root, r#""dataset": "Hearts""#);
    assert_eq!(
        labeled(&layout::open(root.path()).unwrap()),
        ["a", "b", "c"]
    );
}

#[test]
fn two_images_of_one_name_are_refused_with_their_places() {
    let root = nnunet();
    let pair =
        |id| format!(r#"{{"image": "imagesTr/{id}.nii.gz", "label": "labelsTr/{id}.nii.gz"}}"#);
    let [a, b] = ["a", "b"].map(pair);
    for fields in [
        format!(r#""training": [{a}, {b}, {b}]"#),
        format!(r#""training": [{a}, {b}], "test": ["imagesTr/b_0000.nii.gz"]"#),
    ] {
        describe(&root, &fields);
        let parts = [
            "dataset.json",
            "one image for `b`",
            "`imagesTr/b_0000.nii.gz` twice",
        ];
        refused(layout::open(root.path()), &parts);
    }
    image(root.path(), "imagesTs/b_0000.nii.gz");
    for fields in [
        r#""name": "x""#.to_string(),
        format!(r#""training": [{a}, {b}]"#),
    ] {
        describe(&root, &fields);
        let parts = [
            "`imagesTr/b_0000.nii.gz` and `imagesTs/b_0000.nii.gz`",
            "rename or remove",
        ];
        refused(layout::open(root.path()), &parts);
    }
}

#[test]
fn two_names_for_a_label_value_are_refused() {
    let root = nnunet();
    for labels in [
        r#"{"background": 0, "liver": 1, "kidney": 1}"#,
        r#"{"0": "background", "1": "liver", "1": "kidney"}"#,
    ] {
        text(&root, "dataset.json", &format!(r#"{{"labels": {labels}}}"#));
        let parts = [
            "one name for every label value",
            "`liver` and `kidney` for 1",
        ];
        refused(layout::open(root.path()), &parts);
    }
}

#[test]
fn fields_may_be_null_and_channels_a_name_or_a_list() {
    let root = nnunet();
    let null =
        r#""name": null, "training": null, "test": null, "dataset": null, "channel_names": null"#;
    for modality in ["null", r#""CT""#, r#"["CT"]"#, r#"{"0": "CT"}"#, "{}", "[]"] {
        describe(&root, &format!(r#"{null}, "modality": {modality}"#));
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(labeled(&dataset), ["a", "b", "c"], "{modality}");
        assert_eq!(dataset.name, "msd");
    }
    describe(&root, r#""modality": 3"#);
    refused(layout::open(root.path()), &["channels as `{", "found 3"]);
    // A list of two names is two channels.
    describe(&root, r#""modality": ["T1", "T2"]"#);
    refused(
        layout::open(root.path()),
        &["2 channels of `a`", "no `a_0001`"],
    );
}

#[test]
fn test_images_with_label_maps_are_test_cases_and_the_others_are_said_to_train() {
    let root = nnunet();
    describe(&root, r#""name": "x""#);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(unlabeled(&dataset), ["t"]);
    let note = "test images without a label map train as unlabeled scans: `t`; to keep them unseen, move them";
    let notes = |dataset: &Dataset| dataset.notes.join("\n");
    assert!(notes(&dataset).contains(note), "{:?}", dataset.notes);

    for id in ["u", "v"] {
        image(root.path(), &format!("imagesTs/{id}_0000.nii.gz"));
        label(root.path(), &format!("labelsTs/{id}.nii.gz"), 1);
    }
    label(root.path(), "labelsTs/w.nii.gz", 1);
    let listed = r#""test": ["imagesTs/v_0000.nii.gz", "imagesTs/t_0000.nii.gz"]"#;
    for (fields, expected) in [(r#""name": "x""#, vec!["u", "v"]), (listed, vec!["v"])] {
        describe(&root, fields);
        let dataset = layout::open(root.path()).unwrap();
        let tested: Vec<&str> = dataset.test.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(tested, expected);
        assert_eq!(
            dataset.test[0].label.files()[0]
                .parent()
                .unwrap()
                .file_name()
                .unwrap(),
            "labelsTs"
        );
        assert_eq!(
            (labeled(&dataset), unlabeled(&dataset)),
            (vec!["a", "b", "c"], vec!["t"])
        );
        assert!(notes(&dataset).contains(note), "{:?}", dataset.notes);
        assert!(
            notes(&dataset).contains("`w` of no test image"),
            "{:?}",
            dataset.notes
        );
    }

    assert!(notes(&layout::open(root.path()).unwrap()).contains("imagesTs/: `u_0000` not in"));
    describe(&root, r#""name": "x""#);

    // A label map whose name differs would leave its image among the training scans.
    for (from, to) in [("v", "v_seg"), ("v_seg", "v_0000")] {
        let file = |name: &str| root.path().join(format!("labelsTs/{name}.nii.gz"));
        std::fs::rename(file(from), file(to)).unwrap();
        let parts = ["labelsTs", "rename it to `v`"];
        refused(layout::open(root.path()), &parts);
    }
    let file = |name: &str| root.path().join(format!("labelsTs/{name}.nii.gz"));
    std::fs::rename(file("v_0000"), file("v")).unwrap();

    // A list of validation cases is set aside, and beside a test list both hold cases out.
    text(&root, "val.list", "u\n");
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.test.len(), 1);
    text(&root, "val.list", "a\n");
    let dataset = layout::open(root.path()).unwrap();
    let tested: Vec<&str> = dataset.test.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(
        (labeled(&dataset), tested),
        (vec!["b", "c"], vec!["u", "v"])
    );
    assert!(notes(&dataset).contains("in val.list, beside label maps in labelsTs/: `a`"));
    text(&root, "test.list", "b\n");
    text(&root, "val.list", "u\n");
    let dataset = layout::open(root.path()).unwrap();
    let tested: Vec<&str> = dataset.test.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(
        (labeled(&dataset), tested),
        (vec!["a", "c"], vec!["b", "v"])
    );
    assert!(!dataset.case_names().contains(&"u"));
}
