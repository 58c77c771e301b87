//! Unit tests: comparison of two folders of label maps.
#![allow(clippy::unwrap_used)]
use super::*;
use ndarray::Array3;
use semivox_data::{Geometry, IGNORED, LabelMap};

fn write(folder: &Path, id: &str, label: u8, side: usize, spacing: f64) {
    std::fs::create_dir_all(folder).unwrap();
    let mut data = Array3::zeros((side, 4, 4));
    data[[1, 1, 1]] = label;
    let labels = LabelMap::new(data, Geometry::from_spacing([spacing; 3]));
    io::write_labels(folder.join(format!("{id}.nii.gz")), &labels).unwrap();
}

#[test]
fn classes_follow_from_the_labels_and_absent_ones_are_undefined() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    for (id, label) in [("one", 1), ("two", 2)] {
        write(&a, id, label, 4, 1.0);
        write(&b, id, label, 4, 1.0);
    }
    write(&b, "three", 1, 4, 1.0);
    write(&a, "one_background", 1, 4, 1.0);
    let found = evaluate(&a, &b, None, &|_, _| ()).unwrap();
    assert_eq!(found.alone, ["one_background"]);
    assert_eq!(found.evaluation.not_predicted, ["three"]);
    let found = found.evaluation;
    assert_eq!((found.cases.len(), found.mean.dice), (2, Some(1.0)));
    let undefined = found.cases[0].classes[1].dice;
    assert_eq!((undefined, found.undefined.dice), (None, 2));
}

#[test]
fn mistakes_name_the_files() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    let message = || evaluate(&a, &b, None, &|_, _| ()).unwrap_err().to_string();
    assert!(message().contains("a folder"), "{}", message());
    std::fs::create_dir(&a).unwrap();
    assert!(message().contains("found none"), "{}", message());
    write(&a, "one", 1, 4, 1.0);
    write(&b, "eins", 1, 4, 1.0);
    assert!(
        message().contains("none for all 1 (one, …)"),
        "{}",
        message()
    );
    write(&b, "one", 1, 5, 1.0);
    assert!(message().contains("[5, 4, 4]"), "{}", message());
    write(&b, "one", 1, 4, 1.5);
    assert!(message().contains("one.nii.gz"), "{}", message());
}

#[test]
fn a_bad_pair_is_named_and_the_others_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    for (id, side) in [("good", 4), ("other_grid", 5), ("cut", 4)] {
        write(&a, id, 1, side, 1.0);
        write(&b, id, 1, 4, 1.0);
    }
    std::fs::write(b.join("cut.nii.gz"), [31, 139, 8]).unwrap();
    let found = evaluate(&a, &b, None, &|_, _| ()).unwrap().evaluation;
    assert_eq!((found.cases.len(), found.mean.dice), (1, Some(1.0)));
    let failed: Vec<&str> = found.failed.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(failed, ["cut", "other_grid"]);
    assert!(found.failed[1].error.contains("[5, 4, 4]"), "{found:?}");
    let file = root.path().join("evaluation.json");
    found.write(&file).unwrap();
    assert_eq!(Evaluation::read(&file).unwrap(), found);
}

/// Writes a row of voxels with the given values to each of two folders.
fn rows(values: [&[u32]; 2]) -> (tempfile::TempDir, [PathBuf; 2]) {
    let root = tempfile::tempdir().unwrap();
    let folders = ["predicted", "drawn"].map(|name| root.path().join(name));
    for (folder, values) in folders.iter().zip(values) {
        std::fs::create_dir(folder).unwrap();
        let known: std::collections::BTreeSet<u32> = values.iter().copied().collect();
        let classes = LabelValues::new(known.into_iter().zip(0..));
        let row = values
            .iter()
            .map(|&value| classes.class(value).unwrap())
            .collect();
        let row = Array3::from_shape_vec((1, 1, values.len()), row).unwrap();
        let row = LabelMap::new(row, Geometry::default());
        io::write_label_values(folder.join("a.nii.gz"), &row, &classes).unwrap();
    }
    (root, folders)
}

fn compared(
    values: [&[u32]; 2],
    classes: Option<&[(u32, u8)]>,
) -> Result<Comparison, InferenceError> {
    let (_root, [predicted, drawn]) = rows(values);
    let described = classes.map(|pairs| {
        let values = LabelValues::new(pairs.iter().copied());
        let names = (0..values.classes()).map(|class| format!("c{class}"));
        DescribedClasses {
            names: names.collect(),
            values,
            class_indices: false,
        }
    });
    evaluate(&predicted, &drawn, described.as_ref(), &|_, _| ())
}

/// Returns label and Dice of each class.
fn dice(found: &Comparison) -> Vec<(u32, Option<f64>)> {
    let classes = &found.evaluation.cases[0].classes;
    classes
        .iter()
        .map(|class| (class.label, class.dice))
        .collect()
}

#[test]
fn a_prediction_named_like_a_channel_belongs_to_the_case() {
    let (_root, [predicted, drawn]) = rows([&[0, 1], &[0, 1]]);
    let renamed = predicted.join("a_0000.nii.gz");
    std::fs::rename(predicted.join("a.nii.gz"), &renamed).unwrap();
    let found = evaluate(&predicted, &drawn, None, &|_, _| ()).unwrap();
    assert_eq!(dice(&found), [(1, Some(1.0))]);
    // Beside a prediction of the case's own name it belongs to nothing.
    std::fs::copy(&renamed, predicted.join("a.nii.gz")).unwrap();
    let found = evaluate(&predicted, &drawn, None, &|_, _| ()).unwrap();
    assert_eq!(
        (found.evaluation.cases.len(), found.alone),
        (1, vec!["a_0000".to_string()])
    );
    std::fs::remove_file(predicted.join("a.nii.gz")).unwrap();
    std::fs::rename(&renamed, predicted.join("a_0001.nii.gz")).unwrap();
    assert!(evaluate(&predicted, &drawn, None, &|_, _| ()).is_err());
}

#[test]
fn equal_values_are_one_class_whatever_their_size() {
    let found = compared([&[0, 205, 420, 420], &[0, 205, 205, 420]], None).unwrap();
    assert_eq!(
        dice(&found),
        [(205, Some(2.0 / 3.0)), (420, Some(2.0 / 3.0))]
    );
    let found = compared([&[0, 255, 255], &[0, 255, 0]], None).unwrap();
    assert_eq!(dice(&found), [(255, Some(2.0 / 3.0))]);
    // A value that only one of the two has is no mistake.
    let found = compared([&[0, 1, 1], &[0, 1, 3]], None).unwrap();
    assert_eq!(dice(&found), [(1, Some(2.0 / 3.0)), (3, Some(0.0))]);
}

#[test]
fn other_values_are_refused_with_the_mapping() {
    let message = compared([&[0, 1, 2], &[0, 205, 420]], None)
        .unwrap_err()
        .to_string();
    for part in [
        "0, 1, 2",
        "0, 205, 420",
        "`205 class 1`, `420 class 2`",
        "--classes",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(compared([&[0, 1], &[0, 255]], None).is_err());
    let described: &[(u32, u8)] = &[(0, 0), (205, 1)];
    let message = compared([&[0, 1], &[0, 420]], Some(described))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("drawn") && message.contains("420"),
        "{message}"
    );
    let message = compared([&[0, 7], &[0, 205]], Some(described))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("predicted") && message.contains("found 7 in a.nii.gz;"),
        "{message}"
    );
}

/// With `1 liver`, `2 liver`, `3 spleen` a 2 is liver as a value, and spleen as a class index.
#[test]
fn values_that_could_be_class_indices_are_told_and_can_be_read_so() {
    let (_root, [predicted, drawn]) = rows([&[0, 1, 2, 2], &[0, 1, 3, 3]]);
    let pairs = [(0, 0), (1, 1), (2, 1), (3, 2)];
    let mut described = DescribedClasses {
        names: ["background", "liver", "spleen"].map(String::from).into(),
        values: LabelValues::new(pairs),
        class_indices: false,
    };
    let read = |described: &DescribedClasses| {
        evaluate(&predicted, &drawn, Some(described), &|_, _| ()).unwrap()
    };
    let found = read(&described);
    assert_eq!(dice(&found), [(1, Some(0.5)), (3, Some(0.0))]);
    let note = &found.notes[0];
    assert!(
        note.contains("(2 for 3)") && note.contains("--class-indices"),
        "{note}"
    );
    described.class_indices = true;
    let found = read(&described);
    assert_eq!(dice(&found), [(1, Some(1.0)), (3, Some(1.0))]);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

/// Only a reference decides which voxels are left out.
#[test]
fn an_ignored_voxel_of_a_prediction_is_an_error_that_names_the_value_of_the_file() {
    let described: &[(u32, u8)] = &[(0, 0), (5, 1), (9, IGNORED)];
    let message = compared([&[9, 5, 9], &[9, 5, 0]], Some(described))
        .unwrap_err()
        .to_string();
    for part in ["predicted/a.nii.gz", "ignored value 9 in 1 such voxels"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn predictions_hold_the_values_described_or_class_indices() {
    let described: &[(u32, u8)] = &[(0, 0), (205, 1), (206, 1), (420, 2), (9, IGNORED)];
    let drawn: &[u32] = &[0, 205, 206, 420, 9, 9];
    let expected = [(205, Some(1.0)), (420, Some(2.0 / 3.0))];
    let found = compared([&[420, 205, 205, 420, 205, 420], drawn], Some(described)).unwrap();
    assert_eq!((dice(&found), found.notes.len()), (expected.to_vec(), 0));
    let found = compared([&[2, 1, 1, 2, 1, 2], drawn], Some(described)).unwrap();
    assert_eq!(dice(&found), expected);
    assert!(
        found.notes[0].contains("class indices (0 for 0, 1 for 205, 2 for 420)"),
        "{:?}",
        found.notes
    );
}
