//! Evaluation of one folder of label maps against another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use semivox_data::{LabelMap, LabeledCase, io, layout};

use crate::InferenceError;
use crate::evaluate::compare;
use crate::evaluation::{CaseEvaluation, Evaluation, Protocol};

/// Compares every `NAME.nii[.gz]` in `predictions` with its namesake in `references`.
///
/// There are as many classes as the largest label of all files says. References without prediction are left
/// out, and predictions without reference, whose names come second. `progress` is told how many of how
/// many pairs are done, from several threads.
///
/// # Errors
/// If a folder has no label maps, no prediction has a reference, or the two of a pair do not lie on one grid.
///
/// # Examples
/// ```
/// use ndarray::Array3;
/// use semivox_data::{Geometry, LabelMap, io};
/// use semivox_inference::label_folders;
///
/// let root = tempfile::tempdir().unwrap();
/// let labels = LabelMap::new(Array3::ones((4, 4, 4)), Geometry::default());
/// for folder in ["predicted", "drawn"] {
///     std::fs::create_dir(root.path().join(folder)).unwrap();
///     io::write_labels(root.path().join(folder).join("a.nii.gz"), &labels)?;
/// }
/// let (predicted, drawn) = (root.path().join("predicted"), root.path().join("drawn"));
/// let (evaluation, alone) = label_folders::evaluate(&predicted, &drawn, &|_, _| ())?;
/// assert!(alone.is_empty());
/// assert_eq!(evaluation.mean.dice, Some(1.0));
/// # Ok::<(), semivox_inference::InferenceError>(())
/// ```
pub fn evaluate(
    predictions: &Path,
    references: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Evaluation, Vec<String>), InferenceError> {
    let (predicted, drawn) = (some_files(predictions)?, layout::volumes(references)?);
    let (cases, alone) = pairs(&predicted, &drawn, references)?;
    let classes = classes(&cases)?;
    let done = AtomicUsize::new(0);
    let results: Result<Vec<CaseEvaluation>, InferenceError> = cases
        .par_iter()
        .map(|case| {
            let result = evaluate_pair(case, classes)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len());
            Ok(result)
        })
        .collect();
    let protocol = Protocol {
        method: format!("label maps in {}", predictions.display()),
        preset: "none".into(),
        checkpoint: "unknown".into(),
        postprocessing: "unknown".into(),
        device: "unknown".into(),
        ..Protocol::default()
    };
    Ok((Evaluation::new(protocol, results?), alone))
}

fn some_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, InferenceError> {
    let files = layout::volumes(folder)?;
    if files.is_empty() {
        return Err(InferenceError::unexpected(
            folder.display(),
            format!("label maps ({})", io::READABLE),
            "none",
            "give the folder that holds them",
        ));
    }
    Ok(files)
}

/// Each prediction with the case whose label map bears its name, and the names of those without; the prediction
/// stands in for the image, whose grid it has to share.
fn pairs(
    predicted: &BTreeMap<String, PathBuf>,
    drawn: &BTreeMap<String, PathBuf>,
    references: &Path,
) -> Result<(Vec<LabeledCase>, Vec<String>), InferenceError> {
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    for (id, path) in predicted {
        match drawn.get(id) {
            None => alone.push(id.clone()),
            Some(label) => pairs.push(LabeledCase {
                id: id.clone(),
                image: path.clone().into(),
                label: label.clone().into(),
            }),
        }
    }
    if pairs.is_empty() {
        return Err(InferenceError::unexpected(
            references.display(),
            "label maps named as the predictions are",
            format!(
                "none for all {} ({}, …)",
                alone.len(),
                alone[..alone.len().min(3)].join(", ")
            ),
            "give the folder of the drawn label maps, or rename them",
        ));
    }
    Ok((pairs, alone))
}

/// The number of classes by the largest label of all files, at least one beside the background.
fn classes(cases: &[LabeledCase]) -> Result<usize, InferenceError> {
    let largest: Result<Vec<u8>, InferenceError> = cases
        .par_iter()
        .map(|case| {
            let labels = [io::read_label(&case.image)?, io::read_label(&case.label)?];
            Ok(labels.iter().flat_map(LabelMap::values).max().unwrap_or(0))
        })
        .collect();
    let largest = largest?.into_iter().max().unwrap_or(0);
    Ok(usize::from(largest).max(1) + 1)
}

/// The prediction is read as the case's image, which checks that both lie on one grid; that it holds labels, [`classes`] has found.
fn evaluate_pair(case: &LabeledCase, classes: usize) -> Result<CaseEvaluation, InferenceError> {
    let (prediction, reference) = case.load_checked(classes)?;
    let labels = prediction.first().data.mapv(|label| label as u8);
    let prediction = LabelMap::new(labels, *prediction.geometry());
    Ok(CaseEvaluation {
        id: case.id.clone(),
        classes: compare(&prediction, reference.data.view(), classes)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array3;
    use semivox_data::Geometry;

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
        let (found, alone) = evaluate(&a, &b, &|_, _| ()).unwrap();
        assert_eq!(alone, ["one_background"]);
        assert_eq!((found.cases.len(), found.mean.dice), (2, Some(1.0)));
        let undefined = found.cases[0].classes[1].dice;
        assert_eq!((undefined, found.undefined.dice), (None, 2));
    }

    #[test]
    fn mistakes_name_the_files() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        let message = || evaluate(&a, &b, &|_, _| ()).unwrap_err().to_string();
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
}
