//! The Medical Segmentation Decathlon.

use semivox_data::layout::{self, msd};

use crate::made::{image, label, labeled, refused, text, unlabeled};

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

    let notes = dataset.notes.join("\n");
    assert!(
        notes.contains("imagesTr/: `a` not in `dataset.json`"),
        "{notes}"
    );

    text(
        &root,
        "dataset.json",
        r#"{"labels": {"0": "background", "1": "ear"}, "training": [{"image": "./imagesTr/b.nii.gz"}],
            "test": ["./imagesTs/t.nii.gz", "./imagesTs/u.nii.gz"]}"#,
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(unlabeled(&dataset), ["b", "t"]);
    let notes = dataset.notes.join("\n");
    assert!(
        notes.contains("not there: `./imagesTs/u.nii.gz`"),
        "{notes}"
    );
    assert!(
        notes.contains("labelsTr/: `b` not in `dataset.json`"),
        "{notes}"
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
            r#"{"labels": {"0": "x"}, "modality": {"0": "T1", "2": "T2"}}"#,
            ["numbered from 0 to 1", "no channel 1"],
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
