//! Relational distillation of images over a memory bank.

use burn::prelude::*;

use crate::Reduction;
use crate::divergence::kl;
use crate::format::Format;
use crate::similarity::{check_temperature, log_softmax_similarity};

/// Configuration of [`GlobalDistillationLoss`].
#[derive(Config, Debug)]
pub struct GlobalDistillationLossConfig {
    /// Temperature of the student's distribution.
    #[config(default = 0.1)]
    pub student_temperature: f64,
    /// Temperature of the teacher's distribution; lower than the student's, so that its targets are sharper.
    #[config(default = 0.01)]
    pub teacher_temperature: f64,
    /// Mean or sum over the batch.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl GlobalDistillationLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if a temperature is not positive and finite.
    pub fn init(&self) -> GlobalDistillationLoss {
        check_temperature("student_temperature", self.student_temperature);
        check_temperature("teacher_temperature", self.teacher_temperature);
        GlobalDistillationLoss {
            student_temperature: self.student_temperature,
            teacher_temperature: self.teacher_temperature,
            reduction: self.reduction,
        }
    }
}

/// Relational distillation of images: Kullback-Leibler divergence between the teacher's and the student's softmax over an
/// image's similarities to anchors.
///
/// ```text
/// P_t[b,j] = softmax_j( cos(z_t[b], a_j) / tau_t )
/// P_s[b,j] = softmax_j( cos(z_s[b], a_j) / tau_s )
/// L        = (1/B) sum_b KL( P_t[b] || P_s[b] )
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | z_s, z_t | student and teacher embedding | |
/// | a_j | anchor, an embedding of another image | |
/// | tau_s | `student_temperature` | 0.1 |
/// | tau_t | `teacher_temperature` | 0.01 |
///
/// # Shapes
///
/// - student, teacher: `[batch, width]`
/// - anchors: `[anchors, width]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, 1]`
///
/// # Notes
///
/// Gradient flows to the student only. The official code of ACTION does not detach the teacher's embedding; that is
/// treated as an oversight. Its 3D script has tau_t = 0.6, the paper 0.01.
///
/// # References
///
/// - C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan. Bootstrapping Semi-supervised Medical Image Segmentation with
///   Anatomical-aware Contrastive Distillation. IPMI 2023. arXiv 2206.02307. Global distillation loss.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::GlobalDistillationLossConfig;
///
/// let device = Device::flex();
/// let config = GlobalDistillationLossConfig::new().with_teacher_temperature(0.1);
/// let anchors = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let teacher = Tensor::<2>::from_floats([[3.0, 1.0]], &device);
/// // Equal directions at equal temperature: no divergence, whatever the lengths.
/// let value = config.init().forward(teacher.clone().mul_scalar(7.0), teacher, anchors);
/// assert!(value.into_scalar::<f32>().abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct GlobalDistillationLoss {
    /// Temperature of the student's distribution.
    pub student_temperature: f64,
    /// Temperature of the teacher's distribution.
    pub teacher_temperature: f64,
    /// Mean or sum over the batch.
    #[module(skip)]
    pub reduction: Reduction,
}

impl GlobalDistillationLoss {
    /// The loss, reduced over the batch.
    ///
    /// # Panics
    ///
    /// Panics if student and teacher differ in shape or the anchors differ in width.
    pub fn forward(&self, student: Tensor<2>, teacher: Tensor<2>, anchors: Tensor<2>) -> Tensor<1> {
        let format = Format::of(&student);
        let losses = self.losses(student, teacher, anchors);
        format.narrow(self.reduction.apply(losses))
    }

    /// The divergence of each image.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction(
        &self,
        student: Tensor<2>,
        teacher: Tensor<2>,
        anchors: Tensor<2>,
    ) -> Tensor<2> {
        let format = Format::of(&student);
        format.narrow(self.losses(student, teacher, anchors))
    }

    fn losses(&self, student: Tensor<2>, teacher: Tensor<2>, anchors: Tensor<2>) -> Tensor<2> {
        check_shapes(student.dims(), teacher.dims(), anchors.dims());
        let format = Format::of(&student);
        let [teacher, anchors] =
            [teacher, anchors].map(|constant| format.widen(constant.without_autodiff()));
        let teacher = log_softmax_similarity(teacher, anchors.clone(), self.teacher_temperature); // [batch, anchors]
        let student =
            log_softmax_similarity(format.widen(student), anchors, self.student_temperature);
        kl(teacher, student)
    }
}

fn check_shapes(student: [usize; 2], teacher: [usize; 2], anchors: [usize; 2]) {
    assert!(
        student == teacher && student[1] == anchors[1],
        "expected student and teacher [batch, width] and anchors [anchors, width], \
         found {student:?}, {teacher:?} and {anchors:?}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn inputs(batch: usize) -> [Tensor<2>; 3] {
        [
            random([batch, 4], 1),
            random([batch, 4], 2),
            random([5, 4], 3),
        ]
    }

    #[test]
    fn equals_plain_loops() {
        let [student, teacher, anchors] = inputs(3);
        let rows = |x: &Tensor<2>| -> Vec<Vec<f64>> {
            values(x.clone()).chunks(4).map(<[f64]>::to_vec).collect()
        };
        let (s, t, a) = (rows(&student), rows(&teacher), rows(&anchors));
        let terms = s
            .iter()
            .zip(&t)
            .map(|(s, t)| divergence(s, t, &a, [0.1, 0.05]));
        let expected = terms.sum::<f64>() / 3.0;
        let loss = GlobalDistillationLossConfig::new()
            .with_teacher_temperature(0.05)
            .init();
        assert_near(
            scalar(loss.forward(student, teacher, anchors)),
            expected,
            1e-10,
        );
    }

    #[test]
    fn equal_distributions_give_zero() {
        let [_, teacher, anchors] = inputs(3);
        let loss = GlobalDistillationLossConfig::new()
            .with_teacher_temperature(0.1)
            .init();
        assert_near(
            scalar(loss.forward(teacher.clone(), teacher, anchors)),
            0.0,
            1e-12,
        );
    }

    #[test]
    fn divergence_is_from_teacher_to_student() {
        let loss = GlobalDistillationLossConfig::new()
            .with_teacher_temperature(1.0)
            .with_student_temperature(1.0)
            .init();
        let anchors = tensor([2, 2], &[1.0, 0.0, -1.0, 0.0]);
        let (sharp, even) = (tensor([1, 2], &[2.0, 0.0]), tensor([1, 2], &[0.0, 2.0]));
        let p = softmax(&[1.0, -1.0]);
        let expected: f64 = p.iter().map(|p| p * (2.0 * p).ln()).sum();
        assert_near(scalar(loss.forward(even, sharp, anchors)), expected, 1e-12);
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let [s, t, a] = inputs(2);
        let loss = GlobalDistillationLossConfig::new().init();
        assert_gradient(s.clone(), |x| loss.forward(x, t.clone(), a.clone()));
        assert_stopped(t.clone(), |x| loss.forward(s.clone(), x, a.clone()));
        assert_stopped(a, |x| loss.forward(s.clone(), t.clone(), x));
    }

    #[test]
    fn order_and_length_are_immaterial() {
        let [s, t, a] = inputs(3);
        let loss = GlobalDistillationLossConfig::new().init();
        let expected = scalar(loss.forward(s.clone(), t.clone(), a.clone()));
        let moved = loss.forward(
            s.flip([0]).mul_scalar(3.0),
            t.flip([0]).mul_scalar(0.2),
            a.flip([0]).mul_scalar(11.0),
        );
        assert_near(scalar(moved), expected, 1e-10);
    }

    #[test]
    fn single_image_single_anchor_and_zero_vectors() {
        let loss = GlobalDistillationLossConfig::new().init();
        let one = loss.forward(random([1, 4], 1), random([1, 4], 2), random([1, 4], 3));
        assert_near(scalar(one), 0.0, 1e-12);
        let zeros = tensor([1, 4], &[0.0; 4]);
        let run = |x| loss.forward(x, random([1, 4], 2), random([5, 4], 3));
        assert!(scalar(run(zeros.clone())).is_finite());
        assert_stopped(zeros, run);
    }

    #[test]
    #[should_panic(expected = "expected student and teacher [batch, width]")]
    fn widths_must_agree() {
        let loss = GlobalDistillationLossConfig::new().init();
        loss.forward(random([1, 4], 1), random([1, 4], 2), random([5, 3], 3));
    }
}
