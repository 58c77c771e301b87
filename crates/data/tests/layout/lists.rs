//! Lists of held-out cases beside other lists and descriptions.

use semivox_data::layout::{self, HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget};

use crate::made::{labeled, own, refused, tested, text, unlabeled};

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
