//! NRRD files: comparison with pynrrd, data sets, and errors.

#![allow(clippy::unwrap_used)]

#[path = "common/goldens.rs"]
mod goldens;

use std::fs;

use goldens::{folder, goldens};
use semivox_data::io::{read_labels, read_volume};
use semivox_data::layout;

#[test]
fn every_type_byte_order_encoding_and_space_reads_as_pynrrd_does() {
    let goldens = goldens("nrrd");
    assert_eq!(goldens.len(), 18);
    for golden in goldens {
        let file = &golden.file;
        let (volume, geometry) = golden.read("nrrd");
        assert!(volume.geometry.approx_eq(&geometry, 1e-12), "{file}");
    }
}

#[test]
fn folders_of_nrrd_files_are_data_sets() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    fs::create_dir(file("images")).unwrap();
    fs::create_dir(file("labels")).unwrap();
    for (from, to) in [("i2", "images/a"), ("f4", "images/b"), ("u1", "labels/a")] {
        fs::copy(
            folder("nrrd").join(format!("{from}.nrrd")),
            file(&format!("{to}.nrrd")),
        )
        .unwrap();
    }
    // Labels of many values need a description; this one contains all of them.
    let values = read_labels(file("labels/a.nrrd")).unwrap().values();
    let lines: Vec<String> = values.iter().map(|v| format!("{v} class {v}")).collect();
    fs::write(file("classes.txt"), lines.join("\n")).unwrap();
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (1, 1));
    let (image, labels) = dataset.labeled[0].load().unwrap();
    assert_eq!(image.shape(), labels.shape());

    fs::copy(folder("nrrd").join("i2.nrrd"), file("images/a.nii")).unwrap();
    let message = layout::open(root.path()).unwrap_err().to_string();
    assert!(message.contains("`a.nii` and `a.nrrd`"), "{message}");
}

/// The message for a header in which the given fields replace those of a valid one.
fn refusal(changes: &[(&str, &str)]) -> String {
    let sound = [
        ("type", "short"),
        ("dimension", "3"),
        ("space", "left-posterior-superior"),
        ("sizes", "2 1 1"),
        ("space directions", "(1,0,0) (0,1,0) (0,0,1)"),
        ("endian", "little"),
        ("encoding", "raw"),
        ("space origin", "(0,0,0)"),
    ];
    let mut text = String::from("NRRD0004\n");
    let mut fields = sound.to_vec();
    for &(name, value) in changes {
        fields.retain(|field| field.0 != name);
        fields.push((name, value));
    }
    for (name, value) in fields.iter().filter(|field| !field.1.is_empty()) {
        text += &format!("{name}: {value}\n");
    }
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scan.nrrd");
    fs::write(&path, [text.as_bytes(), b"\n\x01\x00\x02\x00"].concat()).unwrap();
    match read_volume(&path) {
        Ok(volume) => format!("{:?}", volume.data.as_slice().unwrap()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_and_other_forms_are_named() {
    assert_eq!(refusal(&[]), "[1.0, 2.0]");
    assert_eq!(
        refusal(&[
            ("sizes", "2 1 1 1"),
            ("space directions", ""),
            ("space", "")
        ]),
        "[1.0, 2.0]"
    );
    for (field, value, expected) in [
        ("type", "block", "type 'block'"),
        ("type", "", "the field 'type'"),
        ("sizes", "2 2", "sizes 2 2"),
        ("sizes", "2 x 1", "sizes 2 x 1"),
        ("sizes", "2 1 1 3", "a volume of three axes"),
        ("encoding", "bzip2", "'bzip2'"),
        ("endian", "", "endian little or big"),
        ("data file", "LIST", "one file with voxels"),
        ("data file", "scan%03d.raw 1 9 1", "one file with voxels"),
        ("byte skip", "-2", "a whole number as 'byte skip'"),
        ("space", "scanner-xyz", "scanner-xyz"),
        (
            "space",
            "LPS\nspace: RAS",
            "every field once, found 'space' twice",
        ),
        ("space units", "\"m\" \"m\" \"m\"", "space units of mm"),
        ("space origin", "(0,0)", "vectors such as (1,0,0)"),
        (
            "space directions",
            "(1,0,0) (0,1,0) (0,0,0)",
            "voxels of nonzero volume",
        ),
    ] {
        let message = refusal(&[(field, value)]);
        assert!(message.contains(expected), "{field} {value}: {message}");
        assert!(
            message.contains("scan.nrrd") && message.contains("export it"),
            "{message}"
        );
    }
    assert_eq!(refusal(&[("byte skip", "-1")]), "[1.0, 2.0]");
    // Two axes are a slice in a plane of its own, but not in space, as in ITK.
    let flat = [
        ("dimension", "2"),
        ("sizes", "2 1"),
        ("space directions", "(1,0,0) (0,1,0)"),
    ];
    assert!(refusal(&flat).contains("vectors such as (1,0), found '(0,0,0)'"));
    let message = refusal(&[("data file", "scan.raw")]);
    assert!(
        message.contains("scan.raw") && message.contains("nothing there"),
        "{message}"
    );
    let message = refusal(&[("sizes", "2 1 5")]);
    assert!(
        message.contains("is cut short: expected 20 bytes, found 4"),
        "{message}"
    );

    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cut.nrrd");
    fs::write(&path, "NRRD0004\ntype: short\nsizes: 2").unwrap();
    let message = read_volume(&path).unwrap_err().to_string();
    assert!(message.contains("the end of the file"), "{message}");
}
