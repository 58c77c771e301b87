//! The left atrium.

use std::fs;

use semivox_data::layout::{self, Layout, la};

use crate::made::{image_of, label_of, labeled, refused, tested, text};

#[test]
fn the_left_atrium_is_told_by_names_list_and_voxel_size() {
    let root = tempfile::tempdir().unwrap();
    let ids = [
        "0RZDK210BSMWAA6467LU",
        "1D7CUD1955YZPGK8XHJX",
        "06SR5RBREL16DQ6M8LWS",
    ];
    for id in ids {
        image_of(root.path(), &format!("images/{id}.nii.gz"), [0.625; 3]);
        label_of(root.path(), &format!("labels/{id}.nii.gz"), 1, [0.625; 3]);
    }
    // Names alone, as of a hospital's accession numbers, make no public data set.
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
    text(&root, "train.list", &format!("{}\n{}\n", ids[0], ids[2]));
    text(&root, "test.list", &format!("{}.nii.gz\n", ids[1]));
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::La);
    text(&root, "classes.txt", "background\nlobe\n");
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
    fs::remove_file(root.path().join("classes.txt")).unwrap();
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (labeled(&dataset), tested(&dataset)),
        (vec![ids[0], ids[2]], vec![ids[1]])
    );
    fs::remove_dir_all(root.path().join("labels")).unwrap();
    refused(la::open(root.path()), &["test.list", ids[1]]);
}
