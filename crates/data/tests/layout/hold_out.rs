//! Test cases selected by name.

use semivox_data::layout::{self, HoldOut};

use crate::made::{labeled, own, refused, tested, text, unlabeled};

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
    // Holding them out again changes nothing.
    let again = dataset.clone().hold_out(test.names());
    assert_eq!(again.unwrap(), dataset);
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
