//! Settings of a training method and their checks.

use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::optimizer::OptimizerConfig;

pub(crate) use crate::expect::{
    expect, expect_both_kinds, expect_positive, expect_share, expect_some, expect_weight,
};

/// The settings of a training method.
pub trait MethodSettings {
    /// Returns the total number of iterations.
    fn iterations(&self) -> u64;

    /// Sets the total number of iterations.
    fn set_iterations(&mut self, iterations: u64);

    /// Returns the iterations of each stage, for methods of several stages.
    fn stages(&mut self) -> &mut [u64] {
        &mut []
    }

    /// Sets the number of labeled and of unlabeled patches per batch.
    fn set_batch(&mut self, batch: [usize; 2]);

    /// Returns the number of labeled and of unlabeled patches per batch, in the last stage.
    fn batch(&self) -> [usize; 2];

    /// Returns the optimizer and its schedule.
    fn optimizer(&self) -> &OptimizerConfig;

    /// Returns whether the last stage has Nesterov momentum.
    fn nesterov(&self) -> bool {
        false
    }

    /// Sets the optimizer and its schedule.
    fn set_optimizer(&mut self, optimizer: OptimizerConfig);

    /// Returns whether the method learns from unlabeled cases.
    fn needs_unlabeled(&self) -> bool {
        true
    }

    /// Returns the EMA momenta of teachers and key networks, to scale them to the length of the run.
    fn momenta(&mut self) -> Vec<&mut f64> {
        Vec::new()
    }

    /// Returns the run on labels alone that has the method's own augmentation, as `METHOD` or `METHOD:ABLATION`.
    ///
    /// A method's gain is what it has over this control and over plain supervised training.
    fn control(&self) -> &'static str {
        "supervised"
    }

    /// Returns the weight of the labeled loss in the last stage. Where it is another one than in other methods, steps on labels
    /// have another length at the same learning rate.
    fn label_weight(&self) -> f64 {
        1.0
    }

    /// Returns the memory of the maps that a step keeps for its backward passes, relative to those of the network alone on
    /// a [`batch`](Self::batch): above 1 where several networks, decoders or views are trained at once.
    ///
    /// It is the largest value among the stages, measured with `cargo bench --bench profile -- quick METHOD` on volumes.
    fn maps_kept(&self) -> f64 {
        1.0
    }

    /// Turns the settings into those of an ablation, which removes or exchanges one part of the method.
    ///
    /// # Errors
    /// [`MethodError::Unknown`], which lists the known ablations, if there are any.
    fn ablate(&mut self, name: &str) -> Result<(), MethodError> {
        let expected = "none, as this method has no ablations; give the method's name alone";
        Err(MethodError::unknown("ablation", name, expected))
    }

    /// Checks that all values are in range and that the patch size suits them.
    ///
    /// # Errors
    /// [`MethodError::Setting`] with the key and the value found.
    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError>;

    /// Creates the method, before its first stage.
    ///
    /// # Errors
    /// If the method's settings contradict the run's.
    fn method(&self, context: MethodContext) -> Result<Method, MethodError>;
}

/// Implements [`MethodSettings`] in part, for settings with the fields `iterations` and `batch: [usize; 2]`.
macro_rules! one_stage_settings {
    () => {
        fn iterations(&self) -> u64 {
            self.iterations
        }

        fn set_iterations(&mut self, iterations: u64) {
            self.iterations = iterations;
        }

        fn set_batch(&mut self, batch: [usize; 2]) {
            self.batch = batch;
        }

        fn batch(&self) -> [usize; 2] {
            self.batch
        }

        fn optimizer(&self) -> &OptimizerConfig {
            &self.optimizer
        }

        fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
            self.optimizer = optimizer;
        }
    };
}
pub(crate) use one_stage_settings;

/// Implements [`MethodSettings::ablate`] for settings with a function `ablation`.
macro_rules! ablations {
    () => {
        fn ablate(&mut self, name: &str) -> Result<(), MethodError> {
            *self = self.clone().ablation(name)?;
            Ok(())
        }
    };
}
pub(crate) use ablations;
