//! Soft Dice loss with a squared denominator.

use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::targets::{Targets, check_map, flatten_voxels};

/// Configuration of [`DiceLoss`].
#[derive(Config, Debug)]
pub struct DiceLossConfig {
    /// Added to numerator and denominator, so that a class absent from both sides costs nothing.
    #[config(default = 1e-5)]
    pub smoothing: f64,
    /// Whether class 0 counts in the mean over classes.
    #[config(default = true)]
    pub include_background: bool,
    /// Voxels with this label, usually -1, are left out of all sums. `None` counts every voxel.
    pub ignore_label: Option<i64>,
}

impl DiceLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `smoothing` is not positive and finite.
    pub fn init(&self) -> DiceLoss {
        let smoothing = self.smoothing;
        assert!(
            smoothing.is_finite() && smoothing > 0.0,
            "smoothing must be positive and finite, found {smoothing}"
        );
        DiceLoss {
            smoothing,
            include_background: self.include_background,
            ignore_label: self.ignore_label,
        }
    }
}

/// One minus the soft Dice overlap of each class, averaged over classes.
///
/// ```text
/// L = (1/C) sum_c [ 1 - (2 sum p_c g_c + s) / (sum p_c^2 + sum g_c^2 + s) ]
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | p | softmax of the logits |
/// | g | one-hot labels |
/// | s | `smoothing` |
/// | C | number of classes, without the background if `include_background` is off |
///
/// The inner sums run over batch and space together.
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - labels: `[batch, 1, spatial…]`
/// - result: `[1]`
///
/// # References
///
/// - F. Milletari, N. Navab, S.-A. Ahmadi. V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
///   Segmentation. 3DV 2016. arXiv 1606.04797.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::DiceLossConfig;
///
/// let device = Device::flex();
/// // Two voxels, p = 1/2 everywhere, one voxel of each class: 1 - 2 * 0.5 / (0.5 + 1) = 1/3.
/// let logits = Tensor::<4>::zeros([1, 2, 1, 2], &device);
/// let labels = Tensor::<4, Int>::from_ints([[[[0, 1]]]], &device);
/// let value = DiceLossConfig::new().init().forward(logits, labels).into_scalar::<f32>();
/// assert!((value - 1.0 / 3.0).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct DiceLoss {
    /// Added to numerator and denominator.
    pub smoothing: f64,
    /// Whether class 0 counts in the mean over classes.
    pub include_background: bool,
    /// Voxels with this label are left out of all sums.
    #[module(skip)]
    pub ignore_label: Option<i64>,
}

impl DiceLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`DiceLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the labels are not `[batch, 1, spatial…]` for these logits, or if the background is left out and
    /// there is no other class.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, labels: Tensor<D, Int>) -> Tensor<1> {
        check_map("labels", labels.dims(), logits.dims());
        let (classes, dtype) = (logits.dims()[1], logits.dtype());
        let targets = Targets::new(flatten_voxels(labels), classes, self.ignore_label, dtype);
        self.of_probabilities(softmax(flatten_voxels(logits), 1), &targets)
    }

    /// The loss from `[batch, class, voxels]` probabilities.
    pub(crate) fn of_probabilities(
        &self,
        probabilities: Tensor<3>,
        targets: &Targets,
    ) -> Tensor<1> {
        let counted = match &targets.valid {
            None => probabilities,
            Some(valid) => probabilities * valid.clone(),
        };
        let predicted = self.scored_classes(counted);
        let actual = self.scored_classes(targets.one_hot.clone());
        let intersection = class_sums(predicted.clone() * actual.clone()); // [1, class, 1]
        let cardinality = class_sums(predicted.square()) + class_sums(actual); // 1^2 = 1
        let overlap = intersection.mul_scalar(2.0).add_scalar(self.smoothing)
            / cardinality.add_scalar(self.smoothing);
        overlap.neg().add_scalar(1.0).mean()
    }

    fn scored_classes(&self, classes: Tensor<3>) -> Tensor<3> {
        if self.include_background {
            return classes;
        }
        let foreground = classes.dims()[1] - 1;
        assert!(
            foreground > 0,
            "Dice without the background needs at least 2 classes, found 1"
        );
        classes.narrow(1, 1, foreground)
    }
}

/// Sums over batch and space: `[batch, class, voxels]` to `[1, class, 1]`.
fn class_sums(values: Tensor<3>) -> Tensor<3> {
    values.sum_dim(2).sum_dim(0)
}
