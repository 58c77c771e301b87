//! Opening, checking and reading of a run's data set.

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use semivox_data::cache::LabeledScan;
use semivox_data::inspect::{
    CaseFacts, Role, absent_classes, mixed_orientations, warnings, wrong_sides,
};
use semivox_data::layout::{self, HoldOut};
use semivox_data::{DataError, Dataset, LabelMap, LabeledCase, Patients, leaks, phantom};

use crate::config::{DataConfig, RunConfig};
use crate::error::TrainError;
use crate::observer::Observer;
use crate::run::folder::RunFolder;
use crate::training_set::TrainingSet;

/// Changes the path of a moved data set, and that of a list of test cases inside it.
pub(crate) fn moved_to(data: &mut DataConfig, root: PathBuf) -> Result<(), TrainError> {
    let Some(before) = &data.root else {
        return Err(TrainError::setting(
            "data",
            "none for a run on generated phantoms, which lie in its folder",
            root.display(),
            "leave it out",
        ));
    };
    if let Some(list) = &mut data.test_list
        && let Ok(inside) = list.strip_prefix(before)
    {
        *list = root.join(inside);
    }
    data.root = Some(root);
    Ok(())
}

/// Returns an error if the data set's folder is missing.
pub(crate) fn expect_data(data: &DataConfig) -> Result<(), TrainError> {
    match &data.root {
        Some(root) if !root.is_dir() => Err(TrainError::unexpected(
            root.display(),
            "the data set of this run",
            "no folder there",
            "restore it, or give its new folder with --resume --data FOLDER (Session::resume_moved)",
        )),
        _ => Ok(()),
    }
}

/// Opens a run's data set, holds out the listed test cases, removes the labels of all others but the first `labeled`, and
/// takes the validation cases out, which are returned beside it.
pub(crate) fn open_dataset(
    config: &RunConfig,
    run: &RunFolder,
) -> Result<(Dataset, Vec<LabeledCase>), TrainError> {
    let root = data_root(config, run);
    let test = match &config.data.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let DataConfig {
        layout, labeled, ..
    } = &config.data;
    let mut dataset = layout::open_split_as(root, *layout, &test, *labeled)?;
    let validation = match config.data.validation {
        Some(budget) => {
            let patients = patients_of(config, &dataset)?;
            dataset.take_last(budget, &patients)?
        }
        None => Vec::new(),
    };
    Ok((dataset, validation))
}

/// The data of a run.
pub(crate) struct Opened {
    pub(crate) dataset: Dataset,
    /// Labeled cases on which the result is measured, which are not in the data set.
    pub(crate) validation: Vec<LabeledCase>,
    /// The training cases, read.
    pub(crate) set: Arc<TrainingSet>,
}

/// Opens a run's data set and reads the training cases.
pub(crate) fn open(
    config: &RunConfig,
    run: &RunFolder,
    observer: &dyn Observer,
) -> Result<Opened, TrainError> {
    let (dataset, validation) = open_dataset(config, run)?;
    if dataset.classes.len() < 2 {
        return Err(TrainError::unexpected(
            &dataset.name,
            "label maps with at least one class",
            "background alone",
            "annotate what is to be segmented with the labels 1, 2, …",
        ));
    }
    if config.method.settings().needs_unlabeled() && dataset.unlabeled.is_empty() {
        return Err(TrainError::setting(
            "method",
            format!(
                "unlabeled cases, which {} learns from",
                config.method_name()
            ),
            format!("none beside the {} labeled", dataset.labeled.len()),
            "lower the number of labeled cases or use method supervised",
        ));
    }
    let set = TrainingSet::load(&dataset, &config.data.preprocess, observer)?;
    Ok(Opened {
        dataset,
        validation,
        set: Arc::new(set),
    })
}

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

/// Adds what is doubtful about the files of the cases to the notes of the data set, and returns the patients.
///
/// # Errors
/// If `patients.csv` is damaged.
pub(crate) fn tell_of_doubts(
    config: &RunConfig,
    dataset: &mut Dataset,
    facts: &[CaseFacts],
) -> Result<Patients, TrainError> {
    let patients = patients_of(config, dataset)?;
    let notes = &mut dataset.notes;
    notes.extend(warnings(facts));
    if config.data.preprocess.orientation.is_none() {
        notes.extend(mixed_orientations(facts));
    }
    notes.extend(wrong_sides(&dataset.classes, facts));
    notes.extend(patients.note());
    notes.extend(leaks::repeated(facts, &patients));
    Ok(patients)
}

/// Returns the patients of a run's cases.
///
/// # Errors
/// If `patients.csv` is damaged.
pub(crate) fn patients_of(config: &RunConfig, dataset: &Dataset) -> Result<Patients, TrainError> {
    Ok(match &config.data.root {
        Some(root) => Patients::open(root, dataset)?,
        None => Patients::guess(&dataset.case_names()),
    })
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

/// Returns the folder of a run's data set.
fn data_root(config: &RunConfig, run: &RunFolder) -> PathBuf {
    config.data.root.clone().unwrap_or_else(|| phantoms(run))
}

fn phantoms(run: &RunFolder) -> PathBuf {
    run.root().join("phantoms")
}

/// Writes generated scans in the LA layout, so that they are read in the same
/// way as real ones and open in any viewer.
pub(crate) fn generate(config: &RunConfig, run: &RunFolder) -> Result<(), TrainError> {
    let [train, test] = config.data.phantoms;
    let settings = phantom::PhantomConfig {
        seed: config.seed,
        ..config.data.phantom
    };
    Ok(phantom::write_dataset(
        &phantoms(run),
        train,
        test,
        &settings,
    )?)
}

/// Checks that some labeled case has a voxel of a class beside the background.
pub(crate) fn expect_labels(dataset: &Dataset, set: &TrainingSet) -> Result<(), TrainError> {
    let drawn = |case: &Arc<LabeledScan>| case.facts.labels.keys().any(|&label| label > 0);
    match set.labeled.is_empty() || set.labeled.iter().any(drawn) {
        true => Ok(()),
        false => Err(TrainError::unexpected(
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

/// Reports the share of ignored voxels and the classes that no label map has.
pub(crate) fn tell_of_labels(dataset: &Dataset, set: &TrainingSet, observer: &dyn Observer) {
    let maps = || set.labeled.iter().map(|case| &case.labels);
    let shares: Vec<f64> = maps().map(LabelMap::ignored_share).collect();
    let share = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    if share > 0.0 {
        observer.notice(&format!(
            "{share:.1} % of the voxels of labeled cases are ignored, as prepared for training"
        ));
    }
    let present = maps().flat_map(LabelMap::values).collect();
    if let Some(absent) = absent_classes(&dataset.classes, &present) {
        observer.notice(&absent);
    }
}
