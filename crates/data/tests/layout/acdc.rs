//! ACDC: frames of patients, as volumes or slices.

use std::fs;

use semivox_data::layout::{self, HoldOut, Layout, acdc};
use semivox_data::{LabelBudget, Source};
use tempfile::TempDir;

use crate::made::{image_of, label_of, labeled, refused, tested, text, unlabeled};

/// The voxel size of a public scan.
const SPACING: [f64; 3] = [1.4, 1.4, 10.0];

#[test]
fn acdc_is_told_by_names_list_and_voxel_size() {
    let root = patients();
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.layout, Layout::Acdc);
    assert!(
        dataset
            .notes
            .join("")
            .contains("opened as acdc; --layout folder"),
        "{:?}",
        dataset.notes
    );

    fs::remove_file(root.path().join("train.list")).unwrap();
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.layout, Layout::Folder);
    assert!(
        dataset.notes.join("").contains("no train.list"),
        "{:?}",
        dataset.notes
    );
    let (test, all) = (HoldOut::default(), LabelBudget::Percent(100.0));
    let dataset = layout::open_split_as(root.path(), Some(Layout::Acdc), &test, all).unwrap();
    assert_eq!((dataset.layout, dataset.classes.len()), (Layout::Acdc, 4));

    text(&root, "train.list", "patient001_frame01\n");
    let first = "images/patient001_frame01.nii.gz";
    for (spacing, layout) in [
        ([1.4, 1.4, 3.0], Layout::Folder),
        (SPACING, Layout::Acdc),
        // The field's NIfTI files have lost their spacing.
        ([1.0; 3], Layout::Acdc),
    ] {
        image_of(root.path(), first, spacing);
        assert_eq!(layout::detect(root.path()).unwrap(), layout, "{spacing:?}");
    }
    image_of(root.path(), "images/someone.nii.gz", SPACING);
    assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
}

#[test]
fn a_lost_spacing_is_told() {
    let root = patients();
    let notes = || acdc::open(root.path()).unwrap().notes.join("\n");
    assert!(!notes().contains("spacing"), "{}", notes());
    image_of(root.path(), "images/patient001_frame01.nii.gz", [1.0; 3]);
    assert!(notes().contains("distances are in voxels"), "{}", notes());
    image_of(
        root.path(),
        "images/patient001_frame01.nii.gz",
        [1.0, 1.0, 5.0],
    );
    assert!(!notes().contains("spacing"), "{}", notes());
}

/// Three patients with two frames each, listed out of order.
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
        image_of(root.path(), &format!("images/{id}.nii.gz"), SPACING);
        label_of(root.path(), &format!("labels/{id}.nii.gz"), 3, SPACING);
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
fn patients_are_held_out_with_all_their_frames() {
    let root = patients();
    let open = |list: &str| {
        text(&root, "chosen.txt", list);
        let test = HoldOut::read(root.path().join("chosen.txt"))?;
        layout::open_split(root.path(), &test, LabelBudget::Count(1))
    };
    let whole = open("patient003_frame10\npatient003_frame01\n").unwrap();
    assert_eq!(tested(&whole), ["patient003_frame10", "patient003_frame01"]);
    assert_eq!(
        labeled(&whole),
        ["patient001_frame01", "patient001_frame12"]
    );
    refused(
        open("patient003_frame01\npatient003_frame10\npatient001_frame12\n"),
        &[
            "chosen.txt",
            "all cases of `patient001`",
            "`patient001_frame12` held out and `patient001_frame01` not",
            "list all of them or none",
        ],
    );
    // A frame without a label map would be used for training as well.
    fs::remove_file(root.path().join("labels/patient002_frame09.nii.gz")).unwrap();
    refused(open("patient002_frame01\n"), &["`patient002_frame09` not"]);
}

#[test]
fn the_data_sets_own_lists_do_not_part_a_patient_either() {
    let root = patients();
    text(
        &root,
        "train.list",
        "patient001_frame01\npatient002_frame01\n",
    );
    text(&root, "val.list", "patient002_frame09\n");
    refused(
        layout::open(root.path()),
        &["`patient002_frame09` held out and `patient002_frame01` not"],
    );
    text(&root, "val.list", "patient003_frame10\n");
    assert_eq!(
        tested(&layout::open(root.path()).unwrap()),
        ["patient003_frame10"]
    );
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
fn slices_of_a_val_list_beside_a_test_list_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    for file in ["1_frame01_slice_1", "2_frame01", "3_frame01_slice_1"] {
        text(&root, &format!("patient00{file}.h5"), "");
    }
    text(&root, "test.list", "patient002_frame01\n");
    text(&root, "val.list", "patient003_frame01_slice_1\n");
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["patient001_frame01"]);
    assert_eq!(tested(&dataset), ["patient002_frame01"]);
    let notes = dataset.notes.join("\n");
    assert!(notes.contains("`patient003_frame01`; neither"), "{notes}");
}

#[test]
fn hdf5_files_without_spacing_are_noted_and_each_is_there_once() {
    let root = tempfile::tempdir().unwrap();
    for file in ["1_frame01_slice_1", "2_frame01", "3_frame01"] {
        text(&root, &format!("patient00{file}.h5"), "");
    }
    text(&root, "test.list", "patient002_frame01\n");
    let notes = layout::open(root.path()).unwrap().notes.join("\n");
    for part in [
        "distances are in voxels",
        "in no list, and not used: `patient003_frame01`",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    for name in ["patient001_frame01_slice_1", "patient002_frame01"] {
        let copy = format!("slices/{name}.h5");
        fs::create_dir_all(root.path().join("slices")).unwrap();
        text(&root, &copy, "");
        refused(
            layout::open(root.path()),
            &["one file for each volume or slice", &format!("{name}.h5")],
        );
        fs::remove_file(root.path().join(copy)).unwrap();
    }
}
