//! Settings of a training method and their checks.

use std::fmt::Display;

use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;

/// The settings of a training method.
pub trait MethodSettings {
    /// Iterations in all.
    fn iterations(&self) -> u64;

    /// Changes the iterations in all.
    fn set_iterations(&mut self, iterations: u64);

    /// Changes how many labeled and unlabeled patches a batch has.
    fn set_batch(&mut self, batch: [usize; 2]);

    /// Whether the method learns from unlabeled cases.
    fn needs_unlabeled(&self) -> bool {
        true
    }

    /// Takes away or exchanges the part of the method that an ablation is named after.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] naming the known ablations, if there are any.
    fn ablate(&mut self, name: &str) -> Result<(), MethodError> {
        let expected = "none, as this method has no ablations; give the method's name alone";
        Err(MethodError::unknown("ablation", name, expected))
    }

    /// Refuses values out of range and patches that do not fit.
    ///
    /// # Errors
    /// [`MethodError::Setting`] with the key and the value found.
    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError>;

    /// The method, before its first stage.
    ///
    /// # Errors
    /// If the method's settings contradict the run's.
    fn method(&self, context: MethodContext) -> Result<Method, MethodError>;
}

/// Implements the part of [`MethodSettings`] that `iterations` and a `batch` of both kinds answer.
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
    };
}
pub(crate) use one_stage_settings;

/// [`MethodSettings::ablate`] of settings that have a function `ablation`.
macro_rules! ablations {
    () => {
        fn ablate(&mut self, name: &str) -> Result<(), MethodError> {
            *self = self.clone().ablation(name)?;
            Ok(())
        }
    };
}
pub(crate) use ablations;

/// Refuses a setting that does not hold: `method.KEY: expected WANTED, found FOUND`.
pub(crate) fn expect(
    holds: bool,
    key: &str,
    wanted: &str,
    found: impl Display,
) -> Result<(), MethodError> {
    match holds {
        true => Ok(()),
        false => Err(MethodError::setting(format!("method.{key}"), wanted, found)),
    }
}

/// Refuses a momentum or threshold outside of 0 to 1.
pub(crate) fn expect_share(key: &str, value: f64) -> Result<(), MethodError> {
    expect((0.0..=1.0).contains(&value), key, "0 to 1", value)
}

/// Refuses a weight or a deviation below 0.
pub(crate) fn expect_weight(key: &str, value: f64) -> Result<(), MethodError> {
    expect(value >= 0.0 && value.is_finite(), key, "0 or more", value)
}

/// Refuses a size of 0.
pub(crate) fn expect_some(key: &str, size: usize) -> Result<(), MethodError> {
    expect(size > 0, key, "at least 1", size)
}

/// Refuses a temperature that is not above 0.
pub(crate) fn expect_positive(key: &str, value: f64) -> Result<(), MethodError> {
    expect(value > 0.0 && value.is_finite(), key, "above 0", value)
}

/// Refuses a batch without one of its kinds.
pub(crate) fn expect_both_kinds(key: &str, batch: [usize; 2]) -> Result<(), MethodError> {
    let some = !batch.contains(&0);
    expect(some, key, "at least 1 patch of each kind", 0)
}
