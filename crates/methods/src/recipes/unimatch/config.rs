//! Settings of UniMatch.

use serde::{Deserialize, Serialize};

use super::UniMatch;
use crate::confident::expect_before_end;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect, expect_both_kinds, expect_share, expect_weight, one_stage_settings,
};
use crate::mixing::Mixing;
use crate::optimizer::OptimizerConfig;
use crate::student_teacher::TeacherMode;

/// Settings of [`UniMatch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniMatchConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `τ`, the confidence from which a prediction is a pseudo-label.
    pub threshold: f64,
    /// Weights of the two strong views.
    pub strong_weights: [f64; 2],
    /// Weight of the weak view with perturbed features.
    pub feature_weight: f64,
    /// Share of the encoder's channels that the perturbation drops.
    pub feature_dropout: f64,
    /// Share of the run before which pseudo-labels have no weight.
    pub pseudo_from: f64,
    /// Whether pseudo-labels have no weight in steps in which less than half of the labeled foreground voxels are given
    /// their class. Off where a configuration lacks the key: it is older than the guard.
    #[serde(default)]
    pub pseudo_guard: bool,
    /// Mode of the network where it predicts pseudo-labels. Training where a configuration lacks the key.
    #[serde(default = "training")]
    pub pseudo_mode: TeacherMode,
    /// Mixing of the strong views and of their pseudo-labels.
    pub mixing: Mixing,
}

/// Returns the mode that all runs had before there was the key.
fn training() -> TeacherMode {
    TeacherMode::Train
}

impl UniMatchConfig {
    /// Returns the settings for a run of `iterations`: the published ones, but for those that the table of deviations
    /// calls ours.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            threshold: 0.95,
            strong_weights: [0.25; 2],
            feature_weight: 0.5,
            feature_dropout: 0.5,
            pseudo_from: 0.25,
            pseudo_guard: true,
            pseudo_mode: TeacherMode::Train,
            mixing: Mixing::CopyPaste,
        }
    }
}

impl MethodSettings for UniMatchConfig {
    one_stage_settings!();

    fn control(&self) -> &'static str {
        self.mixing.control()
    }

    fn maps_kept(&self) -> f64 {
        2.1
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_share("threshold", self.threshold)?;
        for weight in self.strong_weights {
            expect_weight("strong_weights", weight)?;
        }
        expect_weight("feature_weight", self.feature_weight)?;
        expect_before_end(self.pseudo_from)?;
        let dropout = self.feature_dropout;
        let some_kept = (0.0..1.0).contains(&dropout);
        expect(some_kept, "feature_dropout", "0 to below 1", dropout)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        Ok(Method::new(context).with_stage(UniMatch::new(self.clone())))
    }
}
