//! A memory bank of past embeddings.

mod state;

use burn::prelude::*;

use crate::error::SamplingError;
use crate::rng::{keyed_rng, unit_vector};

pub use state::QueueState;
use state::check_sides;

/// A first-in, first-out bank of the last `capacity` embeddings.
///
/// An entry is a tensor of any fixed shape: a global embedding `[D]`, or the embeddings of all
/// patches of an image `[P, F]`. New entries overwrite the oldest ones; of a batch larger than the bank
/// the last `capacity` entries are kept. A new bank holds random Gaussian vectors (along the last axis)
/// scaled to unit norm.
///
/// Entries are constants: they are detached from the autodiff graph and stored without normalization;
/// normalize them where they are used. They are kept in the device's default number format, `f32`,
/// whatever the format of a batch.
///
/// # References
///
/// He et al., "Momentum contrast for unsupervised visual representation learning", CVPR 2020.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_sampling::FeatureQueue;
///
/// let device = Device::flex();
/// let mut queue = FeatureQueue::new(3, &[2], 1337, "global", &device)?;
/// queue.enqueue(Tensor::<2>::from_floats([[1., 1.], [2., 2.]], &device))?;
/// queue.enqueue(Tensor::<2>::from_floats([[3., 3.], [4., 4.]], &device))?;
/// let entries = queue.entries::<2>().into_data().try_to_vec::<f32>().unwrap();
/// assert_eq!(entries, [4., 4., 2., 2., 3., 3.]);
/// assert_eq!(queue.pointer(), 1);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureQueue {
    /// `[capacity, elements per entry]`, on the device without autodiff.
    values: Tensor<2>,
    entry: Vec<usize>,
    pointer: usize,
    filled: usize,
    device: Device,
}

impl FeatureQueue {
    /// Creates a bank of random unit vectors drawn from (seed, name).
    ///
    /// # Errors
    ///
    /// If the capacity or a side of the entry is zero, or the entry has rank 0.
    pub fn new(
        capacity: usize,
        entry: &[usize],
        seed: u64,
        name: &str,
        device: &Device,
    ) -> Result<Self, SamplingError> {
        let length = check_sides(capacity, entry)?;
        let mut rng = keyed_rng(seed, 0, name);
        let rows = capacity * entry.iter().product::<usize>() / length;
        let values = (0..rows)
            .flat_map(|_| unit_vector(length, &mut rng))
            .collect();
        let shape = [&[capacity], entry].concat();
        Self::from_state(
            QueueState {
                pointer: 0,
                filled: 0,
                shape,
                values,
            },
            device,
        )
    }

    /// Overwrites the oldest entries with a batch.
    ///
    /// # Shapes
    ///
    /// - `batch`: `[any number, entry shape…]`
    ///
    /// # Errors
    ///
    /// If the shape of the batch's entries differs from the bank's.
    pub fn enqueue<const D: usize>(&mut self, batch: Tensor<D>) -> Result<(), SamplingError> {
        let found = batch.dims();
        if found.get(1..) != Some(self.entry.as_slice()) {
            let expected = [&found[..1], self.entry.as_slice()].concat();
            let found = found.to_vec();
            return Err(SamplingError::Shape {
                what: "a batch for the queue",
                expected,
                found,
            });
        }
        let batch = if batch.is_autodiff() {
            batch.inner()
        } else {
            batch
        };
        let batch = batch.cast(self.values.dtype());
        let (count, capacity) = (found[0], self.capacity());
        let kept = count.min(capacity);
        if kept == 0 {
            return Ok(());
        }
        let rows = batch
            .reshape([count, self.values.dims()[1]])
            .narrow(0, count - kept, kept);
        let start = (self.pointer + count - kept) % capacity;
        let first = kept.min(capacity - start);
        self.write(start, rows.clone().narrow(0, 0, first));
        if first < kept {
            self.write(0, rows.narrow(0, first, kept - first));
        }
        self.pointer = (self.pointer + count) % capacity;
        self.filled = (self.filled + kept).min(capacity);
        Ok(())
    }

    /// Marks all slots as empty; the next batch starts at the first slot.
    pub fn clear(&mut self) {
        (self.pointer, self.filled) = (0, 0);
    }

    /// Overwrites the slots from `start` on.
    fn write(&mut self, start: usize, rows: Tensor<2>) {
        let [count, length] = rows.dims();
        let values = self.values.clone();
        self.values = values.slice_assign([start..start + count, 0..length], rows);
    }

    /// All entries in slot order, `[capacity, entry shape…]`, as constants on the device the bank was
    /// created for.
    ///
    /// # Panics
    ///
    /// If `D` is not the rank of an entry plus one.
    pub fn entries<const D: usize>(&self) -> Tensor<D> {
        assert_eq!(D, self.entry.len() + 1, "expected entries of rank D - 1");
        let values = self.values.clone();
        let values = if self.device.is_autodiff() {
            Tensor::from_inner(values)
        } else {
            values
        };
        let mut shape = [self.capacity(); D];
        shape[1..].copy_from_slice(&self.entry);
        values.reshape(shape)
    }

    /// The number of slots.
    pub fn capacity(&self) -> usize {
        self.values.dims()[0]
    }

    /// The slot of the next entry.
    pub fn pointer(&self) -> usize {
        self.pointer
    }

    /// The number of slots with enqueued entries since the queue was made or cleared; the others hold random vectors or
    /// old entries.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

#[cfg(test)]
mod tests;
