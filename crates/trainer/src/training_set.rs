//! Cases read, checked and prepared once, then kept in memory.

use ndarray::Array3;
use rayon::prelude::*;
use semivox_data::preprocess::Preprocess;
use semivox_data::{Dataset, LabeledCase, UnlabeledCase, check_labels};

use crate::error::TrainError;

/// The prepared training cases of a run.
///
/// An unlabeled case has no label here, nor had it a path to one.
#[derive(Debug)]
pub struct TrainingSet {
    /// Images with their label maps.
    pub labeled: Vec<(Array3<f32>, Array3<u8>)>,
    /// Images alone.
    pub unlabeled: Vec<Array3<f32>>,
}

impl TrainingSet {
    /// Reads and prepares all training cases of `dataset` in parallel.
    ///
    /// # Errors
    /// The first mistake found in a file, by name.
    pub fn load(dataset: &Dataset, preprocess: &Preprocess) -> Result<Self, TrainError> {
        let classes = dataset.classes.len();
        let labeled = |case: &LabeledCase| -> Result<_, TrainError> {
            let (image, labels) = case.load()?;
            check_labels(&labels, classes).map_err(|e| TrainError::Case {
                id: case.id.clone(),
                source: e,
            })?;
            let (scan, labels) = preprocess.apply_labeled(&image, &labels)?;
            Ok((scan.volume.data, labels.data))
        };
        let unlabeled = |case: &UnlabeledCase| -> Result<_, TrainError> {
            Ok(preprocess.apply(&case.load()?)?.volume.data)
        };
        Ok(Self {
            labeled: dataset
                .labeled
                .par_iter()
                .map(labeled)
                .collect::<Result<_, _>>()?,
            unlabeled: dataset
                .unlabeled
                .par_iter()
                .map(unlabeled)
                .collect::<Result<_, _>>()?,
        })
    }
}
