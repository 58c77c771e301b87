//! Own scans that a `dataset.json` describes.

use std::fs;

use semivox_data::layout::{self, Layout};
use semivox_data::{Dataset, IGNORED, LabelBudget};

use crate::made::{labeled, own, text, unlabeled};

/// As the messages on label values and channels offer it.
#[test]
fn own_scans_are_described_by_a_dataset_json_too() {
    let root = own();
    text(
        &root,
        "dataset.json",
        r#"{"labels": {"background": 0, "ear": 1, "ignore": 3}, "channel_names": {"0": "T1"}}"#,
    );
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.classes, ["background", "ear"]);
    assert_eq!(dataset.channels, ["T1"]);
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["a", "b", "c"], vec!["d"])
    );
    assert_eq!(dataset.labeled[1].load().unwrap().1.values(), [0, IGNORED]);
    let not_used = |dataset: &Dataset| dataset.notes.join("").contains("not used");
    assert!(!not_used(&dataset), "{:?}", dataset.notes);

    // The files of lines go before it.
    text(&root, "classes.txt", "background\n1st\n2nd\n3rd\n");
    assert_eq!(layout::open(root.path()).unwrap().classes[3], "3rd");
    text(
        &root,
        "dataset.json",
        r#"{"labels": {"background": 0}, "modality": ["T1", "T2"]}"#,
    );
    assert_eq!(layout::open(root.path()).unwrap().channels, ["T1", "T2"]);
    text(&root, "channels.txt", "T2\n");
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.channels, ["T2"]);
    assert!(not_used(&dataset), "{:?}", dataset.notes);

    // Of the two it may have one alone.
    fs::remove_file(root.path().join("channels.txt")).unwrap();
    text(&root, "dataset.json", r#"{"channel_names": {"0": "T1"}}"#);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (&dataset.classes[3][..], &dataset.channels[0][..]),
        ("3rd", "T1")
    );
    assert!(!not_used(&dataset), "{:?}", dataset.notes);

    // That of another program is not used, which is said.
    text(
        &root,
        "dataset.json",
        r#"{"training": [{"image": "a"}], "numTraining": 1}"#,
    );
    text(&root, "train.list", "a\nb\n");
    text(&root, "test.list", "c\n");
    for layout in [Layout::Folder, Layout::La] {
        let (test, all) = (Default::default(), LabelBudget::Percent(100.0));
        let dataset = layout::open_split_as(root.path(), Some(layout), &test, all).unwrap();
        assert!(not_used(&dataset), "{layout}: {:?}", dataset.notes);
    }

    // With lists of cases or `imagesTr/` it describes a data set of the Decathlon.
    for content in [
        "{",
        r#"{"labels": {}, "training": [{"image": "images/a.nii.gz"}]}"#,
        r#"{"labels": {}, "test": ["images/a.nii.gz"]}"#,
    ] {
        text(&root, "dataset.json", content);
        assert_eq!(
            layout::detect(root.path()).unwrap(),
            Layout::Msd,
            "{content}"
        );
    }
    text(&root, "dataset.json", r#"{"labels": {"background": 0}}"#);
    fs::create_dir(root.path().join("imagesTr")).unwrap();
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Msd);
}
