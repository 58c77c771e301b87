//! Lists of held-out cases beside other lists and descriptions.

use semivox_data::layout::{self, HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget};

use crate::made::{image, label, labeled, own, refused, tested, text, unlabeled};

fn roles(dataset: &Dataset) -> [Vec<&str>; 3] {
    [labeled(dataset), unlabeled(dataset), tested(dataset)]
}

#[test]
fn cases_of_a_val_list_beside_a_test_list_neither_train_nor_test() {
    let root = own();
    text(&root, "val.list", "a\n");
    let open = |layout| {
        let all = LabelBudget::Percent(100.0);
        layout::open_split_as(root.path(), layout, &HoldOut::default(), all)
    };
    for layout in [None, Some(Layout::La)] {
        text(&root, "test.list", "b\n");
        let dataset = open(layout).unwrap();
        assert_eq!(roles(&dataset), [vec!["c"], vec!["d"], vec!["b"]]);
        let notes = dataset.notes.join("\n");
        let note = "in val.list, beside a test.list: `a`; neither trained on nor tested";
        assert!(notes.contains(note), "{notes}");
        // A case of both lists is a test case.
        text(&root, "test.list", "b\na\n");
        let dataset = open(layout).unwrap();
        assert_eq!(tested(&dataset), ["b", "a"]);
        assert!(!dataset.notes.join("\n").contains("val.list"));
        std::fs::remove_file(root.path().join("test.list")).unwrap();
        assert_eq!(tested(&open(layout).unwrap()), ["a"]);
    }
    text(&root, "test.list", "b\n");
    text(&root, "train.list", "a\nc\n");
    refused(open(None), &["train.list", "`a` in both", "must not train"]);
    text(&root, "train.list", "c\n");
    let dataset = open(None).unwrap();
    assert_eq!(roles(&dataset), [vec!["c"], vec![], vec!["b"]]);
    let notes = dataset.notes.join("\n");
    assert!(notes.contains("in no list, and not used: `d`"), "{notes}");
}

#[test]
fn lists_beside_a_description_hold_out_its_cases() {
    let root = tempfile::tempdir().unwrap();
    for id in ["d", "c", "b", "a"] {
        image(root.path(), &format!("imagesTr/{id}.nii.gz"));
        label(root.path(), &format!("labelsTr/{id}.nii.gz"), 1);
    }
    image(root.path(), "imagesTs/t.nii.gz");
    text(&root, "test.list", "b\n");
    text(&root, "val.list", "a\n");
    text(&root, "train.list", "c\n");
    let pair =
        |id| format!(r#"{{"image": "imagesTr/{id}.nii.gz", "label": "labelsTr/{id}.nii.gz"}}"#);
    let list = ["d", "b", "c", "a"].map(pair).join(", ");
    for (training, order) in [(list.as_str(), ["d", "c"]), ("", ["c", "d"])] {
        let json =
            format!(r#"{{"labels": {{"0": "background", "1": "ear"}}, "training": [{training}]}}"#);
        text(&root, "dataset.json", &json);
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(roles(&dataset), [order.to_vec(), vec!["t"], vec!["b"]]);
        let notes = dataset.notes.join("\n");
        for part in [
            "in val.list, beside a test.list: `a`",
            "train.list is not read",
        ] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
        assert!(!notes.contains("in no list"), "{notes}");
    }
    text(&root, "test.list", "t\n");
    refused(
        layout::open(root.path()),
        &["test.list", "label map", "`t`"],
    );
    text(&root, "test.list", "z\n");
    refused(layout::open(root.path()), &["test.list", "none for `z`"]);
}
