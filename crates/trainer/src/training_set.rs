//! Cases read, checked and prepared once, then kept in memory.

use std::sync::Arc;

use semivox_data::Dataset;
use semivox_data::cache::{LabeledScan, UnlabeledScan, load_labeled, load_unlabeled};
use semivox_data::preprocess::Preprocess;

use crate::error::TrainError;
use crate::observer::Observer;

/// The prepared training cases of a run.
#[derive(Debug)]
pub struct TrainingSet {
    /// Images with their label maps.
    pub labeled: Vec<Arc<LabeledScan>>,
    /// Images alone.
    pub unlabeled: Vec<Arc<UnlabeledScan>>,
}

impl TrainingSet {
    /// Reads and prepares all training cases of `dataset` in parallel and
    /// tells `observer` of each.
    ///
    /// # Errors
    /// A mistake found in a file, by name.
    pub fn load(
        dataset: &Dataset,
        preprocess: &Preprocess,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        let (labeled, unlabeled) = (&dataset.labeled, &dataset.unlabeled);
        let total = labeled.len() + unlabeled.len();
        let classes = dataset.classes.len();
        let first = |done, _| observer.reading(done, total);
        let then = |done, _| observer.reading(labeled.len() + done, total);
        Ok(Self {
            labeled: load_labeled(labeled, preprocess, classes, first)?,
            unlabeled: load_unlabeled(unlabeled, preprocess, then)?,
        })
    }
}
