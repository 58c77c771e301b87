//! Unit tests: a memory bank of past embeddings.
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
fn a_cleared_bank_is_filled_from_its_first_slot() {
    let mut queue = FeatureQueue::new(3, &[1], 3, "bank", &Device::flex()).unwrap();
    let batch = |values| Tensor::<2>::from_floats(values, &Device::flex());
    queue.enqueue(batch([[1.0], [2.0]])).unwrap();
    queue.clear();
    assert_eq!((queue.pointer(), queue.filled()), (0, 0));
    queue.enqueue(batch([[3.0], [4.0]])).unwrap();
    let state = queue.to_state();
    assert_eq!((state.pointer, state.filled), (2, 2));
    assert_eq!(state.values[..2], [3.0, 4.0]);
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
