//! A memory bank of past embeddings.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::SamplingError;
use crate::rng::{keyed_rng, unit_vector};

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

    /// The number of slots with enqueued entries; the others still hold random vectors.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

/// Checks that no side is zero and returns the length of an entry's vectors.
fn check_sides(capacity: usize, entry: &[usize]) -> Result<usize, SamplingError> {
    match entry.last() {
        Some(&length) if capacity > 0 && !entry.contains(&0) => Ok(length),
        _ => Err(SamplingError::Setting {
            field: "queue shape",
            expected: "a positive capacity and at least one positive side",
            found: format!("capacity {capacity}, entry {entry:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// A batch whose entries are filled with the given numbers.
    fn batch(numbers: std::ops::Range<usize>) -> Tensor<2> {
        let values: Vec<f32> = numbers.clone().flat_map(|n| [n as f32; 2]).collect();
        Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([numbers.len(), 2])
    }

    proptest! {
        #[test]
        fn equals_writing_one_entry_at_a_time(
            capacity in 1usize..7, sizes in proptest::collection::vec(0usize..16, 1..5),
        ) {
            let mut queue = FeatureQueue::new(capacity, &[2], 9, "bank", &Device::flex()).unwrap();
            let mut expected = queue.to_state().values;
            let mut next = 0;
            for size in sizes {
                queue.enqueue(batch(next..next + size)).unwrap();
                for n in next..next + size {
                    expected[n % capacity * 2..][..2].fill(n as f32);
                }
                next += size;
            }
            let state = queue.to_state();
            prop_assert_eq!(state.values, expected);
            prop_assert_eq!((state.pointer, state.filled), (next % capacity, next.min(capacity)));
        }
    }

    #[test]
    fn starts_with_unit_vectors_along_the_last_axis() {
        let queue = FeatureQueue::new(5, &[3, 16], 1, "local", &Device::flex()).unwrap();
        let norms = queue
            .entries::<3>()
            .square()
            .sum_dim(2)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert!(norms.iter().all(|n| (n - 1.0).abs() < 1e-5), "{norms:?}");
        let other = FeatureQueue::new(5, &[3, 16], 1, "other", &Device::flex()).unwrap();
        assert_ne!(queue.to_state().values, other.to_state().values);
    }

    #[test]
    fn entries_are_constants_on_the_training_device() {
        let device = Device::flex().autodiff();
        let mut queue = FeatureQueue::new(4, &[2], 1, "bank", &device).unwrap();
        let features = Tensor::<2>::ones([3, 2], &device).require_grad();
        queue.enqueue(features.clone() * 2.0).unwrap();
        let loss = (queue.entries::<2>() * Tensor::ones([4, 2], &device).require_grad()).sum();
        assert!(features.grad(&loss.backward()).is_none());
        queue
            .enqueue(Tensor::<2>::ones([1, 2], &Device::flex()))
            .unwrap();
        assert_eq!(queue.pointer(), 0);
    }

    #[test]
    fn a_saved_bank_is_bit_equal_and_goes_on_alike() {
        let device = Device::flex();
        let mut queue = FeatureQueue::new(5, &[2], 3, "bank", &device).unwrap();
        queue.enqueue(batch(0..3) * 0.1).unwrap();
        let text = serde_json::to_string(&queue.to_state()).unwrap();
        let mut restored =
            FeatureQueue::from_state(serde_json::from_str(&text).unwrap(), &device).unwrap();
        let bits = |queue: &FeatureQueue| {
            queue
                .to_state()
                .values
                .iter()
                .map(|v| v.to_bits())
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(&queue), bits(&restored));
        queue.enqueue(batch(3..7)).unwrap();
        restored.enqueue(batch(3..7)).unwrap();
        assert_eq!(queue.to_state(), restored.to_state());
    }

    #[test]
    fn contradictions_are_refused() {
        let device = Device::flex();
        let sound = FeatureQueue::new(4, &[2], 3, "bank", &device)
            .unwrap()
            .to_state();
        for broken in [
            QueueState {
                pointer: 4,
                ..sound.clone()
            },
            QueueState {
                filled: 5,
                ..sound.clone()
            },
            QueueState {
                shape: vec![4, 3],
                ..sound.clone()
            },
            QueueState {
                shape: vec![8],
                ..sound.clone()
            },
            QueueState {
                shape: vec![],
                values: vec![],
                ..sound.clone()
            },
            QueueState {
                values: vec![0.0; 7],
                ..sound
            },
        ] {
            assert!(FeatureQueue::from_state(broken, &device).is_err());
        }
        assert!(FeatureQueue::new(0, &[2], 0, "bank", &device).is_err());
        let mut queue = FeatureQueue::new(4, &[2], 3, "bank", &device).unwrap();
        assert!(queue.enqueue(Tensor::<2>::zeros([1, 3], &device)).is_err());
        assert!(
            queue
                .enqueue(Tensor::<3>::zeros([1, 1, 2], &device))
                .is_err()
        );
    }
}
