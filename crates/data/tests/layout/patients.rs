//! Labels by patient, in every layout.

use semivox_data::layout::{self, HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget, Patients};
use tempfile::TempDir;

use crate::made::{image, label, labeled, refused, tested, text, unlabeled};

/// Two scans of each of three patients and one of a fourth, all labeled, the scans of a patient apart in the order.
const IDS: [&str; 7] = [
    "sub-1_ses-1",
    "sub-1_ses-2",
    "sub-2_ses-1",
    "sub-3_ses-1",
    "sub-4_ses-1",
    "sub-4_ses-2",
    "sub-2_ses-2",
];

/// The cases in folders `images` and `labels`, listed out of order in `train.list`.
fn own() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for id in IDS {
        image(root.path(), &format!("images/{id}.nii.gz"));
        label(root.path(), &format!("labels/{id}.nii.gz"), 1);
    }
    text(&root, "train.list", &IDS.join("\n"));
    text(&root, "classes.txt", "background\norgan\n");
    root
}

fn open(root: &TempDir, labeled: &str) -> Result<Dataset, semivox_data::DataError> {
    layout::open_labeled(root.path(), labeled.parse().unwrap())
}

#[test]
fn a_patient_keeps_all_labels_or_none_in_any_layout() {
    let root = own();
    let two = open(&root, "2").unwrap();
    assert_eq!(two.layout, Layout::Folder);
    assert_eq!(
        labeled(&two),
        ["sub-1_ses-1", "sub-1_ses-2", "sub-2_ses-1", "sub-2_ses-2"]
    );
    assert_eq!(
        unlabeled(&two),
        ["sub-3_ses-1", "sub-4_ses-1", "sub-4_ses-2"]
    );
    assert_eq!(open(&root, "50%").unwrap(), two);
    refused(open(&root, "5"), &["patients", "1 to 4", "5"]);

    std::fs::remove_file(root.path().join("classes.txt")).unwrap();
    let (test, budget) = (HoldOut::default(), LabelBudget::Count(2));
    let la = layout::open_split_as(root.path(), Some(Layout::La), &test, budget).unwrap();
    assert_eq!(labeled(&la), labeled(&two));
}

#[test]
fn a_decathlon_data_set_goes_by_patient_too() {
    let root = tempfile::tempdir().unwrap();
    let mut entries = Vec::new();
    for id in IDS {
        image(root.path(), &format!("imagesTr/{id}.nii.gz"));
        label(root.path(), &format!("labelsTr/{id}.nii.gz"), 1);
        entries.push(format!(
            r#"{{"image": "./imagesTr/{id}.nii.gz", "label": "./labelsTr/{id}.nii.gz"}}"#
        ));
    }
    let description = format!(
        r#"{{"name": "Scans", "labels": {{"0": "background", "1": "organ"}}, "training": [{}], "test": []}}"#,
        entries.join(", ")
    );
    text(&root, "dataset.json", &description);
    let one = open(&root, "1").unwrap();
    assert_eq!(one.layout, Layout::Msd);
    assert_eq!(labeled(&one), ["sub-1_ses-1", "sub-1_ses-2"]);
}

#[test]
fn the_file_of_patients_decides_over_the_names() {
    let root = own();
    let lines = IDS.map(|id| format!("{id},{}\n", id.replace("sub-3_ses-1", "sub-1_ses-1")));
    text(&root, "patients.csv", &lines.concat());
    let one = open(&root, "1").unwrap();
    assert_eq!(labeled(&one), ["sub-1_ses-1", "sub-3_ses-1"]);
    assert_eq!(labeled(&open(&root, "6").unwrap()).len(), 7);
    text(&root, "patients.csv", "one line without a patient");
    refused(open(&root, "1"), &["patients.csv", "in line 1"]);
}

#[test]
fn cases_without_hints_are_counted_one_by_one() {
    let root = crate::made::own();
    let two = open(&root, "2").unwrap();
    assert_eq!(labeled(&two), ["a", "b"]);
    refused(open(&root, "4"), &["cases", "1 to 3", "4"]);
}

#[test]
fn the_last_patients_are_held_out_with_all_their_scans() {
    let root = own();
    let dataset = layout::open(root.path()).unwrap();
    let patients = Patients::guess(&dataset.case_names());
    let split = dataset.hold_out_last(3, &patients).unwrap();
    assert_eq!(labeled(&split), ["sub-1_ses-1", "sub-1_ses-2"]);
    let held_out = [
        "sub-2_ses-1",
        "sub-3_ses-1",
        "sub-4_ses-1",
        "sub-4_ses-2",
        "sub-2_ses-2",
    ];
    assert_eq!(tested(&split), held_out);
}

#[test]
fn unlabeled_scans_of_patients_held_out_are_set_aside() {
    let root = own();
    for id in ["sub-4_ses-1", "sub-3_ses-1"] {
        std::fs::remove_file(root.path().join(format!("labels/{id}.nii.gz"))).unwrap();
    }
    let dataset = layout::open(root.path()).unwrap();
    let patients = Patients::guess(&dataset.case_names());
    let split = dataset.hold_out_last(1, &patients).unwrap();
    assert_eq!(tested(&split), ["sub-4_ses-2"]);
    assert_eq!(unlabeled(&split), ["sub-3_ses-1"]);
    let note = "1 unlabeled case is set aside, such as `sub-4_ses-1`, as the patient is held out"
        .to_string();
    assert!(split.notes.contains(&note), "{:?}", split.notes);
    refused(
        split.hold_out_last(2, &patients),
        &["below the 2 labeled patients", "2"],
    );
}
