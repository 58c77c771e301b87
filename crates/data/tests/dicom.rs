//! DICOM series: comparison with SimpleITK, and everything that is refused or noted.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use semivox_data::inspect::Inspection;
use semivox_data::io::{read_labels, read_volume, write_labels};
use semivox_data::layout::mend::mend;
use semivox_data::layout::{self, HoldOut};
use semivox_data::{Geometry, LabelMap, Patients, Source};
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Golden {
    folder: String,
    shape: [usize; 3],
    affine: [[f64; 4]; 4],
    values: Vec<f64>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/dicom")
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

/// A folder with a series for each case, whose files have these PatientIDs.
fn of_patients(cases: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let series = ["axial", "oblique", "sagittal", "implicit"];
    for ((case, id), series) in cases.iter().zip(series) {
        let to = root.path().join("images").join(case);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(goldens().join(series)).unwrap() {
            let entry = entry.unwrap();
            let file = to.join(entry.file_name());
            fs::copy(entry.path(), &file).unwrap();
            set(&file, tag(0x0010, 0x0020), id.as_bytes());
        }
        let labels = root.path().join("labels").join(format!("{case}.nii"));
        fs::create_dir_all(labels.parent().unwrap()).unwrap();
        let image = read_volume(&to).unwrap();
        let drawn = LabelMap::new(image.data.mapv(|x| u8::from(x > 0.0)), image.geometry);
        write_labels(labels, &drawn).unwrap();
    }
    root
}

#[test]
fn two_series_of_one_patient_on_both_sides_are_a_leak() {
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18"), ("c", "Secret17")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let inspected = || Inspection::read(root.path(), &HoldOut::default(), &|_, _| ()).unwrap();
    let found = inspected();
    let errors = found.errors_by_kind().join("\n");
    let expected = "test case `c` and labeled case `a` (one patient by the DICOM PatientID)";
    assert!(errors.contains(expected), "{errors}");
    let warnings = found.warnings.join("\n");
    let expected =
        "3 DICOM cases are scans of 2 patients by their PatientID, such as `a` and `c` of one";
    assert!(warnings.contains(expected), "{warnings}");
    let everything = format!("{found:?}");
    assert!(!everything.contains("Secret"), "{everything}");

    // So does the PatientID of one of several channels.
    let mut dataset = layout::open(root.path()).unwrap();
    let series = |case: &str| root.path().join("images").join(case);
    dataset.test[0].image = Source::Channels(vec![series("c"), series("c")]);
    let patients = Patients::open(root.path(), &dataset).unwrap();
    assert_eq!(patients.patient_of("c"), patients.patient_of("a"));
    // The file decides.
    fs::write(root.path().join("patients.csv"), "a,1\nb,2\nc,3\n").unwrap();
    assert!(inspected().errors.is_empty());
    // Removed IDs tell nothing, which is noted.
    let root = of_patients(&[("a", "ANON"), ("b", "ANON"), ("c", "anonymous")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let found = Inspection::read(root.path(), &HoldOut::default(), &|_, _| ()).unwrap();
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    let warnings = found.warnings.join("\n");
    assert!(
        warnings.contains("3 DICOM cases have no PatientID"),
        "{warnings}"
    );
}

#[test]
fn a_mended_copy_knows_the_patients_without_their_ids() {
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18"), ("c", "Secret17")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("mended");
    let mended = mend(root.path(), &out, &|_, _| ()).unwrap();
    assert_eq!((mended.images, mended.left.len()), (3, 0), "{mended:?}");
    let said = |mend: &String| mend.starts_with("patients.csv tells");
    assert!(mended.mends.iter().any(said), "{:?}", mended.mends);
    let text = fs::read_to_string(out.join("patients.csv")).unwrap();
    let expected = "case,patient\na,DICOM patient 1\nb,DICOM patient 2\nc,DICOM patient 1\n";
    assert_eq!(text, expected);
    let leak = "test case `c` and labeled case `a` (one patient by";
    for folder in [root.path(), &out] {
        let found = Inspection::read(folder, &HoldOut::default(), &|_, _| ()).unwrap();
        let errors = found.errors_by_kind().join("\n");
        assert!(errors.contains(leak), "{errors}");
    }
    // Where each patient has one case, nothing has to be told.
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18")]);
    let out = out.with_file_name("other");
    mend(root.path(), &out, &|_, _| ()).unwrap();
    assert!(!out.join("patients.csv").exists());
}

/// Little-endian bytes of a tag.
fn tag(group: u16, element: u16) -> [u8; 4] {
    let [a, b] = group.to_le_bytes();
    let [c, d] = element.to_le_bytes();
    [a, b, c, d]
}

/// A copy of a golden series.
fn copy(series: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(goldens().join(series)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Replaces a value of an explicit element with a short length; the length may change.
fn set(file: &Path, at: [u8; 4], value: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let place = bytes
        .windows(4)
        .position(|window| window == at)
        .expect("the element");
    let length = u16::from_le_bytes([bytes[place + 6], bytes[place + 7]]);
    let length_now = (value.len() as u16).to_le_bytes();
    bytes[place + 6..place + 8].copy_from_slice(&length_now);
    bytes.splice(
        place + 8..place + 8 + usize::from(length),
        value.iter().copied(),
    );
    fs::write(file, bytes).unwrap();
}

/// The message for a series in one file of which an element has another value.
fn refusal(series: &str, at: [u8; 4], value: &[u8]) -> String {
    let folder = copy(series);
    set(&folder.path().join("IM1"), at, value);
    message(folder.path())
}

fn message(folder: &Path) -> String {
    let error = read_volume(folder).expect_err("a refusal").to_string();
    assert!(!error.contains("Secret"), "{error}");
    error
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

#[test]
fn folders_of_series_and_series_in_a_folder_are_cases() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("images");
    for (series, case) in [("axial", "one"), ("oblique", "two.a")] {
        let to = images.join(case);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(goldens().join(series)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    let dataset = layout::open(root.path()).unwrap();
    let ids: Vec<&str> = dataset.unlabeled.iter().map(|case| &*case.id).collect();
    assert_eq!(ids, ["one", "two.a"]);
    let expected = read_volume(goldens().join("axial")).unwrap();
    assert_eq!(
        dataset.unlabeled[0].load().unwrap(),
        expected.clone().into()
    );

    // One series is named like its folder, several by their descriptions.
    let found = layout::volumes(images.join("one")).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["one"]);
    for entry in fs::read_dir(images.join("one")).unwrap() {
        let entry = entry.unwrap();
        let name = format!("b{}", entry.file_name().to_string_lossy());
        fs::rename(entry.path(), images.join("two.a").join(name)).unwrap();
    }
    let found = layout::volumes(images.join("two.a")).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["series_1", "series_2"]);
    assert_eq!(read_volume(&found["series_1"]).unwrap(), expected);
    let text = message(&images.join("two.a"));
    assert!(text.contains("2 series"), "{text}");
    assert!(text.contains("`series_1`, `series_2`"), "{text}");
}
