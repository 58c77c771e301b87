//! Evaluation of a model on labeled cases, each on its own voxel grid.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use ndarray::ArrayView3;
use semivox_data::{IGNORED, Image, LabelMap, LabeledCase};
use semivox_metrics::{ClassMetrics, evaluate_without};

use crate::evaluation::{CaseEvaluation, ClassEvaluation, Evaluation, Protocol};
use crate::{InferenceError, Model, SeenScans};

/// Evaluates `model` on `cases`; with a folder, writes each prediction to `ID.nii.gz` in it, and [`SeenScans`].
///
/// Cases in the training data of the model are marked as [`seen`](CaseEvaluation::seen), and so are those in `leaks`: a
/// sentence by case on its scan or patient in the training data, as known from the data set.
///
/// `progress` is called with the numbers of finished and of all cases before every case and at the end; if it breaks,
/// no further case is predicted and the result is `None`.
///
/// # Errors
/// If a case cannot be read or does not match the model's classes, or a prediction cannot be written.
pub fn evaluate(
    model: &Model,
    cases: &[LabeledCase],
    protocol: Protocol,
    leaks: &BTreeMap<String, String>,
    predictions: Option<&Path>,
    mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Option<Evaluation>, InferenceError> {
    let classes = model.classes().len();
    let mut results = Vec::with_capacity(cases.len());
    let mut scans = SeenScans::default();
    for (done, case) in cases.iter().enumerate() {
        if progress(done, cases.len()).is_break() {
            return Ok(None);
        }
        let (image, reference) = case.load_checked(classes)?;
        let prediction = model.segment(&image)?;
        if let Some(folder) = predictions {
            scans.begin(&case.id, folder)?;
            let path = folder.join(format!("{}.nii.gz", case.id));
            model.description().write_labels(path, &prediction)?;
        }
        record(&mut scans, case, model, &image, leaks);
        predictions.map_or(Ok(()), |folder| scans.write(folder))?;
        results.push(CaseEvaluation {
            id: case.id.clone(),
            seen: None,
            classes: compare(&prediction, reference.data.view(), classes)?,
        });
    }
    // All cases are done, so a break has no effect.
    let _ = progress(cases.len(), cases.len());
    let evaluation = scans.mark(Evaluation::new(protocol, results));
    Ok(Some(evaluation.with_seen(leaks)))
}

/// Records whether the scan or the patient of a case is in the training data.
fn record(
    scans: &mut SeenScans,
    case: &LabeledCase,
    model: &Model,
    image: &Image,
    leaks: &BTreeMap<String, String>,
) {
    scans.record(&case.id, model, image);
    if leaks.contains_key(&case.id) {
        scans.record_patient(&case.id);
    }
}

/// Computes the metrics of a predicted label map against its reference, one entry per foreground class, without the
/// voxels that the reference ignores.
///
/// # Errors
/// [`InferenceError::Metric`] if the two have different shapes.
pub fn compare(
    prediction: &LabelMap,
    reference: ArrayView3<'_, u8>,
    classes: usize,
) -> Result<Vec<ClassEvaluation>, InferenceError> {
    let spacing = prediction.geometry.spacing();
    let prediction = prediction.data.view();
    let found = evaluate_without(prediction, reference, IGNORED, classes, spacing)?;
    Ok(found.iter().map(class_evaluation).collect())
}

fn class_evaluation(metrics: &ClassMetrics) -> ClassEvaluation {
    ClassEvaluation {
        label: metrics.label.into(),
        dice: metrics.dice.value(),
        jaccard: metrics.jaccard.value(),
        hd95_mm: metrics.hd95_mm.value(),
        hd95_directed_max_mm: metrics.hd95_directed_max_mm.value(),
        asd_mm: metrics.asd_mm.value(),
        assd_mm: metrics.assd_mm.value(),
    }
}
