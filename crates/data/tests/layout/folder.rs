//! Own images and labels.

use std::fs;

use semivox_data::layout::{self, Layout, folder};

use crate::made::{image, label, labeled, own, refused, tested, text, unlabeled};

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
    // Values may stand before a sign, and a number alone is no name.
    for lines in [
        "0: background\n1: left ear\n2: right ear\n",
        "0,background\n1 ,left ear\n2, right ear\n",
        "0 = background\n1=left ear\n2\tright ear\n",
        "0;background\n1; left ear\n2;right ear\n",
    ] {
        text(&root, "classes.txt", lines);
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(
            dataset.classes,
            ["background", "left ear", "right ear"],
            "{lines}"
        );
        assert_eq!(dataset.label_values(), None);
    }
    text(
        &root,
        "classes.txt",
        "background\n2nd ear\n3D ear\n1,5 mm\n",
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        dataset.classes,
        ["background", "2nd ear", "3D ear", "1,5 mm"]
    );
    for lines in [
        "0\n1\n2\n",
        "background\n1\n2\n",
        "background\n1:\n2 :\n",
        "0: background\n1\n2: ear\n",
    ] {
        text(&root, "classes.txt", lines);
        refused(
            folder::open(root.path()),
            &["classes.txt", "alone", "205 myocardium"],
        );
    }
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
fn a_percentage_counts_the_cases_with_a_label() {
    let root = own();
    for (part, count) in [("1%", 1), ("50%", 2), ("100%", 3)] {
        let dataset = layout::open_labeled(root.path(), part.parse().unwrap()).unwrap();
        assert_eq!(labeled(&dataset).len(), count, "{part}");
        assert_eq!(unlabeled(&dataset).len(), 4 - count, "{part}");
    }
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
    refused(
        layout::open(root.path()),
        &["images", "at least one scan (.nii"],
    );

    let root = own();
    label(root.path(), "labels/e_seg.nii.gz", 1);
    refused(layout::open(root.path()), &["labels", "`e_seg`", "rename"]);
    label(root.path(), "labels/d_seg.nii.gz", 1);
    refused(
        layout::open(root.path()),
        &[
            "`d_seg`, `e_seg`, which have no image",
            "rename `d_seg`, perhaps to `d`",
        ],
    );
    fs::remove_file(root.path().join("labels/d_seg.nii.gz")).unwrap();
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
    fs::remove_file(root.path().join("images/a.nii")).unwrap();
    image(root.path(), "images/copies/a.nii");
    refused(
        layout::open(root.path()),
        &["`a.nii.gz` and `copies/a.nii`"],
    );
}

#[test]
fn scans_in_folders_of_their_own_bear_the_names_of_these() {
    let root = tempfile::tempdir().unwrap();
    for name in ["p1/anat/t1.nii.gz", "p2/t1.nii", "p3/scan.nii.gz"] {
        image(root.path(), &format!("images/{name}"));
    }
    text(&root, "images/p1/anat/t1.json", "{}");
    label(root.path(), "labels/p1/drawn.nii.gz", 1);
    label(root.path(), "labels/p3.nii.gz", 1);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["p1", "p3"]);
    assert_eq!(unlabeled(&dataset), ["p2"]);
    assert_eq!(
        dataset.notes,
        [
            "images/: `p1/anat/t1.json` not read: not the name of a scan or label map, which end in .nii, .nii.gz, .hdr with .img, .nrrd, .nhdr, .mha or .mhd",
            "images/: scans in `p1`, `p2`, `p3` are each named like their subfolder",
            "labels/: scans in `p1` are each named like their subfolder",
        ]
    );
}

#[test]
fn subfolders_of_several_scans_lend_no_names() {
    let root = tempfile::tempdir().unwrap();
    for name in ["north/a.nii.gz", "north/b.nii", "south/c.nii.gz"] {
        image(root.path(), &format!("images/{name}"));
    }
    label(root.path(), "labels/south/c.nii.gz", 1);
    label(root.path(), "labels/a.nii.gz", 1);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["a", "c"]);
    // Channels of one image are not several scans.
    let root = tempfile::tempdir().unwrap();
    for name in ["p1/t_0000", "p1/t_0001", "p2/u_0000", "p2/u_0001"] {
        image(root.path(), &format!("images/{name}.nii.gz"));
    }
    label(root.path(), "labels/p1.nii.gz", 1);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["p1"], vec!["p2"])
    );
    assert_eq!(dataset.channels.len(), 2);
    // Files of one name are told apart by their folders, also beside other files.
    let root = tempfile::tempdir().unwrap();
    for name in ["c0", "c1/seg", "c2.nii.gz/seg"] {
        image(root.path(), &format!("images/{name}.nii.gz"));
        label(root.path(), &format!("labels/{name}.nii.gz"), 1);
    }
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["c0", "c1", "c2"]);
    // Probabilities that a prediction left are no scans.
    image(root.path(), "images/probabilities/p1_heart.nii.gz");
    let notes = layout::open(root.path()).unwrap().notes.join("; ");
    assert!(notes.contains("`probabilities` not read"), "{notes}");
}

#[test]
fn every_entry_is_read_or_noted() {
    let root = own();
    let file = |name: &str| root.path().join(name);
    fs::rename(file("images/d.nii.gz"), file("images/d.NII.GZ")).unwrap();
    for name in [
        "images/e.dcm",
        "images/f.dcm",
        "images/notes.docx",
        "images/.hidden",
    ] {
        text(&root, name, "");
    }
    for id in ["d", "e", "f"] {
        fs::create_dir(file(&format!("labels/{id}"))).unwrap();
    }
    fs::create_dir(file("labels/g.nii.gz")).unwrap();
    text(&root, "labels/h.img", "");
    // The voxels of headers are no entries of their own.
    for part in ["mhd", "zraw"] {
        text(&root, &format!("images/apart.{part}"), "");
    }
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["a", "b", "c"]);
    assert_eq!(unlabeled(&dataset), ["apart", "d"]);
    let notes = dataset.notes.join("\n");
    assert_eq!(dataset.notes.len(), 4, "{notes}");
    for part in [
        "images/: `e.dcm`, `f.dcm` not read: named as DICOM, but",
        "images/: `notes.docx` not read: not the name of a scan",
        "labels/: 4 files (`d`, `e`, `f`, …) not read: an empty folder",
        "labels/: `h.img` not read: the voxels of a pair without their .hdr",
        "counts as unlabeled",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    fs::create_dir(file("Labels2")).unwrap();
    text(&root, "train.list", "a\n");
    let notes = layout::open(root.path()).unwrap().notes.join("\n");
    assert!(
        notes.contains("in no list, and not used: 4 files (`apart`, `b`, `c`, …)"),
        "{notes}"
    );
    assert!(
        notes.contains("beside images/ and labels/, and not used: `Labels2`"),
        "{notes}"
    );
}

#[test]
fn hidden_volumes_are_listed_and_resource_forks_apart() {
    let root = own();
    let file = |name: &str| root.path().join(name);
    fs::rename(file("labels/b.nii"), file("labels/.b.nii")).unwrap();
    fs::rename(file("images/d.nii.gz"), file("images/.d.nii.gz")).unwrap();
    fs::create_dir(file("images/p")).unwrap();
    fs::create_dir(file("labels/p")).unwrap();
    for name in [
        "images/._a.nii.gz",
        "images/p/._e.nii.gz",
        "labels/._a.nii",
        "labels/p/._e.nii",
    ] {
        text(&root, name, "");
    }
    for name in [
        "images/.DS_Store",
        "images/._.DS_Store",
        "labels/.gitkeep",
        "labels/.git/config",
    ] {
        fs::create_dir_all(file(name).parent().unwrap()).unwrap();
        text(&root, name, "");
    }
    label(root.path(), "labels/.old/b.nii", 1);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        (labeled(&dataset), unlabeled(&dataset)),
        (vec!["a", "c"], vec!["b"])
    );
    let expected = [
        "images/: `p` not read: an empty folder",
        "images/: `.d.nii.gz` not read: hidden by the dot before its name; remove the dot if it is a scan or label map, else the file",
        "images/: `._a.nii.gz`, `p/._e.nii.gz` not read: left by macOS beside the files of these names (resource forks); they hold no voxels",
        "labels/: `._a.nii`, `p/._e.nii` not read: left by macOS beside the files of these names (resource forks); they hold no voxels",
        "labels/: `.old` not read: a folder of volumes, hidden by the dot before its name; remove the dot if they are scans or label maps, else the folder; a scan whose label map is not read counts as unlabeled",
        "labels/: `p` not read: an empty folder; a scan whose label map is not read counts as unlabeled",
        "labels/: `.b.nii` not read: hidden by the dot before its name; remove the dot if it is a scan or label map, else the file; a scan whose label map is not read counts as unlabeled",
    ];
    assert_eq!(dataset.notes, expected);
    let scans = layout::scans(file("images"), 1).unwrap();
    assert!(
        scans
            .notes
            .iter()
            .any(|note| note.contains("`.d.nii.gz` not read: hidden"))
    );
}

#[test]
fn label_maps_among_the_images_are_noted() {
    let root = own();
    for name in ["a_seg", "d_Mask", "d_ct", "z_seg"] {
        image(root.path(), &format!("images/{name}.nii.gz"));
    }
    let notes = layout::open(root.path()).unwrap().notes.join("\n");
    for part in [
        "images/: `a_seg`, `d_Mask` named like label maps of other images",
        "(`a_seg` as `a`)",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[test]
fn a_label_map_is_renamed_to_the_only_image_that_fits() {
    for (images, label_map, hint) in [
        (&["a_T1", "a_T2"][..], "a", "one of `a_T1`, `a_T2`"),
        (&["a_T1", "b_T1"], "a", "perhaps to `a_T1`"),
        (&["p1", "p10"], "p10_seg", "perhaps to `p10`"),
        (&["p1", "p10"], "p10-drawn", "one of `p1`, `p10`"),
        (&["a", "b"], "c", "rename it, or add the image"),
    ] {
        let root = tempfile::tempdir().unwrap();
        for name in images {
            image(root.path(), &format!("images/{name}.nii.gz"));
        }
        label(root.path(), &format!("labels/{label_map}.nii.gz"), 1);
        refused(layout::open(root.path()), &[hint]);
    }
}
