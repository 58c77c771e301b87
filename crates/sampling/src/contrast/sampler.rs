//! The contrast sampler.

use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::activation::softmax;

use super::config::{ContrastConfig, ContrastInput, ContrastSamples};
use super::features::{class_means, many_rows, rows};
use super::index::VoxelIndex;
use super::random::RandomNumbers;
use crate::error::SamplingError;

/// Draws queries, positives and negatives for regional contrast, without device-to-host transfers.
///
/// Let `A_c` be the valid voxels of class `c`, and `H_c` those of them whose predicted probability of `c`
/// is below the hard threshold:
///
/// - positive: `mu_c = mean of r over A_c`;
/// - queries: drawn from `H_c`, uniformly with replacement;
/// - negatives of each query: a class `c'` drawn from
///   `softmax over valid c' != c of cos(mu_c, mu_c') / temperature`, then a voxel of `A_c'`,
///   uniformly with replacement. With two classes this is a voxel of the other class.
///
/// Counts and lists stay on the device. Random numbers are drawn on the host, keyed by
/// (seed, step, "contrast").
///
/// # Notes
///
/// The gradient flows only through the queries. Class means are one matrix product; a GPU that computes
/// it in TF32 rounds the representations first. Results have the number format of the representations;
/// `f16` and `bf16` are widened for the means.
///
/// # References
///
/// - You et al., "Bootstrapping semi-supervised medical image segmentation with anatomical-aware
///   contrastive distillation", IPMI 2023, arXiv 2206.02307: anatomical contrast.
/// - Liu et al., "Bootstrapping semantic segmentation with regional contrast", ICLR 2022,
///   arXiv 2104.04465.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_sampling::{ContrastConfig, ContrastInput, ContrastSampler};
///
/// let device = Device::flex();
/// let config = ContrastConfig { queries: 4, negatives: 3, ..ContrastConfig::default() };
/// let sampler = ContrastSampler::new(config, 2, 1337)?;
/// let labels = Tensor::<4, Int>::from_data([[[[0, 0, 1]]]], &device);
/// let samples = sampler.sample(
///     ContrastInput {
///         representations: Tensor::<4>::from_floats([[[[1.0, 3.0, 9.0]]]], &device),
///         valid: labels.clone().greater_equal_elem(0),
///         probability: Tensor::from_floats([[[[0.99, 0.4, 0.4]]]], &device),
///         labels,
///     },
///     0,
/// )?;
/// let read = |x: Tensor<1>| x.into_data().try_to_vec::<f32>().unwrap();
/// // The first voxel is not hard, which leaves the second as the only query of class 0.
/// assert_eq!(read(samples.queries.flatten(0, 2)), [3., 3., 3., 3., 9., 9., 9., 9.]);
/// assert_eq!(read(samples.positives.flatten(0, 1)), [2., 9.]);
/// assert_eq!(samples.negatives.dims(), [2, 4, 3, 1]);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastSampler {
    config: ContrastConfig,
    classes: usize,
    seed: u64,
}

impl ContrastSampler {
    /// Creates a sampler for the labels `0..classes`.
    ///
    /// # Errors
    ///
    /// If there are fewer than two classes, or a configuration value is out of range.
    pub fn new(config: ContrastConfig, classes: usize, seed: u64) -> Result<Self, SamplingError> {
        config.validate()?;
        if classes < 2 {
            let (field, expected) = ("classes", "at least 2, the background included");
            return Err(SamplingError::Setting {
                field,
                expected,
                found: classes.to_string(),
            });
        }
        Ok(Self {
            config,
            classes,
            seed,
        })
    }

    /// Draws the samples of one step.
    ///
    /// # Errors
    ///
    /// If the shapes are inconsistent, or there are more than 2^24 voxels or 2^31 - 1 elements of
    /// representations.
    ///
    /// # Panics
    ///
    /// If `D` is below 3.
    pub fn sample<const D: usize>(
        &self,
        input: ContrastInput<D>,
        step: u64,
    ) -> Result<ContrastSamples, SamplingError> {
        let [batch, width, space] = input.check_shapes()?;
        let voxels = batch * space;
        let mut random = RandomNumbers::new(self.seed, step, &input.representations.device());
        let features = input.representations.reshape([batch, width, space]);
        let constant = features.clone().detach();
        let probability = input.probability.detach().reshape([voxels]);
        let index = VoxelIndex::new(
            input.labels.reshape([voxels]),
            input.valid.reshape([voxels]),
            probability.lower_elem(self.config.hard_threshold),
            self.classes,
        );
        let positives = class_means(constant.clone(), index.members.clone(), index.all.clone());
        let hard = index.draw_hard(random.integers([self.classes, self.config.queries]));
        let classes = self.negative_classes(&positives, index.all.clone(), &mut random);
        let draws = classes.dims()[0];
        let others = index.draw(classes, random.integers([1, draws]).reshape([draws]));
        let (config, format) = (&self.config, constant.dtype());
        let present = |count: Tensor<1, Int>| count.greater_elem(0).float().cast(format);
        Ok(ContrastSamples {
            queries: rows(features, hard).reshape([self.classes, config.queries, width]),
            positives: positives.cast(format),
            negatives: many_rows(constant, others).reshape([
                self.classes,
                config.negative_sets(),
                config.negatives,
                width,
            ]),
            valid_classes: present(index.all),
            classes_with_queries: present(index.hard),
        })
    }

    /// Draws the class of every negative, `[classes * negatives per class]`.
    fn negative_classes(
        &self,
        means: &Tensor<2>,
        counts: Tensor<1, Int>,
        random: &mut RandomNumbers,
    ) -> Tensor<1, Int> {
        let (classes, draws) = (self.classes, self.config.negatives_per_class());
        let ids = Tensor::<1, Int>::arange(0..classes as i64, &means.device());
        let wide = [classes, draws];
        if classes == 2 {
            let other = ids.neg().add_scalar(1).reshape([2, 1]);
            return other.expand(wide).reshape([2 * draws]);
        }
        let row = ids.clone().reshape([1, classes]).expand([classes, classes]);
        let same = row
            .clone()
            .equal(ids.reshape([classes, 1]).expand([classes, classes]));
        let valid = counts
            .greater_elem(0)
            .reshape([1, classes])
            .expand([classes, classes]);
        let allowed = valid.bool_and(same.bool_not());
        let chances = class_chances(means, allowed.clone(), self.config.temperature);
        let last = (row * allowed.int()).max_dim(1).expand(wide);
        choose(chances, random.fractions(wide))
            .min_pair(last)
            .reshape([classes * draws])
    }
}

/// `softmax over the allowed c' of cos(mu_c, mu_c') / temperature`, `[classes, classes]`; rows without
/// an allowed class are zero. Computed in single precision for every feature format, like the random fractions.
fn class_chances(means: &Tensor<2>, allowed: Tensor<2, Bool>, temperature: f64) -> Tensor<2> {
    let means = means.clone().cast(DType::F32);
    let norms = means.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
    let directions = means / norms;
    let cosines = directions.clone().matmul(directions.transpose());
    let scores = cosines
        .div_scalar(temperature)
        .mask_fill(allowed.clone().bool_not(), -1e30);
    softmax(scores, 1) * allowed.float().cast(DType::F32)
}

/// Draws one class per fraction by inverting the cumulative probabilities; `chances`:
/// `[classes, classes]`, `fractions`: `[classes, draws]` in `[0, 1)`.
///
/// The probabilities need not sum to one. Rounding can yield one class too many; the caller clamps the
/// result.
fn choose(chances: Tensor<2>, fractions: Tensor<2>) -> Tensor<2, Int> {
    let [classes, _] = chances.dims();
    let reached = chances.cumsum(1);
    let column = |c: usize| reached.clone().slice([0..classes, c..c + 1]);
    let wide = fractions.dims();
    let thresholds = fractions * column(classes - 1);
    let passed = |c| column(c).expand(wide).lower_equal(thresholds.clone()).int();
    (1..classes).fold(passed(0), |count, c| count + passed(c))
}

#[cfg(test)]
mod tests;
