//! Label maps of 3D Slicer, which name their segments.

use std::fs;
use std::path::Path;

use semivox_data::IGNORED;
use semivox_data::inspect::Inspection;
use semivox_data::layout::mend::mend;
use semivox_data::layout::{self, HoldOut};
use tempfile::TempDir;

use crate::made::{image, label, refused, text};

/// Writes a label map with the values 0, 1, 2 and 5 as 3D Slicer does, with these segments.
fn segmented(root: &Path, name: &str, segments: &[(&str, &str)]) {
    let mut header = String::from(
        "NRRD0004\ntype: unsigned char\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 2 2\n\
         space directions: (-1,0,0) (0,-1,0) (0,0,1)\nkinds: domain domain domain\nencoding: raw\nspace origin: (0,0,0)\n",
    );
    for (number, (name, value)) in segments.iter().enumerate() {
        let key = format!("Segment{number}");
        header += &format!("{key}_ID:=Segment_{number}\n{key}_LabelValue:={value}\n");
        header += &format!("{key}_Name:={name}\n{key}_Tags:=TerminologyEntry: a~b|\n");
    }
    let voxels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 5];
    let path = root.join("labels").join(name).with_extension("nrrd");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, [header.as_bytes(), b"\n", &voxels].concat()).unwrap();
}

const A: [(&str, &str); 3] = [("liver", "1"), ("kidney", "2"), ("tumor: new", "5")];

/// Two cases with these segments.
fn cases(a: &[(&str, &str)], b: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, segments) in [("a", a), ("b", b)] {
        image(root.path(), &format!("images/{name}.nii"));
        segmented(root.path(), name, segments);
    }
    root
}

#[test]
fn segments_name_the_classes_of_their_values() {
    let root = cases(&A, &[("Kidney", "2"), A[2], A[0]]);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        dataset.classes,
        ["background", "liver", "kidney", "tumor: new"]
    );
    let (_, labels) = dataset.labeled[1].load_checked(4).unwrap();
    assert_eq!(labels.values(), [0, 1, 2, 3]);
    assert_eq!(dataset.label_values().unwrap().value(3), Some(5));
    let notes = dataset.notes.join("\n");
    assert!(
        notes.contains("segments: `1 liver`, `2 kidney`, `5 tumor: new`"),
        "{notes}"
    );
    assert!(!notes.contains("without segments"), "{notes}");

    // Label maps of other formats have the same values, which is said.
    image(root.path(), "images/c.nii");
    label(root.path(), "labels/c.nii", 5);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(
        dataset.labeled[2].load_checked(4).unwrap().1.values(),
        [0, 3]
    );
    let notes = dataset.notes.join("\n");
    assert!(
        notes.contains("without segments are taken to have the same values: `c.nii`"),
        "{notes}"
    );
    label(root.path(), "labels/c.nii", 3);
    let dataset = layout::open(root.path()).unwrap();
    assert!(dataset.labeled[2].load_checked(4).is_err());
}

#[test]
fn segments_of_the_background_and_of_ignored_voxels_are_no_classes() {
    let segments = [("Background", "1"), ("liver", "2"), ("ignore", "5")];
    let root = cases(&segments, &segments);
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.classes, ["background", "liver"]);
    assert_eq!(
        dataset.labeled[0].load_checked(2).unwrap().1.values(),
        [0, 1, IGNORED]
    );
}

/// The message of an inspection, which reads the label maps all the same.
fn inspected(root: &TempDir) -> String {
    let found = Inspection::read(root.path(), &HoldOut::default(), &|_, _| ()).unwrap();
    assert_eq!(found.cases.len(), 2);
    found.errors_by_kind().join("\n")
}

#[test]
fn segments_in_another_order_are_refused() {
    let root = cases(&A, &[("liver", "2"), ("kidney", "1"), A[2]]);
    let parts = [
        "`liver` with the value 1 in `a.nrrd` and 2 in `b.nrrd`",
        "segments in one order",
    ];
    refused(layout::open(root.path()), &parts);
    assert!(inspected(&root).contains(parts[0]));
    let out = root.path().with_extension("mended");
    let error = mend(root.path(), &out, &|_, _| ()).unwrap_err().to_string();
    assert!(error.contains(parts[0]), "{error}");

    let root = cases(&A, &[("spleen", "1"), A[1], A[2]]);
    let parts = [
        "the value 1 for `liver` in `a.nrrd` and for `spleen` in `b.nrrd`",
        "if both names mean one class, name it in `classes.txt`",
    ];
    refused(layout::open(root.path()), &parts);
    text(
        &root,
        "classes.txt",
        "0 background\n1 organ\n2 kidney\n5 tumor\n",
    );
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(dataset.classes, ["background", "organ", "kidney", "tumor"]);
    let notes = dataset.notes.join("\n");
    let expected = "segments: `1 organ (liver)`, `1 organ (spleen)`, `5 tumor (tumor: new)`";
    assert!(notes.contains(expected), "{notes}");
}

#[test]
fn a_description_that_contradicts_segments_is_refused() {
    let root = cases(&A, &A);
    text(
        &root,
        "classes.txt",
        "0 background\n1 kidney\n2 liver\n5 tumor: new\n",
    );
    let parts = [
        "classes.txt",
        "`1 kidney`, the value of the segment `liver` in `a.nrrd`",
        "correct the description",
    ];
    refused(layout::open(root.path()), &parts);
    assert!(inspected(&root).contains(parts[1]));

    // Other names do not hide another order, unless they join both values.
    let root = cases(&A, &[("liver", "2"), ("kidney", "1"), A[2]]);
    text(
        &root,
        "classes.txt",
        "0 background\n1 Leber\n2 Niere\n5 Tumor\n",
    );
    refused(
        layout::open(root.path()),
        &["`liver` with the value 1 in `a.nrrd` and 2 in"],
    );
    text(
        &root,
        "classes.txt",
        "0 background\n1 organ\n2 organ\n5 tumor\n",
    );
    assert_eq!(layout::open(root.path()).unwrap().classes.len(), 3);
    // Names by 3D Slicer itself mean nothing, if `classes.txt` names the values.
    let root = cases(
        &[("Segment_1", "1"), ("Segment_2", "2")],
        &[("Segment_2", "1"), ("Segment_3", "2")],
    );
    refused(
        layout::open(root.path()),
        &["`Segment_2` with the value 1 in `b.nrrd` and 2 in"],
    );
    text(
        &root,
        "classes.txt",
        "0 background\n1 liver\n2 kidney\n5 tumor\n",
    );
    assert_eq!(layout::open(root.path()).unwrap().classes.len(), 4);
}

#[test]
fn a_mended_copy_keeps_the_names_of_segments() {
    let root = cases(&A, &A);
    let out = root.path().with_extension("mended");
    mend(root.path(), &out, &|_, _| ()).unwrap();
    let dataset = layout::open(&out).unwrap();
    assert_eq!(
        dataset.classes,
        ["background", "liver", "kidney", "tumor: new"]
    );
    assert_eq!(
        dataset.labeled[0].load_checked(4).unwrap().1.values(),
        [0, 1, 2, 3]
    );
    fs::remove_dir_all(&out).unwrap();
}

/// A folder with a `dataset.json` of these labels and two label maps in which segments are named.
fn described(labels: &str, segments: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        image(root.path(), &format!("imagesTr/{name}.nii"));
        segmented(root.path(), name, segments);
    }
    fs::rename(root.path().join("labels"), root.path().join("labelsTr")).unwrap();
    text(
        &root,
        "dataset.json",
        &format!("{{\"labels\": {{{labels}}}}}"),
    );
    root
}

#[test]
fn segments_are_compared_with_a_dataset_json() {
    let names = r#""background": 0, "liver": 1, "Kidney": 2, "tumor": 5"#;
    let dataset = layout::open(described(names, &A).path()).unwrap();
    let notes = dataset.notes.join("\n");
    let expected = "names by dataset.json, which differ from those of the label maps' segments: `5 tumor (tumor: new)`";
    assert!(notes.contains(expected), "{notes}");
    assert_eq!(dataset.classes, ["background", "liver", "Kidney", "tumor"]);

    let exchanged = r#""background": 0, "kidney": 1, "liver": 2, "tumor": 5"#;
    let root = described(exchanged, &A);
    let parts = [
        "dataset.json",
        "`1 kidney`, the value of the segment `liver` in `a.nrrd`",
    ];
    refused(layout::open(root.path()), &parts);
    refused(layout::open_labeled(root.path(), 2.into()), &parts);
    let list = root.path().join("held_out.txt");
    fs::write(&list, "b").unwrap();
    refused(
        layout::open_held_out(root.path(), &HoldOut::read(&list).unwrap()),
        &parts,
    );
    // Label maps that lose their labels are not opened.
    segmented(root.path(), "c", &[("liver", "2"), ("kidney", "1")]);
    fs::rename(
        root.path().join("labels/c.nrrd"),
        root.path().join("labelsTr/a.nrrd"),
    )
    .unwrap();
    assert_eq!(
        layout::open_labeled(root.path(), 1.into()).unwrap().labeled[0].id,
        "a"
    );
    assert!(inspected(&root).contains("a segment has one value"));

    let indices = r#""background": 0, "kidney": 1, "liver": 2, "spleen": 3, "x": 4, "tumor": 5"#;
    refused(layout::open(described(indices, &A).path()), &parts);
}
