//! Checks of single settings.

use std::fmt::Display;

use crate::error::MethodError;

/// Returns an error unless `holds`: `method.KEY: expected WANTED, found FOUND`.
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

/// Checks that a momentum, share or threshold is in 0 to 1.
pub(crate) fn expect_share(key: &str, value: f64) -> Result<(), MethodError> {
    expect((0.0..=1.0).contains(&value), key, "0 to 1", value)
}

/// Checks that a weight or a standard deviation is at least 0 and finite.
pub(crate) fn expect_weight(key: &str, value: f64) -> Result<(), MethodError> {
    expect(value >= 0.0 && value.is_finite(), key, "0 or more", value)
}

/// Checks that a size is at least 1.
pub(crate) fn expect_some(key: &str, size: usize) -> Result<(), MethodError> {
    expect(size > 0, key, "at least 1", size)
}

/// Checks that a temperature is above 0 and finite.
pub(crate) fn expect_positive(key: &str, value: f64) -> Result<(), MethodError> {
    expect(value > 0.0 && value.is_finite(), key, "above 0", value)
}

/// Checks that a batch has both labeled and unlabeled patches.
pub(crate) fn expect_both_kinds(key: &str, batch: [usize; 2]) -> Result<(), MethodError> {
    let some = !batch.contains(&0);
    expect(some, key, "at least 1 patch of each kind", 0)
}
