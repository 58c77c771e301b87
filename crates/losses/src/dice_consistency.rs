//! Dice distance between two predictions.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::activation::softmax;

use crate::format::Format;
use crate::targets::flatten_voxels;

/// Form of the Dice overlap of two predictions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum DiceForm {
    /// One ratio for all classes together, with sums of probabilities in its denominator.
    ///
    /// As the probabilities of a voxel sum to 1, it is the mean over all voxels of `Σ_c p_c q_c`. Equal predictions are
    /// not at distance 0 unless they are certain.
    #[default]
    Joint,
    /// The mean over the classes of one ratio each, with sums of squared probabilities in its denominator.
    ///
    /// Equal predictions are at distance 0.
    PerClass,
}

/// Configuration of [`DiceConsistencyLoss`].
#[derive(Config, Debug)]
pub struct DiceConsistencyLossConfig {
    /// Form of the overlap.
    #[config(default = "DiceForm::Joint")]
    pub form: DiceForm,
    /// Added to numerator and denominator, so that a class with probability 0 in both predictions costs nothing.
    #[config(default = 1e-8)]
    pub smoothing: f64,
}

impl DiceConsistencyLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if `smoothing` is not positive and finite.
    pub fn init(&self) -> DiceConsistencyLoss {
        let smoothing = self.smoothing;
        assert!(
            smoothing.is_finite() && smoothing > 0.0,
            "smoothing must be positive and finite, found {smoothing}"
        );
        DiceConsistencyLoss {
            form: self.form,
            smoothing,
        }
    }
}

/// Dice distance of a prediction from another one: one minus the Dice overlap of their class probabilities.
///
/// ```text
/// joint:      L = 1 − (2 Σ_(b,c,v) p q + s) / (Σ_(b,c,v) (p + q) + s)
/// per class:  L = (1/C) Σ_c [ 1 − (2 Σ_(b,v) p_c q_c + s) / (Σ_(b,v) (p_c² + q_c²) + s) ]
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | p, q | softmax of the student's and of the teacher's logits |
/// | s | `smoothing` |
/// | C | number of classes |
///
/// # Shapes
///
/// - student, teacher: logits `[batch, class, spatial…]`
/// - result: `[1]`
///
/// # Notes
///
/// The teacher, which may be the same network's prediction for another view, is a constant: no gradient reaches it.
/// With [`DiceForm::Joint`] the loss of equal predictions still has a gradient, which makes them more certain.
///
/// # References
///
/// - Y. Wu et al. Exploring Smoothness and Class-Separation for Semi-supervised Medical Image Segmentation. MICCAI
///   2022. arXiv 2203.01324. Its public code uses the joint form for volumes and the one per class for slices.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{DiceConsistencyLossConfig, DiceForm};
///
/// let device = Device::flex();
/// // The student is undecided at a voxel of which the teacher is certain.
/// let student = Tensor::<3>::zeros([1, 2, 1], &device);
/// let teacher = Tensor::<3>::from_floats([[[30.0], [-30.0]]], &device);
/// let distance = |form| {
///     let loss = DiceConsistencyLossConfig::new().with_form(form).init();
///     loss.forward(student.clone(), teacher.clone()).into_scalar::<f32>()
/// };
/// assert!((distance(DiceForm::Joint) - 0.5).abs() < 1e-6);
/// // 1 - 2 * 0.5 / (0.25 + 1) for the first class, 1 for the second.
/// assert!((distance(DiceForm::PerClass) - 0.6).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct DiceConsistencyLoss {
    /// Form of the overlap.
    #[module(skip)]
    pub form: DiceForm,
    /// Added to numerator and denominator.
    pub smoothing: f64,
}

impl DiceConsistencyLoss {
    /// The distance of the student's prediction from the teacher's.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward<const D: usize>(&self, student: Tensor<D>, teacher: Tensor<D>) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(found, wanted, "teacher and student logits differ in shape");
        let format = Format::of(&student);
        let probabilities = |logits| flatten_voxels(softmax(format.widen(logits), 1));
        let (p, q) = (
            probabilities(student),
            probabilities(teacher.without_autodiff()),
        );
        let product = per_class(p.clone() * q.clone());
        let (product, sizes) = match self.form {
            DiceForm::Joint => (product.sum(), per_class(p + q).sum()),
            DiceForm::PerClass => (product, per_class(p.square() + q.square())),
        };
        let overlap =
            product.mul_scalar(2.0).add_scalar(self.smoothing) / sizes.add_scalar(self.smoothing);
        format.narrow(overlap.neg().add_scalar(1.0).mean())
    }
}

/// Sums over batch and voxels: `[batch, class, voxels]` to `[class]`.
fn per_class(values: Tensor<3>) -> Tensor<1> {
    let classes = values.dims()[1];
    values.sum_dim(2).sum_dim(0).reshape([classes])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use DiceForm::{Joint, PerClass};

    fn init(form: DiceForm) -> DiceConsistencyLoss {
        DiceConsistencyLossConfig::new().with_form(form).init()
    }

    fn oracle(form: DiceForm, s: &[f64], t: &[f64], [b, c, n]: [usize; 3]) -> f64 {
        let (p, q) = (
            class_probabilities(s, [b, c, n]),
            class_probabilities(t, [b, c, n]),
        );
        let (mut products, mut sums, mut squares) = (vec![0.0; c], 0.0, vec![0.0; c]);
        for i in 0..b * c * n {
            let class = i / n % c;
            products[class] += p[i] * q[i];
            sums += p[i] + q[i];
            squares[class] += p[i] * p[i] + q[i] * q[i];
        }
        match form {
            Joint => 1.0 - 2.0 * products.iter().sum::<f64>() / sums,
            PerClass => {
                let ratios = products.iter().zip(&squares).map(|(p, s)| 2.0 * p / s);
                1.0 - ratios.sum::<f64>() / c as f64
            }
        }
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (s, t) = (floats(72, 1), floats(72, 2));
        for form in [Joint, PerClass] {
            let expected = oracle(form, &s, &t, [2, 3, 12]);
            let (flat, deep) = ([2, 3, 4, 3], [2, 3, 2, 2, 3]);
            let flat = init(form).forward(tensor(flat, &s), tensor(flat, &t));
            let deep = init(form).forward(tensor(deep, &s), tensor(deep, &t));
            assert_near(scalar(flat), expected, 1e-8);
            assert_near(scalar(deep), expected, 1e-8);
        }
    }

    #[test]
    fn equal_predictions_are_at_distance_zero_per_class_and_at_their_uncertainty_jointly() {
        let x = random([2, 3, 5], 1);
        assert_near(
            scalar(init(PerClass).forward(x.clone(), x.clone())),
            0.0,
            1e-12,
        );
        let p = class_probabilities(&values(x.clone()), [2, 3, 5]);
        let agreement = p.iter().map(|p| p * p).sum::<f64>() / 10.0;
        let found = scalar(init(Joint).forward(x.clone(), x));
        assert_near(found, 1.0 - agreement, 1e-8);
    }

    #[test]
    fn opposite_certain_predictions_are_at_distance_one() {
        let (a, b) = (
            tensor([1, 2, 1], &[40.0, -40.0]),
            tensor([1, 2, 1], &[-40.0, 40.0]),
        );
        for form in [Joint, PerClass] {
            assert_near(scalar(init(form).forward(a.clone(), b.clone())), 1.0, 2e-8);
        }
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let (s, t) = (random([2, 3, 4], 3), random([2, 3, 4], 4));
        for form in [Joint, PerClass] {
            assert_gradient(s.clone(), |s| init(form).forward(s, t.clone()));
            assert_stopped(t.clone(), |t| init(form).forward(s.clone(), t));
        }
    }

    #[test]
    fn order_of_batch_and_voxels_is_immaterial() {
        let (s, t) = (random([2, 3, 4], 5), random([2, 3, 4], 6));
        for form in [Joint, PerClass] {
            let [fs, ft] = [&s, &t].map(|x| x.clone().flip([0, 2]));
            let expected = scalar(init(form).forward(s.clone(), t.clone()));
            assert_near(scalar(init(form).forward(fs, ft)), expected, 1e-12);
        }
    }

    #[test]
    fn a_class_that_neither_predicts_costs_nothing() {
        let x = tensor([1, 3, 1], &[400.0, -400.0, -400.0]);
        for form in [Joint, PerClass] {
            assert_near(scalar(init(form).forward(x.clone(), x.clone())), 0.0, 1e-12);
        }
    }

    #[test]
    #[should_panic(expected = "differ in shape")]
    fn shapes_must_agree() {
        init(Joint).forward(random([1, 2, 3], 1), random([1, 2, 4], 1));
    }

    #[test]
    #[should_panic(expected = "smoothing must be positive")]
    fn smoothing_must_be_positive() {
        DiceConsistencyLossConfig::new().with_smoothing(0.0).init();
    }
}
