//! Files that are refused by name.

use std::fs;
use std::path::Path;

use semivox_data::io::{read_labels, read_volume};

use super::{copy, message, set, tag};

/// The message for a series in one file of which an element has another value.
fn refusal(series: &str, at: [u8; 4], value: &[u8]) -> String {
    let folder = copy(series);
    set(&folder.path().join("IM1"), at, value);
    message(folder.path())
}

#[test]
fn images_that_are_no_gray_slices_with_a_place_are_refused_by_name() {
    for (group, element, value, expected) in [
        (0x0028, 0x0002, &b"\x03\0"[..], "a color image"),
        (0x0028, 0x0004, b"RGB ", "a color image"),
        (0x0028, 0x0004, b"PALETTE COLOR ", "a color image"),
        (0x0028, 0x0100, b"\x0c\0", "voxels of 8, 16 or 32 bits"),
        (0x0028, 0x0101, b"\x14\0", "stored bits within"),
        (0x0028, 0x0030, b"1.25\\0", "a PixelSpacing of more than 0"),
        (0x0028, 0x0030, b"", "a slice with PixelSpacing"),
        (0x0028, 0x1053, b"0 ", "a RescaleSlope other than 0"),
        (0x0028, 0x1053, b"abcd", "1 numbers as RescaleSlope"),
        (0x0020, 0x0032, b"", "a slice with ImagePositionPatient"),
        (
            0x0020,
            0x0032,
            b"1\\2 ",
            "3 numbers as ImagePositionPatient",
        ),
        (0x0020, 0x0037, b"", "a slice with ImageOrientationPatient"),
        (0x0020, 0x0037, b"1\\0\\0\\1\\0\\0 ", "at right angles"),
        (0x0002, 0x0010, b"1.2.840.10008.1.2.4.90", "JPEG 2000"),
        (0x0002, 0x0010, b"1.2.840.10008.1.2.4.80", "JPEG-LS"),
        (0x0002, 0x0010, b"1.2.840.10008.1.2.5\0", "another way"),
        (0x0028, 0x0010, b"\x06\0", "one shape"),
    ] {
        let text = refusal("axial", tag(group, element), value);
        let value = String::from_utf8_lossy(value);
        assert!(text.contains(expected), "{element:04x} {value}: {text}");
    }
}

/// Puts an element before another.
fn insert(file: &Path, before: [u8; 4], element: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let place = bytes
        .windows(4)
        .rposition(|window| window == before)
        .unwrap();
    bytes.splice(place..place, element.iter().copied());
    fs::write(file, bytes).unwrap();
}

#[test]
fn several_frames_and_tables_of_values_are_refused_by_name() {
    let frames = [&tag(0x0028, 0x0008)[..], b"IS\x02\x0012"].concat();
    let table = [&tag(0x0028, 0x3000)[..], b"SQ\0\0\0\0\0\0"].concat();
    let groups = [&tag(0x5200, 0x9229)[..], b"SQ\0\0\0\0\0\0"].concat();
    for (before, element, expected) in [
        (tag(0x0028, 0x0010), frames, "multi-frame"),
        (tag(0x7FE0, 0x0010), table, "a lookup table"),
        (tag(0x7FE0, 0x0010), groups, "multi-frame"),
    ] {
        let folder = copy("axial");
        insert(&folder.path().join("IM1"), before, &element);
        let text = message(folder.path());
        assert!(
            text.contains(expected) && text.contains("dcm2niix"),
            "{text}"
        );
    }
}

#[test]
fn damaged_files_are_refused() {
    let folder = copy("jpeg");
    let path = folder.path().join("IM1");
    let sound = fs::read(&path).unwrap();
    for length in (140..sound.len() - 60).step_by(7) {
        fs::write(&path, &sound[..length]).unwrap();
        assert!(read_volume(folder.path()).is_err(), "{length}");
    }
    assert!(
        read_labels(folder.path())
            .unwrap_err()
            .to_string()
            .contains("label map")
    );
}
