//! Adaptive anatomical contrast of labeled voxels with banked features and class centers.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::activation::log_softmax;

use crate::Reduction;
use crate::format::Format;
use crate::similarity::{check_temperature, unit};
use crate::targets::to_float;

/// Normalization of a voxel's sum over its positives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum PositiveNormalization {
    /// The whole sum is divided by the number of positives, the center being one of them, as in the official code: the
    /// center's share shrinks as the bank fills.
    Code,
    /// The features' part is divided by their number, the center's part by nothing, which is nearer to the paper's
    /// formula.
    Paper,
}

/// Configuration of [`AdaptiveContrastiveLoss`].
#[derive(Config, Debug)]
pub struct AdaptiveContrastiveLossConfig {
    /// Temperature of the contrast.
    #[config(default = 0.07)]
    pub temperature: f64,
    /// Weight of the center among the positives.
    #[config(default = 0.2)]
    pub center_weight: f64,
    /// Normalization of a voxel's sum over its positives.
    #[config(default = "PositiveNormalization::Code")]
    pub normalization: PositiveNormalization,
    /// Mean or sum over the voxels.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl AdaptiveContrastiveLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> AdaptiveContrastiveLoss {
        check_temperature("temperature", self.temperature);
        AdaptiveContrastiveLoss {
            temperature: self.temperature,
            center_weight: self.center_weight,
            normalization: self.normalization,
            reduction: self.reduction,
        }
    }
}

/// Input of [`AdaptiveContrastiveLoss`]; its example makes one.
#[derive(Clone, Debug)]
pub struct AdaptiveContrastiveInput {
    /// `[voxels, width]`: the student's features. The only input that receives a gradient.
    pub features: Tensor<2>,
    /// `[voxels, width]`: the teacher's features of the same voxels.
    pub teacher: Tensor<2>,
    /// `[voxels]`: the class of each voxel; ignored voxels, which have none, are not to be drawn.
    pub labels: Tensor<1, Int>,
    /// `[entries, width]`: features of earlier voxels.
    pub queue: Tensor<2>,
    /// `[entries]`: their classes; an entry of −1 is never a positive.
    pub queue_labels: Tensor<1, Int>,
    /// `[classes, width]`: the center assigned to each class.
    pub centers: Tensor<2>,
}

/// Adaptive anatomical contrastive loss: supervised contrast of labeled voxels, whose positives are the banked features of
/// their class and the center assigned to it.
///
/// ```text
/// p_ij = softmax_j( cos(s_i, k_j) / T ),     keys k: [ t_i | queue | centers ]
/// P_i  = { t_i } ∪ { queue entries with label y_i },     N_i = |P_i| + 1
/// code:    L = −(1/n) Σ_i (1/N_i)   ( Σ_{j in P_i} log p_ij + λ_a log p_i,ν_i )
/// paper:   L = −(1/n) Σ_i ( (1/|P_i|) Σ_{j in P_i} log p_ij + λ_a log p_i,ν_i )
/// ```
///
/// | symbol | field |
/// |---|---|
/// | s_i, y_i | `features`, `labels` |
/// | t_i | `teacher` |
/// | ν_i | the row of `centers` that belongs to y_i |
/// | T | `temperature`, 0.07 |
/// | λ_a | `center_weight`, 0.2 |
///
/// With M keys and all cosines equal, `paper` gives (1 + λ_a) ln M, and `code` (|P| + λ_a)/(|P| + 1) ln M.
///
/// # Shapes
///
/// Those of [`AdaptiveContrastiveInput`]; the result of `forward` is `[1]`, that of `forward_no_reduction` `[voxels, 1]`.
///
/// # Notes
///
/// Gradient flows through the student's features only. The paper prints a sum over the positives that is not
/// divided by their number; both forms here divide it.
///
/// # References
///
/// C. You, W. Dai, Y. Min, L. Staib, J. Sekhon, J. S. Duncan. ACTION++: Improving Semi-supervised Medical Image
/// Segmentation with Adaptive Anatomical Contrast. MICCAI 2023. arXiv 2304.02689. Supervised adaptive anatomical
/// contrastive learning (SAACL).
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{AdaptiveContrastiveInput, AdaptiveContrastiveLossConfig, PositiveNormalization};
///
/// let device = Device::flex();
/// let input = AdaptiveContrastiveInput {
///     features: Tensor::ones([2, 3], &device),
///     teacher: Tensor::ones([2, 3], &device),
///     labels: Tensor::from_ints([0, 1], &device),
///     queue: Tensor::ones([5, 3], &device),
///     queue_labels: Tensor::from_ints([-1, -1, 0, 1, 1], &device),
///     centers: Tensor::ones([2, 3], &device),
/// };
/// let loss = AdaptiveContrastiveLossConfig::new().with_normalization(PositiveNormalization::Paper).init();
/// let value = loss.forward(input).into_scalar::<f32>();
/// assert!((value - 1.2 * 8f32.ln()).abs() < 1e-5); // 1 + 5 + 2 keys
/// ```
#[derive(Module, Debug)]
pub struct AdaptiveContrastiveLoss {
    /// Temperature of the contrast.
    pub temperature: f64,
    /// Weight of the center among the positives.
    pub center_weight: f64,
    /// Normalization of a voxel's sum over its positives.
    #[module(skip)]
    pub normalization: PositiveNormalization,
    /// Mean or sum over the voxels.
    #[module(skip)]
    pub reduction: Reduction,
}

impl AdaptiveContrastiveLoss {
    /// The loss, reduced over the voxels.
    ///
    /// # Panics
    ///
    /// Panics if the shapes of the input are inconsistent.
    pub fn forward(&self, input: AdaptiveContrastiveInput) -> Tensor<1> {
        let format = Format::of(&input.features);
        format.narrow(self.reduction.apply(self.losses(input)))
    }

    /// The loss of each voxel.
    ///
    /// # Panics
    ///
    /// Panics if the shapes of the input are inconsistent.
    pub fn forward_no_reduction(&self, input: AdaptiveContrastiveInput) -> Tensor<2> {
        let format = Format::of(&input.features);
        format.narrow(self.losses(input))
    }

    fn losses(&self, input: AdaptiveContrastiveInput) -> Tensor<2> {
        check_shapes(&input);
        let (voxels, entries) = (input.features.dims()[0], input.queue.dims()[0]);
        let classes = input.centers.dims()[0];
        let format = Format::of(&input.features);
        let labels = input.labels.without_autodiff().reshape([voxels, 1]);
        let queue_labels = input.queue_labels.without_autodiff().reshape([1, entries]);
        let features = unit(format.widen(input.features));
        let [teacher, queue, centers] = [input.teacher, input.queue, input.centers]
            .map(|constant| unit(format.widen(constant.without_autodiff())));
        let own = (features.clone() * teacher).sum_dim(1);
        let others = Tensor::cat(vec![queue, centers], 0);
        let cosines = Tensor::cat(vec![own, features.matmul(others.transpose())], 1);
        let log = log_softmax(cosines.div_scalar(self.temperature), 1); // [voxels, 1 + entries + classes]

        let same = to_float(labels.clone().equal(queue_labels), log.dtype()); // [voxels, entries]
        let banked = (log.clone().narrow(1, 1, entries) * same.clone()).sum_dim(1);
        let class = log.clone().narrow(1, 0, 1) + banked;
        let center = log.narrow(1, 1 + entries, classes).gather(1, labels);
        let center = center.mul_scalar(self.center_weight);
        let positives = same.sum_dim(1).add_scalar(1.0); // |P_i|
        let terms = match self.normalization {
            PositiveNormalization::Code => (class + center) / positives.add_scalar(1.0),
            PositiveNormalization::Paper => class / positives + center,
        };
        terms.neg()
    }
}

fn check_shapes(input: &AdaptiveContrastiveInput) {
    let [voxels, width] = input.features.dims();
    let (queue, centers) = (input.queue.dims(), input.centers.dims());
    let fits = input.teacher.dims() == [voxels, width]
        && input.labels.dims() == [voxels]
        && queue[1] == width
        && input.queue_labels.dims() == [queue[0]]
        && centers[1] == width;
    assert!(
        fits,
        "shapes do not fit features [voxels, width] = {:?}: found teacher {:?}, labels {:?}, queue {queue:?}, \
         queue labels {:?}, centers {centers:?}",
        input.features.dims(),
        input.teacher.dims(),
        input.labels.dims(),
        input.queue_labels.dims(),
    );
}

#[cfg(test)]
mod tests;
