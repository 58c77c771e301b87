//! Entropy minimization.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::Reduction;
use crate::format::Format;

/// Configuration of [`EntropyLoss`].
#[derive(Config, Debug)]
pub struct EntropyLossConfig {
    /// Mean or sum over batch and voxels.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl EntropyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> EntropyLoss {
        EntropyLoss {
            reduction: self.reduction,
        }
    }
}

/// Mean entropy of the class probabilities over its maximum: 0 where the network is certain, 1 where it is undecided.
///
/// ```text
/// L = − mean over (b, v) of Σ_c p(b,c,v) ln p(b,c,v) / ln C,   p = softmax z
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | z | logits |
/// | C | number of classes |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, 1, spatial…]`
///
/// # Notes
///
/// The paper divides by `ln C` and sums over pixels; the mean makes the weight independent of the patch.
///
/// # References
///
/// - Y. Grandvalet, Y. Bengio. Semi-supervised Learning by Entropy Minimization. NeurIPS 2004.
/// - T.-H. Vu, H. Jain, M. Bucher, M. Cord, P. Pérez. ADVENT: Adversarial Entropy Minimization for Domain Adaptation in
///   Semantic Segmentation. CVPR 2019. arXiv 1811.12833. Equations 2 and 3.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::EntropyLossConfig;
///
/// let loss = EntropyLossConfig::new().init();
/// let undecided = Tensor::<4>::zeros([1, 3, 2, 2], &Device::flex());
/// assert!((loss.forward(undecided).into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct EntropyLoss {
    /// Mean or sum over batch and voxels.
    #[module(skip)]
    pub reduction: Reduction,
}

impl EntropyLoss {
    /// The loss, reduced over all voxels.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer than two classes.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>) -> Tensor<1> {
        let (format, most) = (Format::of(&logits), largest(&logits));
        format.narrow(self.reduction.apply(entropies(logits)) / most)
    }

    /// The entropy of each voxel, divided by `ln C`.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer than two classes.
    pub fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        let (format, most) = (Format::of(&logits), largest(&logits));
        format.narrow(entropies(logits) / most)
    }
}

/// The largest entropy, `ln C`.
fn largest<const D: usize>(logits: &Tensor<D>) -> f64 {
    let classes = logits.dims()[1];
    assert!(
        classes > 1,
        "entropy needs at least 2 classes, found {classes}"
    );
    (classes as f64).ln()
}

/// The entropy of each voxel in nats, `[batch, 1, spatial…]`.
fn entropies<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    let logarithms = log_softmax(Format::of(&logits).widen(logits), 1);
    (logarithms.clone().exp() * logarithms).sum_dim(1).neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init() -> EntropyLoss {
        EntropyLossConfig::new().init()
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let x = floats(72, 1);
        let mut sum = 0.0;
        for p in class_probabilities(&x, [2, 3, 12]) {
            sum -= p * p.ln();
        }
        let expected = sum / 24.0 / 3f64.ln();
        let flat = init().forward(tensor([2, 3, 4, 3], &x));
        let deep = init().forward(tensor([2, 3, 2, 2, 3], &x));
        assert_near(scalar(flat), expected, 1e-12);
        assert_near(scalar(deep), expected, 1e-12);
    }

    #[test]
    fn certainty_costs_nothing_and_indecision_one() {
        for classes in [2, 5] {
            let even = tensor([1, classes, 2], &vec![0.3; 2 * classes]);
            assert_near(scalar(init().forward(even)), 1.0, 1e-12);
        }
        // All background, so sure that the other class underflows.
        let sure = tensor([1, 2, 1], &[900.0, -900.0]);
        assert_near(scalar(init().forward(sure)), 0.0, 0.0);
    }

    #[test]
    fn gradient_is_that_of_finite_differences_and_vanishes_at_both_ends() {
        assert_gradient(random([2, 3, 4], 3), |x| init().forward(x));
        assert_stopped(tensor([1, 2, 1], &[900.0, -900.0]), |x| init().forward(x));
        let even = gradient(tensor([1, 2, 1], &[0.7; 2]), |x| init().forward(x));
        assert!(even.is_some_and(|g| g.iter().all(|g| g.abs() < 1e-12)));
    }

    #[test]
    fn order_of_batch_classes_and_voxels_is_immaterial() {
        let x = random([2, 3, 4], 5);
        let flipped = init().forward(x.clone().flip([0, 1, 2]));
        assert_near(scalar(flipped), scalar(init().forward(x)), 1e-12);
    }

    #[test]
    #[should_panic(expected = "needs at least 2 classes")]
    fn one_class_has_no_entropy() {
        init().forward(random([1, 1, 2], 1));
    }
}
