//! Unit tests of the inspection of a data set.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::io::{write_labels, write_volume};
use crate::layout::Layout;
use crate::{Geometry, Image, LabelMap, Orientation, SourceHeader, Volume};
use ndarray::Array3;
use std::path::Path;

fn write(root: &Path, id: &str, geometry: Geometry, label: Option<u8>) {
    for folder in ["images", "labels"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    // Scans of different cases differ.
    let image = Array3::from_shape_fn((4, 4, 4), |(x, y, z)| match id {
        "a" => (x + y) as f32,
        _ => noise(id, [x, y, z]),
    });
    let file = |folder: &str| root.join(format!("{folder}/{id}.nii.gz"));
    write_volume(file("images"), &Volume::new(image, geometry)).unwrap();
    if let Some(label) = label {
        let mut labels = Array3::zeros((4, 4, 4));
        labels[[1, 1, 1]] = label;
        write_labels(file("labels"), &LabelMap::new(labels, geometry)).unwrap();
    }
}

/// A value from 0 to 96 that has nothing to do with its neighbors'.
fn noise(id: &str, [x, y, z]: [usize; 3]) -> f32 {
    let seed = usize::from(id.as_bytes()[0]);
    (((x * 31 + y * 17 + z * 7 + seed * 101) * 2_654_435_761) % 97) as f32
}

fn messages(found: &Inspection) -> Vec<String> {
    found.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn facts_warnings_and_errors_name_their_cases() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let ras = Geometry::from_spacing([1.0, 1.0, 2.0]);
    let mut lps = Geometry::from_spacing([1.0, 1.0, 8.0]);
    (lps.affine[0][0], lps.affine[1][1]) = (-1.0, -1.0);
    write(root, "a", ras, Some(1));
    write(root, "b", ras, Some(0));
    write(root, "c", lps, None);
    std::fs::write(root.join("classes.txt"), "background\nliver\ntumor\n").unwrap();
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    assert_eq!(found.dataset.layout, Layout::Folder);
    assert_eq!(found.of(Role::Labeled).count(), 2);
    let a = &found.cases[0];
    assert_eq!((a.id.as_str(), &a.intensities), ("a", &vec![[0.0, 6.0]]));
    assert_eq!(a.labels, BTreeMap::from([(0, 63), (1, 1)]));
    let warnings = found.warnings.join("\n");
    for expected in [
        "b: its label map contains only background",
        "no labeled case contains label 2 (tumor)",
        "RAS 2 (a, …), LPS 1 (c, …)",
        "factor of 3: 2.000 mm (a) and 8.000 mm (c) on the feet-head axis;",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
    assert_eq!((found.warnings.len(), found.errors.len()), (4, 0));
    write(root, "c", Geometry::from_spacing([1.0, 1.0, 2_000.0]), None);
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    let warnings = found.warnings.join("\n");
    assert!(
        warnings.contains("c: its voxels have sides of over 50 mm"),
        "{warnings}"
    );
    write(root, "c", lps, None);

    write(root, "d", ras, Some(7));
    std::fs::write(root.join("images/c.nii.gz"), [31, 139, 8]).unwrap();
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    let errors = messages(&found).join("\n");
    assert!(
        errors.contains("d.nii.gz") && errors.contains("label 7"),
        "{errors}"
    );
    assert!(errors.contains("c.nii.gz"), "{errors}");
    assert_eq!((found.cases.len(), found.errors.len()), (2, 2));

    // Without classes.txt the readable label maps determine the number of classes.
    std::fs::remove_file(root.join("classes.txt")).unwrap();
    std::fs::write(root.join("labels/a.nii.gz"), [31, 139, 8]).unwrap();
    write(root, "d", ras, Some(60));
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    let errors = messages(&found).join("\n");
    assert!(
        errors.contains("a.nii.gz") && errors.contains("c.nii.gz"),
        "{errors}"
    );
    assert!(errors.contains("found 0, 60"), "{errors}");
    assert_eq!((found.cases.len(), found.dataset.classes.len()), (2, 61));
    for id in ["a", "d"] {
        write(root, id, ras, Some(0));
    }
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    let errors = messages(&found).join("\n");
    assert!(errors.contains("background alone in all"), "{errors}");
}

/// Facts of a scan of this spacing along the axes of RAS, which its file stores in another orientation.
fn stored(id: &str, spacing_mm: [f64; 3], orientation: &str, knows_sides: bool) -> CaseFacts {
    let geometry = Geometry::from_spacing(spacing_mm);
    let data = Array3::from_shape_fn((4, 4, 4), |(x, y, z)| noise(id, [x, y, z]));
    let turn = Orientation::of(&geometry).reorientation_to(orientation.parse().unwrap());
    let image = turn.volume(&Volume::new(data, geometry)).into();
    CaseFacts {
        knows_sides,
        ..CaseFacts::of(id, Role::Labeled, &image, None)
    }
}

/// The same scan in another order of axes is no reason to doubt, and no hiding place for another spacing.
#[test]
fn spacings_are_compared_along_the_axes_of_the_body() {
    let thick = stored("a", [1.0, 1.0, 4.0], "RAS", true);
    let sagittal = |spacing_mm| stored("b", spacing_mm, "SRA", true);
    let same = sagittal([1.0, 1.0, 4.0]);
    assert_eq!(same.spacing_mm, [4.0, 1.0, 1.0]);
    let found = warnings(&[thick.clone(), same]);
    assert!(found.is_empty(), "{found:?}");
    // The spacings of both arrays are 1, 1 and 4 mm.
    let other = sagittal([1.0, 4.0, 1.0]);
    assert_eq!(other.spacing_mm, thick.spacing_mm);
    let found = warnings(&[thick.clone(), other]).join("\n");
    for expected in [
        "1.000 mm (a) and 4.000 mm (b) on the back-front axis, ",
        "1.000 mm (b) and 4.000 mm (a) on the feet-head axis; ",
    ] {
        assert!(found.contains(expected), "{found}");
    }
    let unknown = stored("c", [1.0; 3], "RAS", false);
    let found = warnings(&[thick, unknown]).join("\n");
    assert!(found.contains("feet-head axis (a guess"), "{found}");
}

#[test]
fn a_ct_scan_without_its_offset_is_named_among_others() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for (id, offset) in [("a", -1024.0), ("b", -1024.0), ("c", 0.0)] {
        write(root, id, Geometry::default(), Some(1));
        let data =
            Array3::from_shape_fn((4, 4, 4), |(x, y, z)| offset + 10.0 * noise(id, [x, y, z]));
        let path = root.join(format!("images/{id}.nii.gz"));
        write_volume(path, &Volume::new(data, Geometry::default())).unwrap();
    }
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    assert!(found.warnings[0].starts_with("c: its intensities begin near 0"));
    std::fs::remove_file(root.join("images/a.nii.gz")).unwrap();
    std::fs::remove_file(root.join("labels/a.nii.gz")).unwrap();
    let even = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    assert!(even.warnings.is_empty(), "one of two is no majority");
}

#[test]
fn ignored_voxels_are_counted_apart_and_absent_classes_named_in_one_line() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for id in ["a", "b"] {
        write(root, id, Geometry::default(), Some(2));
    }
    std::fs::write(
        root.join("classes.txt"),
        "background\nliver\nIgnore\nspleen\n",
    )
    .unwrap();
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    assert_eq!(found.dataset.classes, ["background", "liver", "spleen"]);
    assert_eq!(found.cases[0].labels, BTreeMap::from([(0, 63)]));
    assert_eq!(found.cases[0].ignored, 1);
    assert!(
        found.dataset.notes[0].contains("value 2 (ignore)"),
        "{:?}",
        found.dataset.notes
    );
    let absent = "no labeled case contains label 1 (liver), 2 (spleen)";
    assert!(
        found.warnings.contains(&absent.to_string()),
        "{:?}",
        found.warnings
    );
    std::fs::remove_file(root.join("classes.txt")).unwrap();
    for id in ["a", "b"] {
        write(root, id, Geometry::default(), Some(255));
    }
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    assert!(
        found.errors[0].message.contains("`255 class 1`"),
        "{:?}",
        found.errors
    );
    assert_eq!(
        (found.errors.len(), found.warnings.len()),
        (1, 0),
        "{:?}",
        found.warnings
    );
    assert_eq!(
        (found.cases[0].labels.get(&255), found.cases[0].ignored),
        (Some(&1), 0)
    );
}

#[test]
fn errors_of_a_kind_are_one_line_with_a_count() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for (id, sides) in [("a", 4), ("b", 5), ("c", 6)] {
        write(root, id, Geometry::default(), Some(1));
        let other = LabelMap::new(Array3::ones((sides, 4, 3)), Geometry::default());
        write_labels(root.join(format!("labels/{id}.nii.gz")), &other).unwrap();
    }
    write(root, "d", Geometry::default(), Some(1));
    std::fs::write(root.join("images/d.nii.gz"), [31, 139, 8]).unwrap();
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ()).unwrap();
    let lines = found.errors_by_kind();
    // The first is a part of its image's grid, which is mended otherwise than another shape.
    assert_eq!((found.errors.len(), lines.len()), (4, 3), "{lines:#?}");
    assert!(
        lines[0].contains("a part of the image's grid"),
        "{lines:#?}"
    );
    assert!(lines[1].starts_with("2 errors of this kind, the first: expected an image"));
    assert!(lines[1].ends_with("; likewise `c.nii.gz`"), "{lines:#?}");
    assert!(lines[2].contains("d.nii.gz"), "{lines:#?}");
}

#[test]
fn a_turn_by_a_guess_is_told_and_one_by_the_file_is_not() {
    let geometry = Geometry::from_spacing([1.0, 1.0, 2.0]);
    let (shape, to) = ([4, 5, 6], "LPS".parse().unwrap());
    let of = |header| {
        let volume = Volume::new(Array3::zeros(shape), geometry).with_header(Some(header));
        Image::from(volume)
    };
    let unknown = of(SourceHeader::without_sides(shape, geometry, Vec::new()));
    let known = of(SourceHeader::new(shape, geometry, None, Vec::new()));
    let told = turned_by_guess(&unknown, to).unwrap();
    assert!(
        told.starts_with("turned from RAS to LPS by a guess"),
        "{told}"
    );
    assert_eq!(turned_by_guess(&unknown, "RAS".parse().unwrap()), None);
    assert_eq!(turned_by_guess(&known, to), None);
    let cases = ["a", "b"].map(|id| CaseFacts::of(id, Role::Test, &unknown, None));
    let told = cases_turned_by_guess(&cases, to).unwrap();
    assert!(told.starts_with("a, b: turned from RAS to LPS"), "{told}");
    let cases = [CaseFacts::of("c", Role::Test, &known, None)];
    assert_eq!(cases_turned_by_guess(&cases, to), None);
}
