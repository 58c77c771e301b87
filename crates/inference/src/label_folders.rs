//! Evaluation of one folder of label maps against another.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use semivox_data::{LabelValues, io, layout};

use crate::evaluation::{Evaluation, FailedCase, Protocol};
use crate::{Description, InferenceError};

use pairs::{Pair, pairs, without_prediction};
use understood::{indices, understand, values};

mod pairs;
mod understood;

/// The classes of label maps: their names, the background first, and their values in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedClasses {
    /// Names of the classes, the background first.
    pub names: Vec<String>,
    /// Values of the classes, and of ignored voxels.
    pub values: LabelValues,
    /// Whether the predictions hold class indices, in the order of the names, in place of the values. Otherwise they do
    /// where some of their numbers are not among the values.
    pub class_indices: bool,
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
            return Ok(Self {
                names,
                values,
                class_indices: false,
            });
        }
        let Description {
            classes: names,
            label_values,
            ..
        } = Description::read(path)?;
        let values = label_values.unwrap_or_else(|| indices(names.len()));
        Ok(Self {
            names,
            values,
            class_indices: false,
        })
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
/// Voxel values stand for the classes in `classes`. Predictions may hold class indices instead
/// ([`DescribedClasses::class_indices`]); a note says so where that is concluded from their numbers, or where these could
/// be both. Without `classes`, equal values are one class, and an error is returned if
/// neither folder's set of values contains the other's. Voxels that `classes` ignores are left out, see
/// [`evaluate_without`](semivox_metrics::evaluate_without).
///
/// A prediction `NAME_0000`, as nnU-Net names an image of one channel, belongs to `NAME` if there is no reference
/// `NAME_0000`. References without a prediction and predictions without a reference are left out and listed in the
/// result. A pair that cannot be read, or whose label maps have different grids, does not end the
/// evaluation: it is listed with its error in [`Evaluation::failed`]. `progress` is called with the numbers of finished and of all pairs, from several threads.
///
/// # Errors
/// If a folder has no label maps, no prediction has a reference, every pair fails, or values are not in `classes` or do
/// not match; the error names files that hold them.
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
    let (read, unreadable) = tried(&pairs, |pair| Ok((pair, values(pair)?)));
    let readable: Vec<&Pair> = read.iter().map(|(pair, _)| *pair).collect();
    expect_some(&readable, &unreadable, references)?;
    let understood = understand([predictions, references], &read, classes)?;
    let done = AtomicUsize::new(unreadable.len());
    let (results, other) = tried(&readable, |pair| {
        let result = understood.evaluate(pair);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
        result
    });
    let failed = [unreadable, other].concat();
    expect_some(&results, &failed, references)?;
    let mut evaluation = Evaluation::new(protocol(predictions), results);
    evaluation.failed = failed;
    evaluation.not_predicted = without_prediction(&drawn, &pairs);
    Ok(Comparison {
        evaluation,
        alone,
        notes: understood.notes,
    })
}

/// Applies `work` to every pair. Returns its results, and the pairs for which it failed.
fn tried<'a, P: Borrow<Pair> + Sync, T: Send>(
    pairs: &'a [P],
    work: impl Fn(&'a Pair) -> Result<T, InferenceError> + Sync,
) -> (Vec<T>, Vec<FailedCase>) {
    let attempt = |pair: &'a P| {
        let pair = pair.borrow();
        work(pair).map_err(|error| FailedCase {
            id: pair.id.clone(),
            error: error.to_string(),
        })
    };
    let attempts: Vec<Result<T, FailedCase>> = pairs.par_iter().map(attempt).collect();
    let (mut results, mut failed) = (Vec::new(), Vec::new());
    for attempt in attempts {
        match attempt {
            Ok(result) => results.push(result),
            Err(case) => failed.push(case),
        }
    }
    (results, failed)
}

/// Returns an error if every pair failed.
fn expect_some<T>(
    left: &[T],
    failed: &[FailedCase],
    references: &Path,
) -> Result<(), InferenceError> {
    match failed {
        [first, ..] if left.is_empty() => Err(InferenceError::unexpected(
            references.display(),
            "at least one pair of label maps that can be compared",
            format!("errors in all {}, the first: {}", failed.len(), first.error),
            "correct the files",
        )),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests;
