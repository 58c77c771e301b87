//! Cases read, checked and prepared once, then kept in memory.

use std::sync::Arc;

use semivox_data::Dataset;
use semivox_data::cache::{LabeledScan, UnlabeledScan, load_labeled, load_unlabeled};
use semivox_data::preprocess::Preprocess;

use crate::error::TrainError;

/// The prepared training cases of a run.
#[derive(Debug)]
pub struct TrainingSet {
    /// Images with their label maps.
    pub labeled: Vec<Arc<LabeledScan>>,
    /// Images alone.
    pub unlabeled: Vec<Arc<UnlabeledScan>>,
}

impl TrainingSet {
    /// Reads and prepares all training cases of `dataset` in parallel.
    ///
    /// # Errors
    /// A mistake found in a file, by name.
    pub fn load(dataset: &Dataset, preprocess: &Preprocess) -> Result<Self, TrainError> {
        let quiet = |_: usize, _: usize| {};
        let classes = dataset.classes.len();
        Ok(Self {
            labeled: load_labeled(&dataset.labeled, preprocess, classes, quiet)?,
            unlabeled: load_unlabeled(&dataset.unlabeled, preprocess, quiet)?,
        })
    }
}
