//! Regression of signed distance maps.

use burn::prelude::*;
use semivox_kernels::total;

use crate::Reduction;
use crate::format::Format;
use crate::targets::{check_map, to_float};

/// Configuration of [`SignedDistanceLoss`].
#[derive(Config, Debug)]
pub struct SignedDistanceLossConfig {
    /// Mean or sum over batch, maps and voxels.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl SignedDistanceLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> SignedDistanceLoss {
        SignedDistanceLoss {
            reduction: self.reduction,
        }
    }
}

/// Mean squared error between predicted and true signed distance maps.
///
/// ```text
/// L = mean over (b, m, v) of (S_pred(b,m,v) − S(b,m,v))²
/// ```
///
/// # Shapes
///
/// - predicted, target: `[batch, map, spatial…]`, one map per foreground class
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, map, spatial…]`
///
/// # Notes
///
/// The target is a constant: no gradient reaches it, which matters where it is another network's prediction.
///
/// # References
///
/// - C. You, Y. Zhou, R. Zhao, L. Staib, J. S. Duncan. SimCVD: Simple Contrastive Voxel-Wise Representation
///   Distillation for Semi-Supervised Medical Image Segmentation. IEEE TMI 41(9), 2022. arXiv 2108.06227. Equation 1,
///   second term.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::SignedDistanceLossConfig;
///
/// let device = Device::flex();
/// let predicted = Tensor::<3>::from_floats([[[0.5, -1.0]]], &device);
/// let target = Tensor::<3>::from_floats([[[0.0, -1.0]]], &device);
/// let loss = SignedDistanceLossConfig::new().init().forward(predicted, target);
/// assert_eq!(loss.into_scalar::<f32>(), 0.125);
/// ```
#[derive(Module, Debug)]
pub struct SignedDistanceLoss {
    /// Mean or sum over batch, maps and voxels.
    #[module(skip)]
    pub reduction: Reduction,
}

impl SignedDistanceLoss {
    /// The loss, reduced over all voxels of all maps.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward<const D: usize>(&self, predicted: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
        let format = Format::of(&predicted);
        format.narrow(self.reduction.apply(squares(predicted, target)))
    }

    /// The loss over the voxels that `counted` marks, `[batch, 1, spatial…]`; 0 if it marks none.
    ///
    /// For targets made from labels of which some are ignored. No gradient reaches the other voxels.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_counted<const D: usize>(
        &self,
        predicted: Tensor<D>,
        target: Tensor<D>,
        counted: Tensor<D, Bool>,
    ) -> Tensor<1> {
        check_map("counted voxels", counted.dims(), predicted.dims());
        let (format, maps) = (Format::of(&predicted), predicted.dims()[1]);
        let squares = squares(predicted, target);
        let counted = to_float(counted, squares.dtype());
        let sum = total(squares * counted.clone());
        format.narrow(match self.reduction {
            Reduction::Mean => sum / total(counted).mul_scalar(maps as f64).clamp_min(1.0),
            Reduction::Sum => sum,
        })
    }

    /// The squared error of each voxel.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        predicted: Tensor<D>,
        target: Tensor<D>,
    ) -> Tensor<D> {
        let format = Format::of(&predicted);
        format.narrow(squares(predicted, target))
    }
}

fn squares<const D: usize>(predicted: Tensor<D>, target: Tensor<D>) -> Tensor<D> {
    let (found, wanted) = (predicted.dims(), target.dims());
    assert_eq!(
        found, wanted,
        "predicted and target distances differ in shape"
    );
    let format = Format::of(&predicted);
    let target = format.widen(target.without_autodiff());
    (format.widen(predicted) - target).square()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init() -> SignedDistanceLoss {
        SignedDistanceLossConfig::new().init()
    }

    #[test]
    fn equals_plain_loops() {
        let (p, t) = (floats(24, 1), floats(24, 2));
        let squares = p.iter().zip(&t).map(|(p, t)| (p - t) * (p - t));
        let expected = squares.sum::<f64>() / 24.0;
        let found = init().forward(tensor([2, 1, 3, 4], &p), tensor([2, 1, 3, 4], &t));
        assert_near(scalar(found), expected, 1e-12);
    }

    #[test]
    fn equal_maps_give_zero_and_opposite_sides_give_four() {
        let ones = tensor([1, 1, 3], &[1.0; 3]);
        assert_near(scalar(init().forward(ones.clone(), ones.clone())), 0.0, 0.0);
        assert_near(scalar(init().forward(ones.clone(), ones.neg())), 4.0, 0.0);
    }

    #[test]
    fn gradient_reaches_the_prediction_alone() {
        let (p, t) = (random([1, 2, 3], 3), random([1, 2, 3], 4));
        assert_gradient(p.clone(), |p| init().forward(p, t.clone()));
        assert_stopped(t, |t| init().forward(p.clone(), t));
    }

    #[test]
    #[should_panic(expected = "predicted and target distances differ in shape")]
    fn shapes_must_agree() {
        init().forward(random([1, 1, 3], 1), random([1, 2, 3], 1));
    }

    #[test]
    fn voxels_that_are_not_counted_have_no_weight() {
        let (p, t) = (floats(2 * 3 * 4, 1), floats(2 * 3 * 4, 2));
        let counts = |voxel: usize| voxel % 4 != 1 && voxel != 6;
        let counted = ints(
            [2, 1, 4],
            &std::array::from_fn::<i64, 8, _>(|v| counts(v).into()),
        );
        let squares = (0..24)
            .filter(|i| counts(i / 12 * 4 + i % 4))
            .map(|i| (p[i] - t[i]).powi(2));
        let squares: Vec<f64> = squares.collect();
        assert_eq!(squares.len(), 15);
        let expected = squares.iter().sum::<f64>() / 15.0;
        let run = |p| init().forward_counted(p, tensor([2, 3, 4], &t), counted.clone().bool());
        assert_near(scalar(run(tensor([2, 3, 4], &p))), expected, 1e-12);
        let slopes = gradient(tensor([2, 3, 4], &p), run).expect("a gradient");
        for (i, slope) in slopes.into_iter().enumerate() {
            let expected = if counts(i / 12 * 4 + i % 4) {
                2.0 * (p[i] - t[i]) / 15.0
            } else {
                0.0
            };
            assert_near(slope, expected, 1e-12);
        }
        let none = ints([2, 1, 4], &[0; 8]).bool();
        let (p, t) = (tensor([2, 3, 4], &p), tensor([2, 3, 4], &t));
        assert_near(scalar(init().forward_counted(p, t, none)), 0.0, 0.0);
    }
}
