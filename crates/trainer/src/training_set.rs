//! Training cases, read, checked and preprocessed once and kept in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use semivox_data::Dataset;
use semivox_data::cache::{LabeledScan, UnlabeledScan, load_labeled, load_unlabeled};
use semivox_data::inspect::CaseFacts;
use semivox_data::preprocess::Preprocess;

use semivox_inference::TrainingData;
use semivox_methods::plan::StagePlan;

use crate::error::TrainError;
use crate::observer::Observer;

/// The preprocessed training cases of a run.
#[derive(Debug, Default)]
pub struct TrainingSet {
    /// Labeled cases: images with their label maps.
    pub labeled: Vec<Arc<LabeledScan>>,
    /// Unlabeled cases: images alone.
    pub unlabeled: Vec<Arc<UnlabeledScan>>,
    /// The training data of the part of the run before it was resumed: a file may have been replaced since.
    pub earlier: TrainingData,
}

impl TrainingSet {
    /// Reads and preprocesses all training cases of `dataset` in parallel and
    /// reports each to `observer`.
    ///
    /// # Errors
    /// If a file has a mistake, or a case has another number of channels than the data set.
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
        let set = Self {
            labeled: load_labeled(labeled, preprocess, classes, first)?,
            unlabeled: load_unlabeled(unlabeled, preprocess, then)?,
            earlier: TrainingData::default(),
        };
        set.expect_channels(dataset)?;
        Ok(set)
    }

    /// Returns the properties of all cases' files, labeled ones first.
    pub fn facts(&self) -> Vec<CaseFacts> {
        let labeled = self.labeled.iter().map(|case| &case.facts);
        let unlabeled = self.unlabeled.iter().map(|case| &case.facts);
        labeled.chain(unlabeled).cloned().collect()
    }

    /// Returns the fingerprints of the scans that a method with these stages is trained on, with the earlier ones: without
    /// the unlabeled ones if no stage that has steps has batches with any.
    pub fn training_data(&self, stages: &[StagePlan]) -> TrainingData {
        let mut stages = stages.iter().filter(|stage| stage.steps > 0);
        let both = stages.any(|stage| stage.batch.unlabeled > 0);
        let labeled = self.labeled.iter().map(|case| &case.facts);
        let unlabeled = self.unlabeled.iter().map(|case| &case.facts);
        let unlabeled = unlabeled.filter(|_| both);
        TrainingData::new(
            labeled.map(|facts| facts.fingerprint.clone()),
            unlabeled.map(|facts| facts.fingerprint.clone()),
        )
        .union(&self.earlier)
    }

    /// Returns the set of a run that was trained on these scans before it was resumed.
    pub(crate) fn resumed(&self, earlier: TrainingData) -> Self {
        Self {
            labeled: self.labeled.clone(),
            unlabeled: self.unlabeled.clone(),
            earlier,
        }
    }

    /// Returns the set without the cases of some names.
    pub(crate) fn without(&self, names: &BTreeSet<String>) -> Self {
        let labeled = self.labeled.iter().filter(|case| !names.contains(&case.id));
        let unlabeled = self
            .unlabeled
            .iter()
            .filter(|case| !names.contains(&case.id));
        Self {
            labeled: labeled.cloned().collect(),
            unlabeled: unlabeled.cloned().collect(),
            earlier: self.earlier.clone(),
        }
    }

    /// Checks the number of channels of every case: a data set made in code may name other channels than its files
    /// have.
    fn expect_channels(&self, dataset: &Dataset) -> Result<(), TrainError> {
        let labeled = self.labeled.iter().map(|case| (&case.id, &case.scan));
        let unlabeled = self.unlabeled.iter().map(|case| (&case.id, &case.scan));
        let count = dataset.channel_count();
        for (id, scan) in labeled.chain(unlabeled) {
            let found = scan.image.channels().len();
            if found != count {
                return Err(TrainError::unexpected(
                    id,
                    format!(
                        "{count} channels, as the data set has ({:?})",
                        dataset.channels
                    ),
                    found.to_string(),
                    "name every channel in the data set, or correct the case's source",
                ));
            }
        }
        Ok(())
    }
}
