//! Checks of a run's data set, against mistakes that would show after hours of training.

use std::sync::Arc;

use rayon::prelude::*;
use semivox_data::cache::LabeledScan;
use semivox_data::inspect::{
    CaseFacts, Role, absent_classes, cases_turned_by_guess, mixed_orientations, warnings,
    wrong_sides,
};
use semivox_data::preprocess::Preprocess;
use semivox_data::{DataError, Dataset, LabelMap, LabeledCase, Patients, leaks};

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
    let kept = |case: &Arc<LabeledScan>| case.labels.values().iter().any(|&label| label > 0);
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
