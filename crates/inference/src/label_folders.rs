//! Evaluation of one folder of label maps against another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use semivox_data::{LabelValues, io, layout};

use crate::evaluation::{CaseEvaluation, Evaluation, Protocol};
use crate::{Description, InferenceError};

use understood::{indices, understand, values};

mod understood;

/// The classes of label maps: their names, the background first, and their values in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedClasses {
    /// Names of the classes, the background first.
    pub names: Vec<String>,
    /// Values of the classes, and of ignored voxels.
    pub values: LabelValues,
}

impl DescribedClasses {
    /// Reads the classes of a model (a run folder or a safetensors file), or of a data set by its `dataset.json` or
    /// `classes.txt`.
    ///
    /// # Errors
    /// If there is no such file, or it describes no classes.
    pub fn read(path: &Path) -> Result<Self, InferenceError> {
        let is = |ending: &str| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case(ending))
        };
        if !path.is_dir() && !is("safetensors") {
            let (names, values) = layout::read_classes(path)?;
            return Ok(Self { names, values });
        }
        let Description {
            classes: names,
            label_values,
            ..
        } = Description::read(path)?;
        let values = label_values.unwrap_or_else(|| indices(names.len()));
        Ok(Self { names, values })
    }
}

/// The result of comparing two folders of label maps.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The metrics; their labels are voxel values of the references.
    pub evaluation: Evaluation,
    /// Names of the predictions without a reference.
    pub alone: Vec<String>,
    /// Notes for the user on the interpretation of voxel values, a sentence each.
    pub notes: Vec<String>,
}

/// Computes the metrics of every label map in `predictions` against the one of the same name in `references`.
///
/// Voxel values stand for the classes in `classes`. Predictions may hold class indices instead, if some of these are
/// not among the values; a note says so. Without `classes`, equal values are one class, and an error is returned if
/// neither folder's set of values contains the other's. Voxels that `classes` ignores are left out, see
/// [`evaluate_without`](semivox_metrics::evaluate_without).
///
/// A prediction `NAME_0000`, as nnU-Net names an image of one channel, belongs to `NAME` if there is no reference
/// `NAME_0000`. References without a prediction are left out, and so are predictions without a reference, which are
/// listed in the result. `progress` is called with the numbers of finished and of all pairs, from several threads.
///
/// # Errors
/// If a folder has no label maps, no prediction has a reference, the label maps of a pair have different grids, or
/// values are not in `classes` or do not match.
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
/// let found = label_folders::evaluate(&predicted, &drawn, None, &|_, _| ())?;
/// assert!(found.alone.is_empty());
/// assert_eq!(found.evaluation.mean.dice, Some(1.0));
/// # Ok::<(), semivox_inference::InferenceError>(())
/// ```
pub fn evaluate(
    predictions: &Path,
    references: &Path,
    classes: Option<&DescribedClasses>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Comparison, InferenceError> {
    let (predicted, drawn) = (some_files(predictions)?, layout::volumes(references)?);
    let (pairs, alone) = pairs(&predicted, &drawn, references)?;
    let understood = understand([predictions, references], &values(&pairs)?, classes)?;
    let done = AtomicUsize::new(0);
    let results: Result<Vec<CaseEvaluation>, InferenceError> = pairs
        .par_iter()
        .map(|pair| {
            let result = understood.evaluate(pair)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
            Ok(result)
        })
        .collect();
    Ok(Comparison {
        evaluation: Evaluation::new(protocol(predictions), results?),
        alone,
        notes: understood.notes,
    })
}

fn protocol(predictions: &Path) -> Protocol {
    Protocol {
        method: format!("label maps in {}", predictions.display()),
        preset: "none".into(),
        checkpoint: "unknown".into(),
        postprocessing: "unknown".into(),
        device: "unknown".into(),
        ..Protocol::default()
    }
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

/// A prediction and its reference.
struct Pair {
    id: String,
    prediction: PathBuf,
    reference: PathBuf,
}

/// Pairs each prediction with the reference of its name; returns the names of those without one too.
fn pairs(
    predicted: &BTreeMap<String, PathBuf>,
    drawn: &BTreeMap<String, PathBuf>,
    references: &Path,
) -> Result<(Vec<Pair>, Vec<String>), InferenceError> {
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    for (id, prediction) in predicted {
        // nnU-Net appends the channel's number to the names of images, but not to those of label maps.
        let without_channel = || drawn.get(id.strip_suffix("_0000")?);
        match drawn.get(id).or_else(without_channel) {
            None => alone.push(id.clone()),
            Some(reference) => pairs.push(Pair {
                id: id.clone(),
                prediction: prediction.clone(),
                reference: reference.clone(),
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

#[cfg(test)]
mod tests {
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
            message.contains("predicted") && message.contains("found 7"),
            "{message}"
        );
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
            found.notes[0].contains("class indices"),
            "{:?}",
            found.notes
        );
    }
}
