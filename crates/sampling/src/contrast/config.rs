//! Configuration, input and output of the contrast sampler.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::SamplingError;

/// Configuration of a [`ContrastSampler`](crate::ContrastSampler): sample counts and the threshold of hard voxels.
///
/// # Examples
///
/// ```
/// use semivox_sampling::ContrastConfig;
///
/// let config = ContrastConfig { queries: 64, negatives: 128, ..ContrastConfig::default() };
/// assert_eq!(config.hard_threshold, 0.97);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContrastConfig {
    /// Number of queries per class and batch.
    pub queries: usize,
    /// Number of negatives per query.
    pub negatives: usize,
    /// Temperature of the softmax over negative classes; only relevant for three classes or more.
    pub temperature: f64,
    /// A voxel is hard, and can be a query, if the predicted probability of its own class is below this.
    pub hard_threshold: f64,
    /// Whether all queries of a class share one set of negatives, which divides the memory for
    /// negatives by the number of queries. The paper draws a new set for each query.
    pub shared_negatives: bool,
}

impl Default for ContrastConfig {
    /// The values of ACTION: 256 queries, 512 negatives each, temperature 0.5, threshold 0.97.
    fn default() -> Self {
        Self {
            queries: 256,
            negatives: 512,
            temperature: 0.5,
            hard_threshold: 0.97,
            shared_negatives: false,
        }
    }
}

impl ContrastConfig {
    /// Checks the ranges of the fields.
    pub(super) fn validate(&self) -> Result<(), SamplingError> {
        let setting = |field, expected, found| {
            Err(SamplingError::Setting {
                field,
                expected,
                found,
            })
        };
        if self.queries == 0 {
            return setting("queries", "at least 1", "0".into());
        }
        if self.negatives == 0 {
            return setting("negatives", "at least 1", "0".into());
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return setting(
                "temperature",
                "positive and finite",
                self.temperature.to_string(),
            );
        }
        if self.hard_threshold.is_nan() {
            return setting("hard threshold", "a number", "NaN".into());
        }
        Ok(())
    }

    /// Number of negatives drawn per class.
    pub(super) fn negatives_per_class(&self) -> usize {
        self.negative_sets() * self.negatives
    }

    /// Number of negative sets per class.
    pub(super) fn negative_sets(&self) -> usize {
        if self.shared_negatives {
            1
        } else {
            self.queries
        }
    }
}

/// Most voxels of a batch that can be sampled: their indices are exact in single precision.
pub const MAX_VOXELS: usize = 1 << 24;

/// Most elements of a batch of representations that can be sampled: their indices are 32-bit integers.
pub const MAX_ELEMENTS: usize = i32::MAX as usize;

/// Input of the contrast sampler: representations, labels and masks of one batch.
///
/// # Shapes
///
/// - `representations`: `[batch, d, spatial…]`
/// - the others: `[batch, 1, spatial…]`
#[derive(Debug, Clone)]
pub struct ContrastInput<const D: usize> {
    /// The student's representations; the gradient of the queries flows into them.
    pub representations: Tensor<D>,
    /// Labels and pseudo-labels; voxels labeled -1 are never drawn.
    pub labels: Tensor<D, Int>,
    /// Mask of the voxels that may be drawn: all labeled ones and the confident pseudo-labeled ones.
    pub valid: Tensor<D, Bool>,
    /// The student's probability of the class in `labels`; no gradient flows through it.
    pub probability: Tensor<D>,
}

impl<const D: usize> ContrastInput<D> {
    /// Returns `[batch, representation width, voxels per sample]` if all shapes are consistent.
    pub(super) fn check_shapes(&self) -> Result<[usize; 3], SamplingError> {
        assert!(
            D >= 3,
            "expected representations [batch, d, spatial...], found rank {D}"
        );
        let shape = self.representations.dims();
        let mut expected = shape;
        expected[1] = 1;
        for (what, found) in [
            ("labels", self.labels.dims()),
            ("the validity map", self.valid.dims()),
            ("the probability map", self.probability.dims()),
        ] {
            if found != expected {
                let (expected, found) = (expected.to_vec(), found.to_vec());
                return Err(SamplingError::Shape {
                    what,
                    expected,
                    found,
                });
            }
        }
        if shape.contains(&0) {
            let expected = shape.iter().map(|&side| side.max(1)).collect();
            let (what, found) = ("representations", shape.to_vec());
            return Err(SamplingError::Shape {
                what,
                expected,
                found,
            });
        }
        let space = shape[2..].iter().product::<usize>();
        let (voxels, elements) = (shape[0] * space, shape[0] * shape[1] * space);
        for (what, limit, found) in [
            ("the number of voxels", MAX_VOXELS, voxels),
            (
                "the number of representation elements",
                MAX_ELEMENTS,
                elements,
            ),
        ] {
            if found > limit {
                return Err(SamplingError::TooLarge { what, limit, found });
            }
        }
        Ok([shape[0], shape[1], space])
    }
}

/// Queries, positives and negatives of each class.
///
/// A class that is absent, has no hard voxels or no other class to contrast with gets finite placeholder
/// rows; mask it out with [`ContrastSamples::class_weights`].
#[derive(Debug, Clone)]
pub struct ContrastSamples {
    /// `[classes, queries, d]`, hard voxels of each class; the only tensor with a gradient.
    pub queries: Tensor<3>,
    /// `[classes, d]`, the mean over all valid voxels of each class (zeros if absent).
    pub positives: Tensor<2>,
    /// `[classes, queries, negatives, d]`, voxels of other classes; `[classes, 1, negatives, d]`
    /// if the negatives are shared.
    pub negatives: Tensor<4>,
    /// `[classes]`, 1 where the class has a valid voxel, otherwise 0.
    pub valid_classes: Tensor<1>,
    /// `[classes]`, 1 where the class has a hard valid voxel, otherwise 0.
    pub classes_with_queries: Tensor<1>,
}

impl ContrastSamples {
    /// The weight of each class in the loss, `[classes]`.
    ///
    /// The weight is `[has queries] / number of valid classes`, or 0 everywhere if fewer than two classes are
    /// valid. The loss is the weighted sum of the per-class mean losses.
    pub fn class_weights(&self) -> Tensor<1> {
        let count = self.valid_classes.clone().sum();
        let contrast = count.clone().greater_equal_elem(2.0).float();
        let contrast = contrast.cast(count.dtype());
        self.classes_with_queries.clone() * (contrast / count.clamp_min(1.0))
    }
}
