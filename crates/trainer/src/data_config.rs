//! The section `data` of a run's configuration.

use std::path::{Path, PathBuf};

use semivox_data::layout::Layout;
use semivox_data::phantom::PhantomConfig;
use semivox_data::preprocess::Preprocess;
use semivox_data::{LabelBudget, LabelValues};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Data set, number of labels and preprocessing of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The data set's folder; none for generated phantoms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// The folder's layout; none to detect it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Names of the classes, the background first. Filled in when a run starts, so that it can
    /// predict without its data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Names of the channels of every scan, in order; empty for one channel without a name. Filled in when a run
    /// starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Voxel values of the label maps with their class indices, 255 for ignored voxels; none if they are the indices.
    /// Filled in when a run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_values: Option<LabelValues>,
    /// The settings of `preprocess` that were taken from the training scans, which all have them: other scans are
    /// brought to them. Filled in when a run starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_scans: Vec<FromScans>,
    /// Number of training cases that keep their labels: `8` or `"10%"`; cases of one patient count as one.
    pub labeled: LabelBudget,
    /// A file that lists test cases, one per line. They are held out in addition to the
    /// data set's own test cases, before the `labeled` cases are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_list: Option<PathBuf>,
    /// Labeled cases that are not trained on but on which the result is measured: a number or a percentage of the
    /// `labeled` ones; the last of them, cases of one patient together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<LabelBudget>,
    /// Treatment of test cases whose scan or patient is in the training data too.
    #[serde(default, skip_serializing_if = "TestLeaks::is_refused")]
    pub test_leaks: TestLeaks,
    /// Number of threads that prepare batches.
    pub workers: usize,
    /// Number of batches prepared ahead of use.
    pub prefetch: usize,
    /// Numbers of generated training and test cases when `root` is absent.
    pub phantoms: [usize; 2],
    /// Anatomy of the phantoms; their seed is the run's.
    pub phantom: PhantomConfig,
    /// Preprocessing of every scan.
    pub preprocess: Preprocess,
}

/// A setting of preprocessing that was taken from the training scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromScans {
    /// `preprocess.orientation`.
    Orientation,
    /// `preprocess.spacing_mm`.
    SpacingMm,
}

/// Treatment of test cases whose scan or patient is in the training data too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestLeaks {
    /// The run does not start.
    #[default]
    Refuse,
    /// The training cases are left out.
    Exclude,
    /// They are trained on, and every result says so.
    Allow,
}

impl TestLeaks {
    fn is_refused(&self) -> bool {
        *self == Self::Refuse
    }
}

impl DataConfig {
    /// Returns the number of channels of every scan.
    pub fn channel_count(&self) -> usize {
        self.channels.len().max(1)
    }
}

/// Returns a path as an absolute one, which stays valid if a run is resumed from another working directory.
///
/// # Errors
/// [`TrainError::Unexpected`] if there is no working directory, or the path is empty.
pub fn absolute(path: &Path) -> Result<PathBuf, TrainError> {
    std::path::absolute(path)
        .map_err(|error| TrainError::unexpected(path.display(), "a path", error, "check it"))
}
