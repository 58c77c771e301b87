//! Samplers that choose the cases of a batch.

use rand::RngExt;

use crate::error::SamplingError;
use crate::rng::keyed_rng;

/// The cases of one batch, as indices into the lists of labeled and unlabeled cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoStreamBatch {
    /// Indices into the list of labeled cases.
    pub labeled: Vec<usize>,
    /// Indices into the list of unlabeled cases.
    pub unlabeled: Vec<usize>,
}

/// One list of cases and its number of cases per batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stream {
    name: &'static str,
    cases: usize,
    per_batch: usize,
}

/// Creates the labeled and the unlabeled stream after checking their sizes.
fn streams(cases: [usize; 2], per_batch: [usize; 2]) -> Result<[Stream; 2], SamplingError> {
    if per_batch == [0, 0] {
        return Err(SamplingError::EmptyBatch);
    }
    let stream = |name, cases, per_batch| match (cases, per_batch) {
        (0, 1..) => Err(SamplingError::EmptyStream {
            stream: name,
            per_batch,
        }),
        _ => Ok(Stream {
            name,
            cases,
            per_batch,
        }),
    };
    Ok([
        stream("labeled", cases[0], per_batch[0])?,
        stream("unlabeled", cases[1], per_batch[1])?,
    ])
}

impl Stream {
    /// The cases of a step in the endless sequence of shuffled epochs.
    fn in_epochs(&self, seed: u64, step: u64) -> Vec<usize> {
        let (per_batch, cases) = (self.per_batch as u128, self.cases as u128);
        let mut picked = Vec::with_capacity(self.per_batch);
        let mut position = u128::from(step) * per_batch;
        while picked.len() < self.per_batch {
            let order = self.epoch(seed, (position / cases) as u64);
            let offset = (position % cases) as usize;
            let taken = (self.cases - offset).min(self.per_batch - picked.len());
            picked.extend_from_slice(&order[offset..offset + taken]);
            position += taken as u128;
        }
        picked
    }

    /// The shuffled order of the cases in one epoch (Fisher–Yates).
    fn epoch(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let mut rng = keyed_rng(seed, epoch, self.name);
        let mut order: Vec<usize> = (0..self.cases).collect();
        for last in (1..self.cases).rev() {
            order.swap(last, rng.random_range(0..=last as u64) as usize);
        }
        order
    }

    /// Independent uniform draws with replacement.
    fn with_replacement(&self, seed: u64, step: u64) -> Vec<usize> {
        let mut rng = keyed_rng(seed, step, self.name);
        let draw = |_| rng.random_range(0..self.cases as u64) as usize;
        (0..self.per_batch).map(draw).collect()
    }
}

/// Samples batches of labeled and unlabeled cases from two streams of shuffled epochs.
///
/// Each stream is an endless sequence of epochs; an epoch is a permutation of all its cases, keyed by
/// (seed, epoch, stream). The batch of step `s` takes the positions `s * n .. (s + 1) * n` of the
/// sequence. A batch is a pure function of seed and step: a resumed run needs no saved state, and data
/// loaders can ask from any thread in any order.
///
/// A stream may be smaller than its share of a batch; a case then occurs more than once in it. A batch
/// that spans two epochs may also hold a case twice.
///
/// # References
///
/// Yu et al., "Uncertainty-aware self-ensembling model for semi-supervised 3D left atrium
/// segmentation", MICCAI 2019, whose two-stream sampler is in common use.
///
/// # Examples
///
/// ```
/// use semivox_sampling::TwoStreamSampler;
///
/// // 8 labeled and 72 unlabeled volumes, 2 + 2 per batch: the labeled ones repeat every 4 steps.
/// let sampler = TwoStreamSampler::new(1337, 8, 72, 2, 2)?;
/// let mut seen: Vec<usize> = (0..4).flat_map(|step| sampler.batch(step).labeled).collect();
/// seen.sort_unstable();
/// assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoStreamSampler {
    seed: u64,
    streams: [Stream; 2],
}

impl TwoStreamSampler {
    /// Creates a sampler of two streams with the given sizes.
    ///
    /// # Errors
    ///
    /// If a stream that contributes to a batch has no cases, or if a batch is empty.
    pub fn new(
        seed: u64,
        labeled: usize,
        unlabeled: usize,
        labeled_per_batch: usize,
        unlabeled_per_batch: usize,
    ) -> Result<Self, SamplingError> {
        let streams = streams(
            [labeled, unlabeled],
            [labeled_per_batch, unlabeled_per_batch],
        )?;
        Ok(Self { seed, streams })
    }

    /// The batch of a step.
    pub fn batch(&self, step: u64) -> TwoStreamBatch {
        let [labeled, unlabeled] = self.streams.map(|stream| stream.in_epochs(self.seed, step));
        TwoStreamBatch { labeled, unlabeled }
    }
}

/// Samples batches of cases independently and uniformly, with replacement.
///
/// Used by stage iii of ACTION. A batch is a pure function of seed and step, as in
/// [`TwoStreamSampler`].
///
/// # Examples
///
/// ```
/// use semivox_sampling::UniformSampler;
///
/// let sampler = UniformSampler::new(1337, 8, 72, 2, 3)?;
/// let batch = sampler.batch(5);
/// assert_eq!((batch.labeled.len(), batch.unlabeled.len()), (2, 3));
/// assert_eq!(batch, sampler.batch(5));
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniformSampler {
    seed: u64,
    streams: [Stream; 2],
}

impl UniformSampler {
    /// Creates a sampler of two streams with the given sizes.
    ///
    /// # Errors
    ///
    /// If a stream that contributes to a batch has no cases, or if a batch is empty.
    pub fn new(
        seed: u64,
        labeled: usize,
        unlabeled: usize,
        labeled_per_batch: usize,
        unlabeled_per_batch: usize,
    ) -> Result<Self, SamplingError> {
        let streams = streams(
            [labeled, unlabeled],
            [labeled_per_batch, unlabeled_per_batch],
        )?;
        Ok(Self { seed, streams })
    }

    /// The batch of a step.
    pub fn batch(&self, step: u64) -> TwoStreamBatch {
        let [labeled, unlabeled] = self
            .streams
            .map(|stream| stream.with_replacement(self.seed, step));
        TwoStreamBatch { labeled, unlabeled }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_epoch_holds_every_case_once(
            seed: u64, cases in 1usize..20, per_batch in 1usize..30, epoch in 0usize..5,
        ) {
            let sampler = TwoStreamSampler::new(seed, cases, 0, per_batch, 0).unwrap();
            let sequence: Vec<usize> =
                (0..((epoch + 1) * cases).div_ceil(per_batch) as u64)
                    .flat_map(|step| sampler.batch(step).labeled)
                    .collect();
            let mut epoch = sequence[epoch * cases..(epoch + 1) * cases].to_vec();
            epoch.sort_unstable();
            prop_assert_eq!(epoch, (0..cases).collect::<Vec<_>>());
        }
    }

    #[test]
    fn streams_epochs_and_seeds_differ() {
        let sampler = TwoStreamSampler::new(3, 50, 50, 50, 50).unwrap();
        let first = sampler.batch(0);
        assert_ne!(first.labeled, first.unlabeled);
        assert_ne!(first.labeled, sampler.batch(1).labeled);
        let other = TwoStreamSampler::new(4, 50, 50, 50, 50).unwrap();
        assert_ne!(first, other.batch(0));
    }

    #[test]
    fn a_late_step_is_as_cheap_as_the_first() {
        let sampler = TwoStreamSampler::new(3, 7, 5, 2, 2).unwrap();
        assert!(sampler.batch(u64::MAX).labeled.iter().all(|&case| case < 7));
    }

    #[test]
    fn uniform_draws_reach_every_case_about_equally() {
        let sampler = UniformSampler::new(11, 5, 3, 2, 1).unwrap();
        let mut counts = [0usize; 5];
        for step in 0..2000 {
            for case in sampler.batch(step).labeled {
                counts[case] += 1;
            }
        }
        // 4000 draws, 800 expected each, standard deviation 25.
        assert!(counts.iter().all(|&n| n.abs_diff(800) < 130), "{counts:?}");
    }

    #[test]
    fn empty_streams_are_refused_only_if_used() {
        let empty = |stream, per_batch| Err(SamplingError::EmptyStream { stream, per_batch });
        assert_eq!(TwoStreamSampler::new(0, 0, 4, 1, 1), empty("labeled", 1));
        assert_eq!(TwoStreamSampler::new(0, 4, 0, 1, 2), empty("unlabeled", 2));
        assert_eq!(
            TwoStreamSampler::new(0, 4, 4, 0, 0),
            Err(SamplingError::EmptyBatch)
        );
        assert!(UniformSampler::new(0, 4, 0, 1, 2).is_err());
        let labeled_only = TwoStreamSampler::new(0, 4, 0, 2, 0).unwrap();
        assert!(labeled_only.batch(9).unlabeled.is_empty());
    }
}
