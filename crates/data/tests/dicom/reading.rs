//! Series that are read, compared with SimpleITK, and files that are noted or passed over.

use std::fs;

use semivox_data::Geometry;
use semivox_data::io::read_volume;
use semivox_data::layout;
use serde::Deserialize;

use super::{copy, goldens, message, set, tag};

#[derive(Deserialize)]
struct Golden {
    folder: String,
    shape: [usize; 3],
    affine: [[f64; 4]; 4],
    values: Vec<f64>,
}

#[test]
fn series_read_as_simpleitk_does() {
    let text = fs::read(goldens().join("dicom.json")).unwrap();
    let cases: Vec<Golden> = serde_json::from_slice(&text).unwrap();
    assert_eq!(cases.len(), 18);
    for golden in cases {
        let folder = &golden.folder;
        let volume = read_volume(goldens().join(folder)).unwrap();
        assert_eq!(volume.shape(), golden.shape, "{folder}");
        for (found, expected) in volume.data.iter().zip(&golden.values) {
            assert_eq!(f64::from(*found), *expected, "{folder}");
        }
        let affine = golden.affine;
        let difference = volume.geometry.max_difference(&Geometry { affine });
        assert!(difference < 1e-4, "{folder}: {difference}");
        // A file stands for its series.
        assert_eq!(
            read_volume(goldens().join(folder).join("IM1")).unwrap(),
            volume
        );
        let notes = volume.header().unwrap().notes();
        let noted = ["inverted", "skipped", "bare", "no_syntax"];
        let noted = noted.iter().any(|start| folder.starts_with(start));
        assert_eq!(notes.len(), usize::from(noted), "{folder}: {notes:?}");
    }
}

#[test]
fn files_without_mark_or_transfer_syntax_are_read_and_noted_or_named() {
    let notes = |series: &str| {
        let volume = read_volume(goldens().join(series)).unwrap();
        volume.header().unwrap().notes().join("\n")
    };
    for series in [
        "bare_explicit",
        "bare_implicit",
        "no_syntax",
        "no_syntax_implicit",
    ] {
        let found = notes(series);
        let expected = "4 of its 4 DICOM files name no transfer syntax; they are read as uncompressed little endian";
        assert!(found.starts_with(expected), "{series}: {found}");
    }
    // They are found among the files of a folder.
    let found = layout::volumes(goldens().join("bare_explicit")).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["bare_explicit"]);

    // Compressed pixels do not tell how they are compressed.
    let folder = copy("rle");
    for entry in fs::read_dir(folder.path()).unwrap() {
        set(&entry.unwrap().path(), tag(0x0002, 0x0010), b"");
    }
    let text = message(folder.path());
    assert!(
        text.contains("compressed pixels, and no transfer syntax"),
        "{text}"
    );
    // What begins in no such way is no DICOM file, whatever its name.
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("images")).unwrap();
    let bytes = fs::read(goldens().join("bare_explicit/IM0.dcm")).unwrap();
    fs::write(root.path().join("images/a.dcm"), &bytes[1..]).unwrap();
    let text = layout::open(root.path()).unwrap_err().to_string();
    assert!(
        text.contains("`a.dcm` not read: named as DICOM, but it does not begin as DICOM files do"),
        "{text}"
    );
}

#[test]
fn hidden_slices_are_named() {
    let folder = copy("axial");
    let hide = |name: &str| {
        fs::rename(
            folder.path().join(name),
            folder.path().join(format!(".{name}")),
        )
    };
    hide("IM3").unwrap();
    fs::write(folder.path().join("._IM3"), "fork").unwrap();
    let volume = read_volume(folder.path()).unwrap();
    assert_eq!(volume.shape()[2], 3);
    let notes = volume.header().unwrap().notes().join("\n");
    assert!(
        notes.contains("`.IM3` not read: DICOM, but hidden by the dot"),
        "{notes}"
    );
    assert!(!notes.contains("._IM3"), "{notes}");
}

#[test]
fn other_files_are_passed_over_and_named() {
    let folder = copy("axial");
    fs::write(folder.path().join("readme.txt"), "Secret^Name").unwrap();
    let index = folder.path().join("DICOMDIR");
    fs::copy(folder.path().join("IM1"), &index).unwrap();
    set(&index, tag(0x0002, 0x0002), b"1.2.840.10008.1.3.10");
    let report = folder.path().join("report.dcm");
    fs::copy(folder.path().join("IM1"), &report).unwrap();
    set(&report, tag(0x0008, 0x0060), b"SR");
    let volume = read_volume(folder.path()).unwrap();
    assert_eq!(volume, read_volume(goldens().join("axial")).unwrap());
    let notes = volume.header().unwrap().notes().join("\n");
    for expected in [
        "`DICOMDIR` not read: the index",
        "`readme.txt` not read: no DICOM",
        "`report.dcm` not read: DICOM, but no scan",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
}
