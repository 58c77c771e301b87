//! Anatomical contrast of hard voxels with the mean of their class and with voxels of other classes.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::format::Format;
use crate::similarity::{check_temperature, inverse_norm, unit};
use crate::targets::to_float;

/// Configuration of [`AnatomicalContrastiveLoss`].
#[derive(Config, Debug)]
pub struct AnatomicalContrastiveLossConfig {
    /// Temperature of the contrast.
    #[config(default = 0.5)]
    pub temperature: f64,
}

impl AnatomicalContrastiveLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> AnatomicalContrastiveLoss {
        check_temperature("temperature", self.temperature);
        AnatomicalContrastiveLoss {
            temperature: self.temperature,
        }
    }
}

/// Input of [`AnatomicalContrastiveLoss`]: the representations of sampled voxels.
///
/// Rows of a class that is masked out are never used; fill them with zeros.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::AnatomicalContrastiveInput;
///
/// let device = Device::flex();
/// let (classes, queries, negatives, width) = (2, 4, 8, 3);
/// let input = AnatomicalContrastiveInput {
///     queries: Tensor::zeros([classes, queries, width], &device),
///     positive_keys: Tensor::zeros([classes, width], &device),
///     negatives: Tensor::zeros([classes, queries, negatives, width], &device),
///     valid: Tensor::from_floats([1.0, 1.0], &device),
///     queried: Tensor::from_floats([1.0, 0.0], &device),
/// };
/// assert_eq!(input.queries.dims(), [2, 4, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct AnatomicalContrastiveInput {
    /// `[classes, queries, width]`: hard voxels of each class. The only input that receives a gradient.
    pub queries: Tensor<3>,
    /// `[classes, width]`: mean representation of each class.
    pub positive_keys: Tensor<2>,
    /// `[classes, queries, negatives, width]`: voxels of other classes, each query with its own;
    /// `[classes, 1, negatives, width]` where the queries of a class share theirs.
    pub negatives: Tensor<4>,
    /// `[classes]`: 1 if the class has a valid voxel in the mini-batch, else 0. Its sum is C_v.
    pub valid: Tensor<1>,
    /// `[classes]`: 1 if the class has a hard voxel, so that its queries are meaningful, else 0.
    pub queried: Tensor<1>,
}

/// Anatomical contrastive loss: InfoNCE of hard voxels, whose positive is the mean of their class and whose negatives are
/// voxels of other classes.
///
/// ```text
/// l(c,i) = -log  exp(cos(q, mu)/tau) / ( exp(cos(q, mu)/tau) + sum_m exp(cos(q, n_m)/tau) ),   q = q_ci, mu = mu_c
/// L      = (1/C_v) sum_{c with queries} mean_i l(c,i)          (0 if C_v <= 1)
/// ```
///
/// | symbol | field |
/// |---|---|
/// | q_ci | `queries` |
/// | mu_c | `positive_keys` |
/// | n_m | `negatives` of this query |
/// | C_v | sum of `valid` |
/// | tau | `temperature`, 0.5 |
///
/// With M negatives, all cosines equal gives ln(M + 1); a perfect separation (cosine 1 with the mean, -1 with the
/// negatives) gives ln(1 + M exp(-2/tau)). For M = 512 these are 6.240 and 2.340.
///
/// # Shapes
///
/// Those of [`AnatomicalContrastiveInput`]; the result is `[1]`.
///
/// # Notes
///
/// Gradient flows through the queries only. The paper prints a dot product and sums over queries and classes; cosine and
/// averages are those of the official code, to which the published weight of 0.01 belongs. The negatives, the
/// largest tensor by far, are multiplied as they are, and the cosines scaled by their inverse lengths; only while
/// the lengths are computed, their squares take as much memory again.
///
/// # References
///
/// - C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan. Bootstrapping Semi-supervised Medical Image Segmentation with
///   Anatomical-aware Contrastive Distillation. IPMI 2023. arXiv 2206.02307. Anatomical contrast (AnCo) loss.
/// - S. Liu, S. Zhi, E. Johns, A. J. Davison. Bootstrapping Semantic Segmentation with Regional Contrast. ICLR 2022. arXiv 2104.04465.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{AnatomicalContrastiveInput, AnatomicalContrastiveLossConfig};
///
/// let device = Device::flex();
/// let input = AnatomicalContrastiveInput {
///     queries: Tensor::ones([2, 1, 3], &device),
///     positive_keys: Tensor::ones([2, 3], &device),
///     negatives: Tensor::ones([2, 1, 512, 3], &device),
///     valid: Tensor::ones([2], &device),
///     queried: Tensor::ones([2], &device),
/// };
/// let value = AnatomicalContrastiveLossConfig::new().init().forward(input).into_scalar::<f32>();
/// assert!((value - 513f32.ln()).abs() < 1e-4);
/// ```
#[derive(Module, Debug)]
pub struct AnatomicalContrastiveLoss {
    /// Temperature of the contrast.
    pub temperature: f64,
}

impl AnatomicalContrastiveLoss {
    /// The loss, averaged over the queries of a class and over the classes.
    ///
    /// # Panics
    ///
    /// Panics if the shapes of the input are inconsistent.
    pub fn forward(&self, input: AnatomicalContrastiveInput) -> Tensor<1> {
        check_shapes(&input);
        let format = Format::of(&input.queries);
        let [valid, queried] =
            [input.valid, input.queried].map(|mask| format.widen(mask.without_autodiff()));
        let keys = format.widen(input.positive_keys.without_autodiff());
        let negatives = format.widen(input.negatives.without_autodiff());
        let queries = unit(format.widen(input.queries)); // [classes, queries, width]
        let positive = positive_cosines(queries.clone(), keys);
        let negative = negative_cosines(queries, negatives);
        let logits = Tensor::cat(vec![positive, negative], 2).div_scalar(self.temperature);
        let losses = log_softmax(logits, 2).narrow(2, 0, 1).neg(); // [classes, queries, 1]
        let losses = losses.mean_dim(1).flatten(0, 2);
        format.narrow(mean_over_classes(losses, valid, queried))
    }
}

/// `cos(q, mu)` of unit queries: `[classes, queries, 1]`.
fn positive_cosines(queries: Tensor<3>, keys: Tensor<2>) -> Tensor<3> {
    queries.matmul(unit(keys).unsqueeze_dim(2))
}

/// `cos(q, n)` of unit queries: `[classes, queries, negatives]`.
fn negative_cosines(queries: Tensor<3>, negatives: Tensor<4>) -> Tensor<3> {
    let inverse = inverse_norm(negatives.clone()); // [classes, sets, negatives, 1]
    let shared = negatives.dims()[1] == 1;
    let queries = match shared {
        true => queries.unsqueeze_dim::<4>(1), // [classes, 1, queries, width]
        false => queries.unsqueeze_dim::<4>(2), // [classes, queries, 1, width]
    };
    let products = negatives.matmul(queries.swap_dims(2, 3)); // [classes, sets, negatives, queries of a set]
    let cosines = products * inverse;
    match shared {
        true => cosines.squeeze_dim::<3>(1).swap_dims(1, 2),
        false => cosines.squeeze_dim(3),
    }
}

/// Sum over the classes with queries, divided by the number of valid classes; 0 if there are fewer than two.
fn mean_over_classes(losses: Tensor<1>, valid: Tensor<1>, queried: Tensor<1>) -> Tensor<1> {
    let dtype = losses.dtype();
    let count = valid.sum();
    let several = to_float(count.clone().greater_elem(1.5), dtype);
    let summed = losses.mask_fill(queried.lower_elem(0.5), 0.0).sum();
    summed * several / count.clamp_min(1.0)
}

fn check_shapes(input: &AnatomicalContrastiveInput) {
    let [classes, queries, width] = input.queries.dims();
    let negatives = input.negatives.dims();
    let fits = input.positive_keys.dims() == [classes, width]
        && negatives[0] == classes
        && (negatives[1] == queries || negatives[1] == 1)
        && negatives[3] == width
        && input.valid.dims() == [classes]
        && input.queried.dims() == [classes];
    assert!(
        fits,
        "shapes do not fit queries [classes, queries, width] = {:?}: found positive keys {:?}, negatives {negatives:?}, \
         valid {:?}, queried {:?}",
        input.queries.dims(),
        input.positive_keys.dims(),
        input.valid.dims(),
        input.queried.dims()
    );
}

#[cfg(test)]
mod tests;
