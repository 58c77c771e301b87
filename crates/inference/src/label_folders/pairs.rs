//! Pairs of a prediction and the reference of its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::InferenceError;

/// A prediction and its reference.
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) prediction: PathBuf,
    pub(super) reference: PathBuf,
}

/// Returns the names of the references that belong to no pair.
pub(super) fn without_prediction(drawn: &BTreeMap<String, PathBuf>, pairs: &[Pair]) -> Vec<String> {
    let used: BTreeSet<&Path> = pairs.iter().map(|pair| pair.reference.as_path()).collect();
    let others = drawn
        .iter()
        .filter(|(_, path)| !used.contains(path.as_path()));
    others.map(|(id, _)| id.clone()).collect()
}

/// Pairs each prediction with the reference of its name; returns the names of those without one too.
pub(super) fn pairs(
    predicted: &BTreeMap<String, PathBuf>,
    drawn: &BTreeMap<String, PathBuf>,
    references: &Path,
) -> Result<(Vec<Pair>, Vec<String>), InferenceError> {
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    for (id, prediction) in predicted {
        // nnU-Net appends the channel's number to the names of images, but not to those of label maps.
        let without_channel = || {
            let case = id.strip_suffix("_0000")?;
            drawn.get(case).filter(|_| !predicted.contains_key(case))
        };
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
