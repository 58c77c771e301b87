//! The saved state of a memory bank.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::FeatureQueue;
use crate::error::SamplingError;

/// The saved state of a [`FeatureQueue`].
///
/// `values` holds the entries in slot order, row-major.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueState {
    /// The slot of the next entry.
    pub pointer: usize,
    /// The number of slots with enqueued entries, at most the capacity.
    pub filled: usize,
    /// `[capacity, entry shape…]`.
    pub shape: Vec<usize>,
    /// The elements of all entries.
    pub values: Vec<f32>,
}

impl FeatureQueue {
    /// Restores a bank from its saved state.
    ///
    /// # Errors
    ///
    /// If the number of values, the pointer or the number of filled slots is inconsistent with the shape.
    pub fn from_state(state: QueueState, device: &Device) -> Result<Self, SamplingError> {
        let QueueState {
            pointer,
            filled,
            shape,
            values,
        } = state;
        let (&capacity, entry) = shape.split_first().unwrap_or((&0, &[]));
        check_sides(capacity, entry)?;
        let broken = |expected, found| Err(SamplingError::QueueState { expected, found });
        let expected = shape
            .iter()
            .try_fold(1usize, |count, &side| count.checked_mul(side));
        if expected != Some(values.len()) {
            return broken(
                format!("the elements of shape {shape:?}"),
                format!("{}", values.len()),
            );
        }
        if pointer >= capacity || filled > capacity {
            let found = format!("pointer {pointer}, {filled} filled");
            return broken(format!("at most {capacity} places"), found);
        }
        let plain = if device.is_autodiff() {
            device.clone().inner()
        } else {
            device.clone()
        };
        let data = TensorData::new(values, [capacity, entry.iter().product()]);
        let (entry, device) = (entry.to_vec(), device.clone());
        Ok(Self {
            values: Tensor::from_data(data, &plain),
            entry,
            pointer,
            filled,
            device,
        })
    }

    /// Reads the full state of the bank from the device, for a checkpoint.
    ///
    /// # Panics
    ///
    /// If the device does not respond, or does not compute in `f32`.
    pub fn to_state(&self) -> QueueState {
        let values = self.values.to_data().convert::<f32>().try_to_vec();
        QueueState {
            pointer: self.pointer,
            filled: self.filled,
            shape: [&[self.capacity()], self.entry.as_slice()].concat(),
            values: values.expect("the data was converted to f32"),
        }
    }
}

/// Checks that no side is zero and returns the length of an entry's vectors.
pub(super) fn check_sides(capacity: usize, entry: &[usize]) -> Result<usize, SamplingError> {
    match entry.last() {
        Some(&length) if capacity > 0 && !entry.contains(&0) => Ok(length),
        _ => Err(SamplingError::Setting {
            field: "queue shape",
            expected: "a positive capacity and at least one positive side",
            found: format!("capacity {capacity}, entry {entry:?}"),
        }),
    }
}
