//! Positions of slices that make a grid, or none.

use std::fs;
use std::path::Path;

use semivox_data::io::read_volume;
use tempfile::TempDir;

use super::{copy, message, set, tag};

/// A copy of the axial series in which some slices have another position.
fn moved(changes: &[(&str, &str)]) -> TempDir {
    let folder = copy("axial");
    for (file, position) in changes {
        set(
            &folder.path().join(file),
            tag(0x0020, 0x0032),
            position.as_bytes(),
        );
    }
    folder
}

#[test]
fn slices_that_make_no_grid_are_refused_by_name() {
    // The slices lie at -100, -97.5, -95 and -92.5 mm: IM2.dcm, IM1, IM0.dcm, IM3.
    for (file, position, expected) in [
        (
            "IM1",
            "-31.5\\12.25\\-100 ",
            "one slice at a position, found `IM1` and `IM2.dcm`",
        ),
        (
            "IM3",
            "-31.5\\12.25\\-90.0 ",
            "5.000 mm between `IM0.dcm` and `IM3`",
        ),
        ("IM1", "-31.5\\12.25\\-97.1 ", "at equal distances"),
        (
            "IM3",
            "-31.5\\12.75\\-92.5 ",
            "`IM3` shifted by 0.50 mm in its plane",
        ),
    ] {
        let folder = moved(&[(file, position)]);
        let text = message(folder.path());
        assert!(
            text.contains(expected) || text.contains(&swapped(expected)),
            "{text}"
        );
    }
    let folder = copy("axial");
    fs::remove_file(folder.path().join("IM1")).unwrap();
    assert!(message(folder.path()).contains("without a gap"));
    let folder = copy("axial");
    let turned = b"0\\1\\0\\1\\0\\0 ";
    set(&folder.path().join("IM1"), tag(0x0020, 0x0037), turned);
    assert!(
        message(folder.path()).contains("orientations others than those of `IM0.dcm` in `IM1`")
    );
    set(
        &folder.path().join("IM1"),
        tag(0x0020, 0x0037),
        b"1\\0\\0\\0\\1\\0 ",
    );
    set(
        &folder.path().join("IM1"),
        tag(0x0028, 0x0030),
        b"1.25\\0.8 ",
    );
    assert!(message(folder.path()).contains("pixel spacings others"));
}

/// The message with the two files in the other order.
fn swapped(text: &str) -> String {
    text.replace("`IM1` and `IM2.dcm`", "`IM2.dcm` and `IM1`")
}

#[test]
fn a_little_unevenness_and_a_single_slice_are_noted() {
    let folder = moved(&[("IM1", "-31.5\\12.25\\-97.4 ")]);
    let volume = read_volume(folder.path()).unwrap();
    assert!((volume.spacing()[2] - 2.5).abs() < 1e-9);
    assert!(volume.header().unwrap().notes()[0].contains("4 %"));
    for file in ["IM0.dcm", "IM2.dcm", "IM3"] {
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    let volume = read_volume(folder.path()).unwrap();
    assert_eq!((volume.shape()[2], volume.spacing()[2]), (1, 3.0));
    assert!(volume.header().unwrap().notes()[0].contains("single slice"));
}

#[test]
fn slices_that_are_left_out_at_regular_distances_are_noted() {
    let notes = |folder: &Path| {
        let volume = read_volume(folder).unwrap();
        assert!((volume.spacing()[2] - 2.5).abs() < 1e-4);
        volume.header().unwrap().notes().join("; ")
    };
    let folder = copy("skipped");
    let found = notes(folder.path());
    let expected =
        "2.500 mm apart, but 1.25 mm by their headers, and their instance numbers go in steps of 2";
    assert!(found.contains(expected), "{found}");
    // Either sign alone has other reasons: gaps that were planned, numbers of several echoes.
    set(&folder.path().join("IM1"), tag(0x0020, 0x0013), b"9 ");
    assert_eq!(notes(folder.path()), "");
    let folder = copy("skipped");
    for file in fs::read_dir(folder.path()).unwrap() {
        set(&file.unwrap().path(), tag(0x0018, 0x0050), b"2.5 ");
    }
    assert_eq!(notes(folder.path()), "");
}

#[test]
fn a_tilted_gantry_is_told_from_a_shifted_slice() {
    let folder = moved(&[
        ("IM1", "-31.5\\13.50\\-97.5 "),
        ("IM0.dcm", "-31.5\\14.75\\-95 "),
        ("IM3", "-31.5\\16.00\\-92.5 "),
    ]);
    let text = message(folder.path());
    assert!(
        text.contains("tilted by 26.6 degrees (a tilted gantry)"),
        "{text}"
    );
    assert!(text.contains("dcm2niix"), "{text}");
    let folder = moved(&[("IM1", "-31.5\\13.50\\-97.5 ")]);
    let text = message(folder.path());
    assert!(
        text.contains("`IM1` shifted by 1.25 mm in its plane"),
        "{text}"
    );
    assert!(!text.contains("gantry"), "{text}");
}
