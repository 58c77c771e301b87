//! Evaluation of a network on held-out cases, in each case's own grid.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::ArrayView3;
use semivox_data::{Dataset, LabelMap, io, layout};
use semivox_metrics::ClassMetrics;
use semivox_models::Network;

use crate::config::RunConfig;
use crate::device;
use crate::error::TrainError;
use crate::inference::{PredictOptions, Predictor};
use crate::run::evaluation::{CaseEvaluation, ClassEvaluation, Evaluation, Protocol};
use crate::run::folder::RunFolder;
use crate::training::Observer;

/// Evaluates `network` on the test cases of `dataset`; with a run folder, writes each prediction
/// to `predictions/ID.nii.gz`. None if `stop` was set before the last case.
///
/// # Errors
/// If a case cannot be read or a prediction cannot be written.
pub fn evaluate(
    network: &Network,
    dataset: &Dataset,
    config: &RunConfig,
    run: Option<&RunFolder>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<Evaluation>, TrainError> {
    let (cases, classes) = (&dataset.test, dataset.classes.len());
    let device = device::by_name(&config.device)?;
    let plain = PredictOptions::default();
    let predictor = Predictor::new(network.clone(), config.clone(), device, plain)?;
    let mut results = Vec::with_capacity(cases.len());
    for (done, case) in cases.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        observer.evaluating(done, cases.len());
        let (image, reference) = case.load_checked(classes)?;
        let prediction = predictor.predict(image)?;
        if let Some(run) = run {
            let path = prediction_path(run, &case.id);
            io::write_labels(&path, &prediction)?;
        }
        results.push(CaseEvaluation {
            id: case.id.clone(),
            classes: compare(&prediction, reference.data.view(), classes)?,
        });
    }
    observer.evaluating(cases.len(), cases.len());
    Ok(Some(Evaluation::new(protocol(config, dataset)?, results)))
}

/// Where the prediction of a case lies.
pub(crate) fn prediction_path(run: &RunFolder, id: &str) -> std::path::PathBuf {
    run.predictions().join(format!("{id}.nii.gz"))
}

pub(crate) fn compare(
    prediction: &LabelMap,
    reference: ArrayView3<'_, u8>,
    classes: usize,
) -> Result<Vec<ClassEvaluation>, TrainError> {
    let spacing = prediction.geometry.spacing();
    let found = semivox_metrics::evaluate(prediction.data.view(), reference, classes, spacing)?;
    Ok(found.iter().map(class_evaluation).collect())
}

fn class_evaluation(metrics: &ClassMetrics) -> ClassEvaluation {
    ClassEvaluation {
        label: metrics.label,
        dice: metrics.dice.value(),
        jaccard: metrics.jaccard.value(),
        hd95_mm: metrics.hd95_mm.value(),
        hd95_directed_max_mm: metrics.hd95_directed_max_mm.value(),
        asd_mm: metrics.asd_mm.value(),
        assd_mm: metrics.assd_mm.value(),
    }
}

fn protocol(config: &RunConfig, dataset: &Dataset) -> Result<Protocol, TrainError> {
    let labeled = dataset.labeled.len();
    let units = labeled_units(config, dataset)?;
    Ok(Protocol {
        method: config.method_title(),
        preset: config.preset.clone(),
        labeled: Some(labeled),
        labeled_units: Some(units).filter(|&units| units != labeled),
        seed: config.seed,
        iterations: config.method.settings().iterations(),
        checkpoint: "last".into(),
        postprocessing: "none".into(),
        spacing_mm: config.data.preprocess.spacing_mm,
        commit: option_env!("SEMIVOX_COMMIT").map(str::to_string),
        device: config.device.clone(),
    })
}

/// How many patients or cases keep their labels; phantoms are cases.
fn labeled_units(config: &RunConfig, dataset: &Dataset) -> Result<usize, TrainError> {
    let Some(root) = &config.data.root else {
        return Ok(dataset.labeled.len());
    };
    let layout = layout::detect(root)?;
    let units = dataset.labeled.iter().map(|case| layout.unit(&case.id));
    Ok(units.collect::<HashSet<_>>().len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::preset;
    use ndarray::Array3;
    use semivox_data::Geometry;

    #[test]
    fn the_protocol_counts_patients_where_they_have_several_cases() {
        let root = tempfile::tempdir().unwrap();
        let ids = ["1_frame01", "1_frame12", "2_frame01", "2_frame09"];
        for folder in ["images", "labels"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            for id in ids {
                let path = root.path().join(format!("{folder}/patient00{id}.nii.gz"));
                let labels = LabelMap::new(Array3::ones((2, 2, 2)), Geometry::default());
                io::write_labels(path, &labels).unwrap();
            }
        }
        let mut config = preset("smoke", "supervised").unwrap();
        config.data.root = Some(root.path().to_path_buf());
        let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
        let found = protocol(&config, &dataset).unwrap();
        assert_eq!((found.labeled, found.labeled_units), (Some(2), Some(1)));
        // Whoever names the classes has cases of their own.
        std::fs::write(root.path().join("classes.txt"), "background\nheart\n").unwrap();
        let dataset = layout::open_labeled(root.path(), 1.into()).unwrap();
        let found = protocol(&config, &dataset).unwrap();
        assert_eq!((found.labeled, found.labeled_units), (Some(1), None));
        let json = serde_json::to_string(&found).unwrap();
        assert!(!json.contains("labeled_units"));
    }
}
