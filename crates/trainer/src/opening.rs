//! Opening and reading of a run's data set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semivox_data::layout::{self, HoldOut};
use semivox_data::{Dataset, LabeledCase, Patients, phantom};

use crate::config::{DataConfig, RunConfig, absolute};
use crate::error::TrainError;
use crate::observer::Observer;
use crate::run::cases::CaseList;
use crate::run::contents::FileStates;
use crate::run::folder::RunFolder;
use crate::test_leaks::leave_out;
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
        *list = absolute(&root.join(inside))?;
    }
    data.root = Some(absolute(&root)?);
    Ok(())
}

/// Returns whether two paths are of one folder.
pub(crate) fn is_same_folder(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || (real(one).is_some() && real(one) == real(other))
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
/// takes the validation cases out, which are returned beside it with the patients of all cases.
pub(crate) fn open_dataset(
    config: &RunConfig,
    run: &RunFolder,
) -> Result<(Dataset, Vec<LabeledCase>, Patients), TrainError> {
    let root = data_root(config, run);
    let test = match &config.data.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let DataConfig {
        layout, labeled, ..
    } = &config.data;
    let mut dataset = layout::open_split_as(root, *layout, &test, *labeled)?;
    let patients = patients_of(config, &dataset)?;
    let validation = match config.data.validation {
        Some(budget) => dataset.take_last(budget, &patients)?,
        None => Vec::new(),
    };
    Ok((dataset, validation, patients))
}

/// Returns a data set without the cases that an earlier run on it left out.
pub(crate) fn remaining(mut dataset: Dataset, run: &RunFolder) -> Result<Dataset, TrainError> {
    if let Some(CaseList { excluded, .. }) = CaseList::read(run)? {
        leave_out(&excluded, &mut dataset);
    }
    Ok(dataset)
}

/// The data of a run.
pub(crate) struct Opened {
    pub(crate) dataset: Dataset,
    /// Labeled cases on which the result is measured, which are not in the data set.
    pub(crate) validation: Vec<LabeledCase>,
    /// The patients of all cases, those of the validation among them.
    pub(crate) patients: Patients,
    /// The training cases, read.
    pub(crate) set: Arc<TrainingSet>,
    /// The state of all files before they were read, so that one that changed meanwhile is read again when it matters.
    pub(crate) states: FileStates,
}

/// Opens a run's data set and reads the training cases.
pub(crate) fn open(
    config: &RunConfig,
    run: &RunFolder,
    observer: &dyn Observer,
) -> Result<Opened, TrainError> {
    let (dataset, validation, patients) = open_dataset(config, run)?;
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
    let states = FileStates::of(&dataset, &validation)?;
    let set = TrainingSet::load(&dataset, &config.data.preprocess, observer)?;
    Ok(Opened {
        dataset,
        validation,
        patients,
        set: Arc::new(set),
        states,
    })
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
