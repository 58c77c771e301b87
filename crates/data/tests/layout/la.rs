//! The left atrium.

use std::fs;

use semivox_data::layout::{self, Layout, la};

use crate::made::{image, label, labeled, refused, tested, text};

#[test]
fn the_left_atrium_is_told_by_its_names() {
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
}
