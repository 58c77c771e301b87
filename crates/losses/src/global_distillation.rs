//! Distillation of whole-image similarity distributions over anchors.

use burn::prelude::*;

use crate::divergence::kl;
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
        }
    }
}

/// Divergence between how teacher and student see an image among anchors.
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
/// - result: `[1]`
///
/// # Notes
///
/// Gradient flows to the student only. The official code of ACTION does not detach the teacher's embedding; that is
/// taken for a slip. Its 3D script has tau_t = 0.6, the paper 0.01.
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
}

impl GlobalDistillationLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`GlobalDistillationLoss`].
    ///
    /// # Panics
    ///
    /// Panics if student and teacher differ in shape or the anchors differ in width.
    pub fn forward(&self, student: Tensor<2>, teacher: Tensor<2>, anchors: Tensor<2>) -> Tensor<1> {
        check_shapes(student.dims(), teacher.dims(), anchors.dims());
        let anchors = anchors.without_autodiff();
        let teacher = log_softmax_similarity(
            teacher.without_autodiff(),
            anchors.clone(),
            self.teacher_temperature,
        ); // [batch, anchors]
        let student = log_softmax_similarity(student, anchors, self.student_temperature);
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
