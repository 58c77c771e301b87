//! A memory bank of features with class labels.

use burn::prelude::*;

use crate::error::SamplingError;
use crate::queue::FeatureQueue;

/// The label of a slot that holds no enqueued entry.
const NONE: i32 = -1;

/// A [`FeatureQueue`] of single features with a class label per entry.
///
/// Until a slot is overwritten it holds a random direction with the label −1, which is not a class.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_sampling::LabeledQueue;
///
/// let device = Device::flex();
/// let mut queue = LabeledQueue::new(3, 2, 1337, "features", &device)?;
/// queue.enqueue(Tensor::<2>::ones([2, 2], &device), &[1, 0])?;
/// assert_eq!(queue.labels(), [1, 0, -1]);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LabeledQueue {
    features: FeatureQueue,
    labels: Vec<i32>,
}

impl LabeledQueue {
    /// Creates a bank of random unit vectors of `width` elements, drawn from (seed, name).
    ///
    /// # Errors
    ///
    /// If the capacity or the width is zero.
    pub fn new(
        capacity: usize,
        width: usize,
        seed: u64,
        name: &str,
        device: &Device,
    ) -> Result<Self, SamplingError> {
        Ok(Self {
            features: FeatureQueue::new(capacity, &[width], seed, name, device)?,
            labels: vec![NONE; capacity],
        })
    }

    /// Combines a restored bank with its labels.
    ///
    /// # Errors
    ///
    /// If the number of labels is not the capacity.
    pub fn from_parts(features: FeatureQueue, labels: Vec<i32>) -> Result<Self, SamplingError> {
        let (expected, found) = (features.capacity(), labels.len());
        if expected != found {
            return Err(SamplingError::QueueState {
                expected: format!("{expected} labels"),
                found: found.to_string(),
            });
        }
        Ok(Self { features, labels })
    }

    /// Overwrites the oldest entries with features `[any number, width]` and their classes.
    ///
    /// # Errors
    ///
    /// If the width of the features differs from the bank's, or there is not one class per feature.
    pub fn enqueue(&mut self, features: Tensor<2>, classes: &[i32]) -> Result<(), SamplingError> {
        let count = features.dims()[0];
        if count != classes.len() {
            return Err(SamplingError::Shape {
                what: "classes of a batch for the queue",
                expected: vec![count],
                found: vec![classes.len()],
            });
        }
        let first = self.features.pointer();
        self.features.enqueue(features)?;
        let capacity = self.labels.len();
        for (place, &class) in (first..).zip(classes) {
            self.labels[place % capacity] = class;
        }
        Ok(())
    }

    /// The features, in the order of [`labels`](Self::labels).
    pub fn features(&self) -> &FeatureQueue {
        &self.features
    }

    /// The class of each entry; −1 in slots not filled yet.
    pub fn labels(&self) -> &[i32] {
        &self.labels
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Features whose elements are their own class.
    fn features(classes: &[i32]) -> Tensor<2> {
        let values: Vec<f32> = classes.iter().flat_map(|&c| [c as f32; 2]).collect();
        Tensor::from_data(TensorData::new(values, [classes.len(), 2]), &Device::flex())
    }

    #[test]
    fn labels_stay_with_their_features_through_every_wrap() {
        let mut queue = LabeledQueue::new(5, 2, 1, "bank", &Device::flex()).unwrap();
        assert_eq!(queue.labels(), [-1; 5]);
        let mut next = 0;
        for size in [3, 4, 0, 1, 5, 12] {
            let classes: Vec<i32> = (next..next + size).collect();
            // Burn rejects tensors without elements; skip empty batches.
            if size > 0 {
                queue.enqueue(features(&classes), &classes).unwrap();
            }
            next += size;
            let entries = queue.features().entries::<2>().into_data();
            let entries = entries.try_to_vec::<f32>().unwrap();
            for (entry, &label) in entries.chunks(2).zip(queue.labels()) {
                assert!(label == NONE || entry == [label as f32; 2]);
            }
        }
        assert!(queue.labels().iter().all(|&label| label >= 20));
    }

    #[test]
    fn a_saved_bank_goes_on_alike_and_contradictions_are_refused() {
        let device = Device::flex();
        let mut queue = LabeledQueue::new(4, 2, 1, "bank", &device).unwrap();
        queue.enqueue(features(&[1, 2, 3]), &[1, 2, 3]).unwrap();
        let saved = queue.features().to_state();
        let saved = FeatureQueue::from_state(saved, &device).unwrap();
        let mut restored =
            LabeledQueue::from_parts(saved.clone(), queue.labels().to_vec()).unwrap();
        for queue in [&mut queue, &mut restored] {
            queue.enqueue(features(&[4, 5]), &[4, 5]).unwrap();
        }
        assert_eq!(queue.labels(), [5, 2, 3, 4]);
        assert_eq!(queue.labels(), restored.labels());
        assert_eq!(queue.features().to_state(), restored.features().to_state());
        assert!(LabeledQueue::from_parts(saved, vec![0; 3]).is_err());
        assert!(queue.enqueue(features(&[1]), &[1, 2]).is_err());
    }
}
