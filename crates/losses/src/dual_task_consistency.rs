//! Consistency of a segmentation with the signed distance maps that the same network predicts.

use burn::prelude::*;
use burn::tensor::activation::{sigmoid, softmax};

use crate::Reduction;
use crate::format::Format;

/// Configuration of [`DualTaskConsistencyLoss`].
#[derive(Config, Debug)]
pub struct DualTaskConsistencyLossConfig {
    /// Steepness of the map from distances to probabilities.
    #[config(default = 1500.0)]
    pub steepness: f64,
    /// Mean or sum over batch, foreground classes and voxels.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl DualTaskConsistencyLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the steepness is not positive and finite.
    pub fn init(&self) -> DualTaskConsistencyLoss {
        assert!(
            self.steepness.is_finite() && self.steepness > 0.0,
            "steepness must be positive and finite, found {}",
            self.steepness
        );
        DualTaskConsistencyLoss {
            steepness: self.steepness,
            reduction: self.reduction,
        }
    }
}

/// Mean squared error between class probabilities and those derived from predicted signed distances by a sigmoid.
///
/// ```text
/// T⁻¹(z) = 1 / (1 + exp(k z))
/// L      = mean over (b, c ≥ 1, v) of (softmax_c y(b,·,v) − T⁻¹(z(b,c,v)))²
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | y | logits of all classes, class 0 being background | |
/// | z | signed distance to the surface of class c: negative inside, positive outside | |
/// | k | `steepness` | 1500 |
///
/// # Shapes
///
/// - logits: `[batch, class, spatial…]`
/// - distances: `[batch, class − 1, spatial…]`, one map per foreground class
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, class − 1, spatial…]`
///
/// # Notes
///
/// Gradients reach both, as in the paper. With the default `k` the sigmoid is almost a step: only where `|z|` is below
/// about 0.01 does a gradient reach the distance, elsewhere the logits follow the distance. The paper has one class and
/// one map; here every foreground class has its own.
///
/// # References
///
/// - X. Luo, J. Chen, T. Song, G. Wang. Semi-supervised Medical Image Segmentation through Dual-task Consistency. AAAI
///   2021. arXiv 2009.04448. The inverse transform and the dual-task consistency loss.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::DualTaskConsistencyLossConfig;
///
/// let device = Device::flex();
/// let unsure = Tensor::<3>::zeros([1, 2, 2], &device);
/// let distances = Tensor::<3>::from_floats([[[-0.5, 0.0]]], &device); // inside, and on the surface
/// let loss = DualTaskConsistencyLossConfig::new().init().forward(unsure, distances);
/// assert_eq!(loss.into_scalar::<f32>(), 0.125);
/// ```
#[derive(Module, Debug)]
pub struct DualTaskConsistencyLoss {
    /// Steepness of the map from distances to probabilities.
    pub steepness: f64,
    /// Mean or sum over batch, foreground classes and voxels.
    #[module(skip)]
    pub reduction: Reduction,
}

impl DualTaskConsistencyLoss {
    /// The loss, reduced over all voxels of all foreground classes.
    ///
    /// # Panics
    ///
    /// Panics if there is not one map per foreground class.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>, distances: Tensor<D>) -> Tensor<1> {
        let format = Format::of(&logits);
        format.narrow(self.reduction.apply(self.squares(logits, distances)))
    }

    /// The squared difference of each voxel and foreground class.
    ///
    /// # Panics
    ///
    /// Panics if there is not one map per foreground class.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        logits: Tensor<D>,
        distances: Tensor<D>,
    ) -> Tensor<D> {
        let format = Format::of(&logits);
        format.narrow(self.squares(logits, distances))
    }

    fn squares<const D: usize>(&self, logits: Tensor<D>, distances: Tensor<D>) -> Tensor<D> {
        let (found, mut wanted) = (distances.dims(), logits.dims());
        let foreground = wanted[1] - 1;
        wanted[1] = foreground;
        assert_eq!(
            found, wanted,
            "expected one distance map per foreground class"
        );
        let format = Format::of(&logits);
        let probabilities = softmax(format.widen(logits), 1).narrow(1, 1, foreground);
        let inside = sigmoid(format.widen(distances).mul_scalar(-self.steepness));
        (probabilities - inside).square()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init(steepness: f64) -> DualTaskConsistencyLoss {
        let config = DualTaskConsistencyLossConfig::new().with_steepness(steepness);
        config.init()
    }

    fn oracle(y: &[f64], z: &[f64], [batch, classes, voxels]: [usize; 3], k: f64) -> f64 {
        let p = class_probabilities(y, [batch, classes, voxels]);
        let mut total = 0.0;
        for b in 0..batch {
            for c in 1..classes {
                for v in 0..voxels {
                    let z = z[(b * (classes - 1) + c - 1) * voxels + v];
                    let inside = 1.0 / (1.0 + (k * z).exp());
                    total += (p[(b * classes + c) * voxels + v] - inside).powi(2);
                }
            }
        }
        total / z.len() as f64
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (y, z) = (floats(72, 1), floats(48, 2));
        for k in [1.5, 1500.0] {
            let expected = oracle(&y, &z, [2, 3, 12], k);
            let flat = init(k).forward(tensor([2, 3, 4, 3], &y), tensor([2, 2, 4, 3], &z));
            let deep = init(k).forward(tensor([2, 3, 2, 2, 3], &y), tensor([2, 2, 2, 2, 3], &z));
            assert_near(scalar(flat), expected, 1e-12);
            assert_near(scalar(deep), expected, 1e-12);
        }
    }

    /// Certain logits on the right side cost nothing, on the wrong side one.
    #[test]
    fn inside_is_negative() {
        let loss = DualTaskConsistencyLossConfig::new().init();
        let logits = tensor([1, 2, 2], &[-400.0, 400.0, 400.0, -400.0]); // foreground, background
        let distances = tensor([1, 1, 2], &[-0.2, 0.2]);
        let right = loss.forward(logits.clone(), distances.clone());
        assert_near(scalar(right), 0.0, 1e-12);
        let wrong = loss.forward(logits, distances.neg());
        assert_near(scalar(wrong), 1.0, 1e-12);
    }

    #[test]
    fn gradients_reach_both_tasks() {
        let y = random([2, 3, 4], 3);
        let z = random([2, 2, 4], 4);
        let loss = init(1.5);
        assert_gradient(y.clone(), |y| loss.forward(y, z.clone()));
        assert_gradient(z.clone(), |z| loss.forward(y.clone(), z));
        // The paper's steepness, near the surface.
        let loss = DualTaskConsistencyLossConfig::new().init();
        let near = z / 2000.0;
        assert_gradient(y.clone(), |y| loss.forward(y, near.clone()));
        let found = gradient(near.clone(), |z| loss.forward(y.clone(), z)).expect("a gradient");
        let step = 1e-8;
        let point = values(near);
        for (index, found) in found.into_iter().enumerate() {
            let at = |delta: f64| {
                let mut moved = point.clone();
                moved[index] += delta;
                scalar(loss.forward(y.clone(), tensor([2, 2, 4], &moved)))
            };
            let expected = (at(step) - at(-step)) / (2.0 * step);
            assert_near(found, expected, 1e-5 * (1.0 + expected.abs()));
        }
    }

    /// In single precision, with distances at the ends of their range.
    #[test]
    fn saturated_distances_are_finite_and_have_no_gradient() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<3>::zeros([1, 2, 2], &device).require_grad();
        let distances = Tensor::<3>::from_floats([[[-1.0, 1.0]]], &device).require_grad();
        let loss = DualTaskConsistencyLossConfig::new().init();
        let value = loss.forward(logits.clone(), distances.clone());
        assert_near(scalar(value.clone()), 0.25, 1e-6);
        let gradients = value.backward();
        let of_distances = distances.grad(&gradients).expect("a gradient");
        assert_eq!(values(of_distances), [0.0, 0.0]);
        let of_logits = values(logits.grad(&gradients).expect("a gradient"));
        assert!(of_logits.iter().all(|g| g.is_finite() && *g != 0.0));
    }

    #[test]
    fn order_of_the_batch_is_immaterial_and_one_element_suffices() {
        let (y, z) = (random([2, 3, 4], 5), random([2, 2, 4], 6));
        let loss = init(3.0);
        let expected = scalar(loss.forward(y.clone(), z.clone()));
        let flipped = loss.forward(y.clone().flip([0]), z.clone().flip([0]));
        assert_near(scalar(flipped), expected, 1e-12);
        let one = |b| scalar(loss.forward(y.clone().narrow(0, b, 1), z.clone().narrow(0, b, 1)));
        assert_near((one(0) + one(1)) / 2.0, expected, 1e-12);
    }

    #[test]
    #[should_panic(expected = "expected one distance map per foreground class")]
    fn maps_must_fit_the_classes() {
        init(1.0).forward(random([1, 3, 4], 1), random([1, 1, 4], 2));
    }

    #[test]
    #[should_panic(expected = "steepness must be positive")]
    fn steepness_must_be_positive() {
        init(0.0);
    }
}
