//! Checks of a run's data set, against mistakes that would show after hours of training.

use std::sync::Arc;

use rayon::prelude::*;
use semivox_data::cache::LabeledScan;
use semivox_data::inspect::{
    CaseFacts, Role, absent_classes, cases_turned_by_guess, mixed_orientations, warnings,
    wrong_sides,
};
use semivox_data::preprocess::Preprocess;
use semivox_data::{DataError, Dataset, IGNORED, LabelMap, LabeledCase, Patients, leaks};

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::lost_labels::{advice, lost, on_grid};
use crate::observer::Observer;
use crate::training_set::TrainingSet;

/// Reads cases that are not trained on, to find errors before hours of training, and returns the properties of their
/// files.
pub(crate) fn check_cases(
    cases: &[LabeledCase],
    role: Role,
    classes: usize,
) -> Result<Vec<CaseFacts>, TrainError> {
    let check = |case: &LabeledCase| {
        let (image, labels) = case.load_checked(classes)?;
        Ok(CaseFacts::of(&case.id, role, &image, Some(&labels)))
    };
    let checked: Result<_, DataError> = cases.par_iter().map(check).collect();
    Ok(checked?)
}

/// Adds what is doubtful about the files of the cases to the notes of the data set.
pub(crate) fn tell_of_doubts(
    config: &RunConfig,
    dataset: &mut Dataset,
    facts: &[CaseFacts],
    patients: &Patients,
) {
    let notes = &mut dataset.notes;
    notes.extend(warnings(facts));
    match config.data.preprocess.orientation {
        Some(orientation) => notes.extend(cases_turned_by_guess(facts, orientation)),
        None => notes.extend(mixed_orientations(facts)),
    }
    notes.extend(wrong_sides(&dataset.classes, facts));
    notes.extend(patients.note());
    notes.extend(leaks::repeated(facts, patients));
}

/// Returns the settings with the data set's classes, channels and label values, which stay the same throughout a run.
pub(crate) fn with_names(
    mut config: RunConfig,
    dataset: &Dataset,
) -> Result<RunConfig, TrainError> {
    let data = &mut config.data;
    let named = [
        ("data.classes", &mut data.classes, &dataset.classes),
        ("data.channels", &mut data.channels, &dataset.channels),
    ];
    for (key, names, found) in named {
        if !names.is_empty() && names != found {
            return Err(TrainError::setting(
                key,
                format!("those of the data set, {found:?}"),
                format!("{names:?}"),
                "correct the list or leave it out",
            ));
        }
        names.clone_from(found);
    }
    let found = dataset.label_values();
    let stored = data.label_values.as_ref();
    if let Some(stored) = stored.filter(|&values| Some(values) != found) {
        let found = found.map_or("class indices".into(), ToString::to_string);
        return Err(TrainError::setting(
            "data.label_values",
            format!("those of the data set ({found})"),
            stored,
            "correct the description of the data set or leave the setting out",
        ));
    }
    data.label_values = found.cloned();
    Ok(config)
}

/// Checks that some labeled case has a voxel of a class beside the background, and has one after preprocessing.
pub(crate) fn expect_labels(
    dataset: &Dataset,
    set: &TrainingSet,
    preprocess: &Preprocess,
) -> Result<(), TrainError> {
    let drawn = |case: &Arc<LabeledScan>| case.facts.labels.keys().any(|&label| label > 0);
    let is_class = |&label: &u8| label > 0 && label != IGNORED;
    let kept = |case: &Arc<LabeledScan>| case.labels.values().iter().any(is_class);
    if set.labeled.is_empty() || set.labeled.iter().any(kept) {
        return Ok(());
    }
    match set.labeled.iter().find(|case| drawn(case)) {
        Some(case) => Err(TrainError::setting(
            "data.preprocess",
            "voxels of a class left in some label map",
            format!("none {}", on_grid(case)),
            advice(preprocess),
        )),
        None => Err(TrainError::unexpected(
            &dataset.name,
            format!(
                "voxels of a class ({}) in some label map",
                dataset.classes[1..].join(", ")
            ),
            "background and ignored voxels alone in all of them",
            "check the label maps, and that their values are those of classes.txt or dataset.json",
        )),
    }
}

/// Reports the share of ignored voxels, the classes that no label map has, and those that preprocessing loses.
pub(crate) fn tell_of_labels(
    dataset: &Dataset,
    set: &TrainingSet,
    preprocess: &Preprocess,
    observer: &dyn Observer,
) {
    let maps = || set.labeled.iter().map(|case| &case.labels);
    let shares: Vec<f64> = maps().map(LabelMap::ignored_share).collect();
    let share = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    if share > 0.0 {
        observer.notice(&format!(
            "{share:.1} % of the voxels of labeled cases are ignored, as prepared for training"
        ));
    }
    let drawn = set.labeled.iter().flat_map(|case| case.facts.labels.keys());
    let present = drawn.copied().collect();
    for sentence in lost(&dataset.classes, &set.labeled, preprocess) {
        observer.notice(&sentence);
    }
    if let Some(absent) = absent_classes(&dataset.classes, &present) {
        observer.notice(&absent);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array3;
    use semivox_data::layout::Layout;
    use semivox_data::{Geometry, Volume};

    /// A set of one case with some voxels of these labels, of which preprocessing leaves others.
    fn set(drawn: &[u8], left: fn(u8) -> u8) -> TrainingSet {
        let mut labels = Array3::zeros((16, 16, 8));
        for (at, &label) in drawn.iter().enumerate() {
            labels[[5, 5, at]] = label;
        }
        let geometry = Geometry::from_spacing([1.0; 3]);
        let image = Volume::new(labels.mapv(f32::from), geometry);
        let labels = LabelMap::new(labels, geometry);
        let (scan, mut prepared) = Preprocess::default()
            .apply_labeled(&image, &labels)
            .unwrap();
        prepared.data.mapv_inplace(left);
        let case = LabeledScan {
            id: "a".into(),
            scan,
            labels: prepared,
            facts: CaseFacts::of("a", Role::Labeled, &image.into(), Some(&labels)),
        };
        TrainingSet {
            labeled: vec![Arc::new(case)],
            ..TrainingSet::default()
        }
    }

    #[test]
    fn ignored_voxels_are_none_of_a_class() {
        let dataset = Dataset {
            name: "scans".into(),
            layout: Layout::Folder,
            classes: ["background", "lesion"].map(String::from).into(),
            channels: Vec::new(),
            labeled: Vec::new(),
            unlabeled: Vec::new(),
            test: Vec::new(),
            notes: Vec::new(),
        };
        let checked = |drawn: &[u8], left| {
            let found = expect_labels(&dataset, &set(drawn, left), &Preprocess::default());
            found.err().map_or(String::new(), |error| error.to_string())
        };
        assert_eq!(checked(&[1, IGNORED], |label| label), "");
        let none = checked(&[IGNORED; 8], |label| label);
        assert!(
            none.contains("background and ignored voxels alone"),
            "{none}"
        );
        let lost = checked(&[1, IGNORED], |label| if label == 1 { 0 } else { label });
        assert!(lost.contains("of a class left in some label map"), "{lost}");
    }
}
