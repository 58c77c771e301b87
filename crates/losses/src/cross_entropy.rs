//! Mean voxel cross-entropy.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::targets::{Targets, check_map, flatten_voxels};

/// Configuration of [`CrossEntropyLoss`].
#[derive(Config, Debug)]
pub struct CrossEntropyLossConfig {
    /// Voxels with this label, usually -1, are left out of the mean. `None` counts every voxel.
    pub ignore_label: Option<i64>,
}

impl CrossEntropyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> CrossEntropyLoss {
        CrossEntropyLoss {
            ignore_label: self.ignore_label,
        }
    }
}

/// Mean cross-entropy between voxel logits and integer labels.
///
/// ```text
/// l(b,v) = - log softmax(o)[b, y(b,v), v]
/// L      = sum l(b,v) / #{(b,v) counted}       (0 if none is counted)
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | o | logits |
/// | y | labels |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - labels: `[batch, 1, spatial…]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, 1, spatial…]`
///
/// # Notes
///
/// The log-probability of the label is picked by a product with a one-hot tensor, so that the backward pass has no scatter.
/// A label that is neither a class nor the ignored label adds 0 to the sum but counts in the mean; check labels where
/// they are read.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::CrossEntropyLossConfig;
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().with_ignore_label(Some(-1)).init();
/// let logits = Tensor::<4>::zeros([1, 3, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[2, -1]]]], &device);
/// let value = loss.forward(logits, labels).into_scalar::<f32>();
/// assert!((value - 3f32.ln()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct CrossEntropyLoss {
    /// Voxels with this label are left out of the mean.
    #[module(skip)]
    pub ignore_label: Option<i64>,
}

impl CrossEntropyLoss {
    /// Mean over the voxels that count, 0 if none does.
    ///
    /// # Shapes
    ///
    /// As in [`CrossEntropyLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        let (log_probabilities, targets) = self.prepare(logits, labels);
        self.mean_of_log_probabilities(log_probabilities, &targets)
    }

    /// The cross-entropy of each voxel, 0 where it is ignored.
    ///
    /// # Shapes
    ///
    /// As in [`CrossEntropyLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<D, Int>,
    ) -> Tensor<D> {
        let shape = labels.dims();
        let (log_probabilities, targets) = self.prepare(logits, labels);
        voxel_losses(log_probabilities, &targets).reshape(shape)
    }

    /// Mean over the voxels that count, from `[batch, class, voxels]` log-probabilities.
    pub(crate) fn mean_of_log_probabilities(
        &self,
        log_probabilities: Tensor<3>,
        targets: &Targets,
    ) -> Tensor<1> {
        let losses = voxel_losses(log_probabilities, targets);
        match &targets.valid {
            None => losses.mean(),
            Some(valid) => losses.sum() / valid.clone().sum().clamp_min(1.0),
        }
    }

    fn prepare<const D: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<D, Int>,
    ) -> (Tensor<3>, Targets) {
        check_map("labels", labels.dims(), logits.dims());
        let (classes, dtype) = (logits.dims()[1], logits.dtype());
        let log_probabilities = log_softmax(flatten_voxels(logits), 1); // [batch, class, voxels]
        let targets = Targets::new(flatten_voxels(labels), classes, self.ignore_label, dtype);
        (log_probabilities, targets)
    }
}

/// `-log p` of the label: `[batch, class, voxels]` to `[batch, 1, voxels]`.
fn voxel_losses(log_probabilities: Tensor<3>, targets: &Targets) -> Tensor<3> {
    (log_probabilities * targets.one_hot.clone())
        .sum_dim(1)
        .neg()
}
