//! Formats beside `.nii` and `.nrrd`: comparison with SimpleITK and nibabel, and errors.

#![allow(clippy::unwrap_used)]

#[path = "common/goldens.rs"]
mod goldens;

use std::fs;

use goldens::{folder, goldens};
use semivox_data::io::{read_labels, read_volume};

#[test]
fn every_format_reads_as_simpleitk_and_nibabel_do() {
    let goldens = goldens("formats");
    assert_eq!(goldens.len(), 45);
    for golden in goldens {
        let file = &golden.file;
        let (volume, geometry) = golden.read("formats");
        let difference = volume.geometry.max_difference(&geometry);
        assert!(difference < 2e-5, "{file}: {difference}");
    }
}

#[test]
fn a_matrix_that_is_no_rotation_is_noted() {
    let notes = |file: &str| {
        let volume = read_volume(folder("formats").join(file)).unwrap();
        volume.header().unwrap().notes().join("\n")
    };
    let sheared = notes("sheared.mha");
    assert!(
        sheared.contains("11.5 degrees off right angles (sheared)"),
        "{sheared}"
    );
    assert!(sheared.contains("resample it"), "{sheared}");
    let stretched = notes("stretched.mha");
    assert!(
        stretched.contains("has the length 1.500, not 1"),
        "{stretched}"
    );
    assert!(
        stretched.contains("1.500 by 2.000 by 6.000 mm"),
        "{stretched}"
    );
    for plain in ["i2.mha", "flat.mha", "size.mha", "beside.nhdr"] {
        assert_eq!(notes(plain), "", "{plain}");
    }
}

#[test]
fn a_meta_image_without_spacings_says_so_and_contradictions_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scan.mha");
    let read = |lines: &str| {
        let text = format!(
            "ObjectType = Image\n{lines}ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
        );
        fs::write(&path, [text.as_bytes(), &[1, 2, 3, 4]].concat()).unwrap();
        read_volume(&path)
    };
    let notes = |lines: &str| read(lines).unwrap().header().unwrap().notes().join("\n");
    let bare = notes("NDims = 3\nDimSize = 2 2 1\n");
    assert!(bare.contains("voxels of 1 mm are assumed"), "{bare}");
    let stated = notes("NDims = 3\nDimSize = 2 2 1\nElementSpacing = 1 1 1\n");
    assert!(!stated.contains("assumed"), "{stated}");
    for (lines, expected) in [
        (
            "NDims = 3\nDimSize = 2 2\n",
            "3 sides, one for each of its NDims",
        ),
        (
            "NDims = 3\nDimSize = 2 2.5 1\n",
            "sides of 1 to 32767 voxels",
        ),
    ] {
        let message = read(lines).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_voxels_of_a_pair_stand_for_its_header_in_any_case() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| root.path().join(name);
    for ending in ["hdr", "img"] {
        let to = file(&format!("SCAN.{}", ending.to_uppercase()));
        fs::copy(folder("formats").join(format!("pair.{ending}")), to).unwrap();
    }
    let expected = read_volume(folder("formats").join("pair.hdr")).unwrap();
    assert_eq!(read_volume(file("SCAN.IMG")).unwrap(), expected);
    assert_eq!(read_volume(file("SCAN.HDR")).unwrap(), expected);
    fs::remove_file(file("SCAN.IMG")).unwrap();
    let message = read_volume(file("SCAN.HDR")).unwrap_err().to_string();
    assert!(
        message.contains("SCAN.HDR") && message.contains("without the .img"),
        "{message}"
    );
}

/// The message for a MetaImage header in which the given fields replace those of a valid one.
fn refusal(changes: &[(&str, &str)]) -> String {
    let sound = [
        ("ObjectType", "Image"),
        ("NDims", "3"),
        ("DimSize", "2 1 1"),
        ("ElementType", "MET_SHORT"),
        ("ElementDataFile", "LOCAL"),
    ];
    let mut fields = sound.to_vec();
    for &(name, value) in changes {
        match fields.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value,
            None => fields.insert(1, (name, value)),
        }
    }
    let kept = fields.iter().filter(|field| !field.1.is_empty());
    let text: String = kept
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scan.mha");
    fs::write(&path, [text.as_bytes(), b"\x01\x00\x02\x00"].concat()).unwrap();
    match read_volume(&path) {
        Ok(volume) => format!("{:?}", volume.data.as_slice().unwrap()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_in_a_meta_image_are_named() {
    assert_eq!(refusal(&[]), "[1.0, 2.0]");
    assert_eq!(
        refusal(&[("ElementByteOrderMSB", "True")]),
        "[256.0, 512.0]"
    );
    // From the beginning of the file, or its last bytes.
    assert_eq!(refusal(&[("HeaderSize", "-1")]), "[1.0, 2.0]");
    let length = "ObjectType = Image\nHeaderSize = 999\nNDims = 3\nDimSize = 2 1 1\nElementType = MET_SHORT\nElementDataFile = LOCAL\n".len();
    assert_eq!(
        refusal(&[("HeaderSize", &length.to_string())]),
        "[1.0, 2.0]"
    );
    assert!(refusal(&[("HeaderSize", &(length + 1).to_string())]).contains("cut short"));
    for (field, value, expected) in [
        ("DimSize", "", "the field 'DimSize'"),
        ("HeaderSize", "2", "HeaderSize of 0, -1 or at least"),
        ("DimSize", "2 1 0", "sides of 1 to 32767"),
        ("DimSize", "2 1 1 3", "a volume of three axes"),
        ("DimSize", "2 x 1", "numbers as 'DimSize'"),
        ("ElementType", "MET_CHAR_ARRAY", "'MET_CHAR_ARRAY'"),
        ("ElementNumberOfChannels", "3", "one channel"),
        ("ElementSpacing", "1 0 1", "voxels of nonzero volume"),
        (
            "ElementSpacing",
            "1 1",
            "3 numbers as 'ElementSpacing', found 2",
        ),
        (
            "TransformMatrix",
            "1 0 0 1 0 0 0 0 1",
            "voxels of nonzero volume",
        ),
        ("BinaryData", "False", "voxels as text"),
        ("ElementDataFile", "LIST", "one file with voxels"),
        (
            "ElementDataFile",
            "scan%03d.raw 1 9 1",
            "one file with voxels",
        ),
        ("ElementDataFile", "", "the field 'ElementDataFile'"),
    ] {
        let message = refusal(&[(field, value)]);
        assert!(message.contains(expected), "{field} {value}: {message}");
        assert!(
            message.contains("scan.mha") && message.contains("export it"),
            "{message}"
        );
    }
    let message = refusal(&[("ElementDataFile", "absent.raw")]);
    assert!(
        message.contains("absent.raw") && message.contains("nothing there"),
        "{message}"
    );
    let message = refusal(&[("DimSize", "2 1 5")]);
    assert!(
        message.contains("cut short: expected 20 bytes, found 4"),
        "{message}"
    );
    let message = refusal(&[("CompressedData", "True")]);
    assert!(
        message.contains("scan.mha") && message.contains("again"),
        "{message}"
    );
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scan.nii");
    let message = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read_labels(&path).unwrap_err().to_string()
    };
    let mut bytes = vec![0; 600];
    bytes[..4].copy_from_slice(&348_i32.to_le_bytes());
    assert!(message(&bytes).contains("Analyze 7.5"));
    bytes[..4].copy_from_slice(&540_i32.to_le_bytes());
    assert!(message(&bytes).contains("NIfTI-2 header without its signature"));
    bytes[128..132].copy_from_slice(b"DICM");
    bytes[..4].fill(0);
    assert!(message(&bytes).contains("export the label map as NIfTI"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let message = read_volume(&path).unwrap_err().to_string();
    assert!(
        message.contains("a folder without DICOM slices")
            && message.contains("move the scan's file out"),
        "{message}"
    );
}

/// No byte of the text headers brings a reader down.
#[test]
fn mutated_text_headers_are_read_or_refused() {
    let root = tempfile::tempdir().unwrap();
    for name in ["big_endian.mha", "no_space.nrrd", "two_big_endian.nii"] {
        let path = root.path().join(name);
        let sound = fs::read(folder("formats").join(name)).unwrap();
        for at in (0..sound.len().min(560)).step_by(2) {
            for value in [0, b'9', b'\n', 0xff] {
                let mut bytes = sound.clone();
                bytes[at] = value;
                fs::write(&path, bytes).unwrap();
                if let Err(error) = read_volume(&path) {
                    assert!(error.to_string().contains(name), "{at}: {error}");
                }
            }
        }
    }
}
