//! Mean squared error of class probabilities.

use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::Reduction;
use crate::format::Format;

/// Configuration of [`ConsistencyLoss`].
#[derive(Config, Debug)]
pub struct ConsistencyLossConfig {
    /// Mean or sum over batch, classes and voxels.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl ConsistencyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> ConsistencyLoss {
        ConsistencyLoss {
            reduction: self.reduction,
        }
    }
}

/// Mean squared error between the class probabilities of a student and of its teacher.
///
/// ```text
/// L = mean over (b, c, v) of (softmax_c z_s(b,·,v) − softmax_c z_t(b,·,v))²
/// ```
///
/// # Shapes
///
/// - student, teacher: logits `[batch, class, spatial…]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, class, spatial…]`
///
/// # Notes
///
/// The teacher is a constant: no gradient reaches it.
///
/// # References
///
/// - A. Tarvainen, H. Valpola. Mean teachers are better role models. NeurIPS 2017. arXiv 1703.01780. Section 3.
/// - L. Yu et al. Uncertainty-aware Self-ensembling Model for Semi-supervised 3D Left Atrium Segmentation.
///   MICCAI 2019. arXiv 1907.07034. Equation 1, without its mask.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::ConsistencyLossConfig;
///
/// let device = Device::flex();
/// let sure = Tensor::<3>::from_floats([[[20.0], [-20.0]]], &device);
/// let unsure = Tensor::<3>::from_floats([[[0.0], [0.0]]], &device);
/// let loss = ConsistencyLossConfig::new().init().forward(unsure, sure);
/// assert!((loss.into_scalar::<f32>() - 0.25).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct ConsistencyLoss {
    /// Mean or sum over batch, classes and voxels.
    #[module(skip)]
    pub reduction: Reduction,
}

impl ConsistencyLoss {
    /// The loss, reduced over all probabilities.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward<const D: usize>(&self, student: Tensor<D>, teacher: Tensor<D>) -> Tensor<1> {
        let teacher = probabilities(&student, teacher);
        self.forward_probabilities(student, teacher)
    }

    /// The squared difference of each probability.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        student: Tensor<D>,
        teacher: Tensor<D>,
    ) -> Tensor<D> {
        let (format, teacher) = (Format::of(&student), probabilities(&student, teacher));
        format.narrow(squares(student, teacher))
    }

    /// The loss against class probabilities instead of logits, such as a mixture of a teacher's predictions.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_probabilities<const D: usize>(
        &self,
        student: Tensor<D>,
        probabilities: Tensor<D>,
    ) -> Tensor<1> {
        let format = Format::of(&student);
        format.narrow(self.reduction.apply(squares(student, probabilities)))
    }
}

/// The teacher's class probabilities, as constants.
fn probabilities<const D: usize>(student: &Tensor<D>, teacher: Tensor<D>) -> Tensor<D> {
    let (found, wanted) = (teacher.dims(), student.dims());
    assert_eq!(found, wanted, "teacher and student logits differ in shape");
    softmax(Format::of(student).widen(teacher.without_autodiff()), 1)
}

fn squares<const D: usize>(student: Tensor<D>, probabilities: Tensor<D>) -> Tensor<D> {
    let (found, wanted) = (probabilities.dims(), student.dims());
    assert_eq!(found, wanted, "probabilities and logits differ in shape");
    let format = Format::of(&student);
    let probabilities = format.widen(probabilities.without_autodiff());
    (softmax(format.widen(student), 1) - probabilities).square()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn init() -> ConsistencyLoss {
        ConsistencyLossConfig::new().init()
    }

    fn oracle(s: &[f64], t: &[f64], shape: [usize; 3]) -> f64 {
        let (p, q) = (class_probabilities(s, shape), class_probabilities(t, shape));
        let squares = p.iter().zip(&q).map(|(p, q)| (p - q) * (p - q));
        squares.sum::<f64>() / p.len() as f64
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (s, t) = (floats(72, 1), floats(72, 2));
        let expected = oracle(&s, &t, [2, 3, 12]);
        let flat = init().forward(tensor([2, 3, 4, 3], &s), tensor([2, 3, 4, 3], &t));
        let deep = init().forward(tensor([2, 3, 2, 2, 3], &s), tensor([2, 3, 2, 2, 3], &t));
        assert_near(scalar(flat), expected, 1e-12);
        assert_near(scalar(deep), expected, 1e-12);
    }

    #[test]
    fn equal_logits_give_zero_and_opposite_certainty_gives_one() {
        let x = random([2, 3, 4], 1);
        assert_near(scalar(init().forward(x.clone(), x)), 0.0, 1e-30);
        let sure = tensor([1, 2, 1], &[400.0, -400.0]);
        assert_near(scalar(init().forward(sure.clone(), sure.neg())), 1.0, 1e-12);
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let (s, t) = (random([2, 3, 4], 3), random([2, 3, 4], 4));
        assert_gradient(s.clone(), |s| init().forward(s, t.clone()));
        assert_stopped(t, |t| init().forward(s.clone(), t));
    }

    #[test]
    fn probabilities_may_stand_for_logits() {
        let (s, t) = (floats(24, 5), floats(24, 6));
        let given = tensor([2, 3, 4], &class_probabilities(&t, [2, 3, 4]));
        let run = |s, p| init().forward_probabilities(s, p);
        let found = run(tensor([2, 3, 4], &s), given.clone());
        assert_near(scalar(found), oracle(&s, &t, [2, 3, 4]), 1e-12);
        assert_stopped(given, |p| run(tensor([2, 3, 4], &s), p));
    }

    #[test]
    #[should_panic(expected = "teacher and student logits differ in shape")]
    fn shapes_must_agree() {
        init().forward(random([1, 2, 3], 1), random([1, 2, 4], 1));
    }
}
