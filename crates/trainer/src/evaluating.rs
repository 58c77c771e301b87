//! Evaluation of a run's model on its test cases.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array3;
use semivox_data::{Dataset, IGNORED, LabelMap, LabeledCase, Patients, Source, io};
use semivox_inference::Model;
use semivox_inference::evaluation::{Evaluation, Protocol};

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::opening::patients_of;
use crate::run::folder::RunFolder;
use crate::test_leaks::Accepted;
use crate::training::Observer;

/// Evaluates `model` on the test cases of `dataset`; with a run folder, writes each prediction
/// to `predictions/ID.nii.gz`. Cases in the training data of the model are marked. None if `stop` was set before the last case.
///
/// # Errors
/// If a case or `patients.csv` cannot be read or a prediction cannot be written.
pub fn evaluate(
    model: &Model,
    dataset: &Dataset,
    config: &RunConfig,
    run: Option<&RunFolder>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<Evaluation>, TrainError> {
    let patients = patients_of(config, dataset)?;
    let known = Known {
        protocol: protocol(config, dataset, &patients),
        leaks: &Accepted::new(),
    };
    let folder = run.map(RunFolder::predictions);
    evaluate_as(model, &dataset.test, known, folder, observer, stop)
}

/// What is known of an evaluation beforehand.
pub(crate) struct Known<'a> {
    /// The conditions.
    pub(crate) protocol: Protocol,
    /// Test cases whose scan or patient is in the training data.
    pub(crate) leaks: &'a Accepted,
}

/// Evaluates `model` on the given cases, like [`evaluate`], where the patients and leaks of the data set are known.
///
/// # Errors
/// If a case cannot be read or a prediction cannot be written.
pub(crate) fn evaluate_as(
    model: &Model,
    cases: &[LabeledCase],
    known: Known<'_>,
    folder: Option<PathBuf>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<Evaluation>, TrainError> {
    let progress = |done, total| match stop.load(Ordering::Relaxed) && done < total {
        true => ControlFlow::Break(()),
        false => {
            observer.evaluating(done, total);
            ControlFlow::Continue(())
        }
    };
    let Known { protocol, leaks } = known;
    let folder = folder.as_deref();
    Ok(semivox_inference::evaluate(
        model, cases, protocol, leaks, folder, progress,
    )?)
}

/// Returns the path of a case's prediction.
pub(crate) fn prediction_path(run: &RunFolder, id: &str) -> PathBuf {
    run.predictions().join(format!("{id}.nii.gz"))
}

/// Reads the prediction of a case; its voxel values are those of the data set's label maps.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_prediction(
    run: &RunFolder,
    id: &str,
    dataset: &Dataset,
) -> Result<LabelMap, TrainError> {
    let path = prediction_path(run, id);
    Ok(io::read_label(&match dataset.label_values().cloned() {
        Some(values) => Source::MappedFile { path, values },
        None => path.into(),
    })?)
}

/// Returns the labels of a reference for a picture, with ignored voxels as background.
pub(crate) fn pictured(mut reference: LabelMap) -> Array3<u8> {
    let data = &mut reference.data;
    data.mapv_inplace(|label| if label == IGNORED { 0 } else { label });
    reference.data
}

/// The conditions of an evaluation of a run on its data set.
pub(crate) fn protocol(config: &RunConfig, dataset: &Dataset, patients: &Patients) -> Protocol {
    let labeled = dataset.labeled.len();
    let units = patients.count(dataset.labeled.iter().map(|case| case.id.as_str()));
    Protocol {
        method: config.method_title(),
        preset: config.preset.clone(),
        labeled: Some(labeled),
        labeled_units: Some(units).filter(|&units| units != labeled),
        seed: config.seed,
        iterations: config.iterations(),
        checkpoint: "last".into(),
        postprocessing: "none".into(),
        spacing_mm: config.data.preprocess.spacing_mm,
        slice_size: config.data.preprocess.slice_size,
        commit: option_env!("SEMIVOX_COMMIT").map(str::to_string),
        device: config.device.clone(),
        leaks: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::preset;
    use ndarray::Array3;
    use semivox_data::{Geometry, LabelMap, io, layout};

    #[test]
    fn the_protocol_counts_patients_where_they_have_several_cases() {
        let root = tempfile::tempdir().unwrap();
        let ids = ["1_frame01", "1_frame12", "2_frame01", "2_frame09"];
        for folder in ["images", "labels"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            for id in ids {
                let path = root.path().join(format!("{folder}/patient00{id}.nii.gz"));
                let geometry = Geometry::from_spacing([1.4, 1.4, 10.0]);
                let labels = LabelMap::new(Array3::ones((2, 2, 2)), geometry);
                io::write_labels(path, &labels).unwrap();
            }
        }
        let list = ids.map(|id| format!("patient00{id}\n")).concat();
        std::fs::write(root.path().join("train.list"), list).unwrap();
        let mut config = preset("smoke", "supervised").unwrap();
        config.data.root = Some(root.path().to_path_buf());
        let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
        let found = protocol(&config, &dataset, &patients_of(&config, &dataset).unwrap());
        assert_eq!((found.labeled, found.labeled_units), (Some(2), Some(1)));
        // A folder with `classes.txt` is not taken for ACDC, but names tell the patients there as well.
        std::fs::write(root.path().join("classes.txt"), "background\nheart\n").unwrap();
        let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
        let found = protocol(&config, &dataset, &patients_of(&config, &dataset).unwrap());
        assert_eq!((found.labeled, found.labeled_units), (Some(2), Some(1)));
        // Where each frame is of a patient of its own, the number of cases is enough.
        let each = ids.map(|id| format!("patient00{id},{id}\n")).concat();
        std::fs::write(root.path().join("patients.csv"), each).unwrap();
        let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
        let found = protocol(&config, &dataset, &patients_of(&config, &dataset).unwrap());
        assert_eq!((found.labeled, found.labeled_units), (Some(1), None));
        let json = serde_json::to_string(&found).unwrap();
        assert!(!json.contains("labeled_units"));
    }

    #[test]
    fn the_protocol_has_the_spacing_of_volumes_or_the_size_of_resampled_slices() {
        let dataset = Dataset {
            name: String::new(),
            layout: layout::Layout::Folder,
            classes: vec![],
            channels: vec![],
            labeled: vec![],
            unlabeled: vec![],
            test: vec![],
            notes: vec![],
        };
        let of = |config: &RunConfig| {
            let found = protocol(config, &dataset, &Patients::default());
            (found.spacing_mm, found.slice_size)
        };
        let mut config = preset("smoke", "supervised").unwrap();
        config.data.preprocess.spacing_mm = Some([1.0, 1.0, 2.5]);
        assert_eq!(of(&config), (Some([1.0, 1.0, 2.5]), None));
        config.data.preprocess.spacing_mm = None;
        config.data.preprocess.slice_size = Some([32, 48]);
        assert_eq!(of(&config), (None, Some([32, 48])));
        let found = protocol(&config, &dataset, &Patients::default());
        let json = serde_json::to_string(&found).unwrap();
        assert!(json.contains("\"slice_size\":[32,48]"), "{json}");
    }
}
