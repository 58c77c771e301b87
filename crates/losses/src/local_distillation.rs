//! Distillation of patch similarity distributions over a memory bank.

use burn::prelude::*;

use crate::divergence::kl;
use crate::similarity::{check_temperature, log_softmax_similarity};

/// Which quantity the local distillation compares.
#[derive(Config, Copy, Debug, PartialEq, Eq)]
pub enum LocalDistillationForm {
    /// Each patch against the same location in the banked images, as the paper describes it.
    PerLocation,
    /// What the official code computes: buffers reinterpreted where a transpose was meant, so that a row mixes
    /// neighboring patches and images. For comparison with published weights only.
    OfficialCode,
}

/// Configuration of [`LocalDistillationLoss`].
#[derive(Config, Debug)]
pub struct LocalDistillationLossConfig {
    /// Temperature of the student's distribution.
    #[config(default = 0.1)]
    pub student_temperature: f64,
    /// Temperature of the teacher's distribution; lower than the student's, so that its targets are sharper.
    #[config(default = 0.01)]
    pub teacher_temperature: f64,
    /// Which quantity is compared.
    #[config(default = "LocalDistillationForm::PerLocation")]
    pub form: LocalDistillationForm,
}

impl LocalDistillationLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if a temperature is not positive and finite.
    pub fn init(&self) -> LocalDistillationLoss {
        check_temperature("student_temperature", self.student_temperature);
        check_temperature("teacher_temperature", self.teacher_temperature);
        LocalDistillationLoss {
            student_temperature: self.student_temperature,
            teacher_temperature: self.teacher_temperature,
            form: self.form,
        }
    }
}

/// Divergence between how teacher and student see a patch among the same patch of other images.
///
/// ```text
/// P_t[b,p,j] = softmax_j( cos(T[b,p], M[j,p]) / tau_t )
/// P_s[b,p,j] = softmax_j( cos(S[b,p], M[j,p]) / tau_s )
/// L          = 1/(B P) sum_{b,p} KL( P_t[b,p] || P_s[b,p] )
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | S, T | student and teacher embedding of patch p | |
/// | M | memory bank of teacher embeddings of past images | |
/// | tau_s | `student_temperature` | 0.1 |
/// | tau_t | `teacher_temperature` | 0.01 |
///
/// [`LocalDistillationForm::OfficialCode`] instead stores S, T and M in the order (patch, image, feature), reads
/// the flat buffers as matrices of P columns, `[B F, P]` and `[K F, P]`, and takes the same divergence
/// of their rows: cosines `[B F, K F]`, mean over the B F rows.
///
/// # Shapes
///
/// - student, teacher: `[batch, patches, width]`
/// - bank: `[entries, patches, width]`
/// - result: `[1]`
///
/// # Notes
///
/// Gradient flows to the student only. The official code also enqueues its bank in a wrong order when the batch is larger than
/// one; the bank here is taken as given. Its cosine matrix has `B K F^2` entries.
///
/// # References
///
/// - C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan. Bootstrapping Semi-supervised Medical Image Segmentation with
///   Anatomical-aware Contrastive Distillation. IPMI 2023. arXiv 2206.02307. Local distillation loss.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::LocalDistillationLossConfig;
///
/// let device = Device::flex();
/// let loss = LocalDistillationLossConfig::new().with_teacher_temperature(0.1).init();
/// let bank = Tensor::<3>::from_floats([[[1.0, 0.0]], [[0.0, 1.0]]], &device);
/// let teacher = Tensor::<3>::from_floats([[[2.0, 1.0]]], &device);
/// let value = loss.forward(teacher.clone(), teacher, bank);
/// assert!(value.into_scalar::<f32>().abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct LocalDistillationLoss {
    /// Temperature of the student's distribution.
    pub student_temperature: f64,
    /// Temperature of the teacher's distribution.
    pub teacher_temperature: f64,
    /// Which quantity is compared.
    #[module(skip)]
    pub form: LocalDistillationForm,
}

impl LocalDistillationLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`LocalDistillationLoss`].
    ///
    /// # Panics
    ///
    /// Panics if student and teacher differ in shape or the bank differs in patches or width.
    pub fn forward(&self, student: Tensor<3>, teacher: Tensor<3>, bank: Tensor<3>) -> Tensor<1> {
        check_shapes(student.dims(), teacher.dims(), bank.dims());
        let (teacher, bank) = (teacher.without_autodiff(), bank.without_autodiff());
        match self.form {
            LocalDistillationForm::PerLocation => self.divergence(
                patch_major(student),
                patch_major(teacher),
                patch_major(bank),
            ),
            LocalDistillationForm::OfficialCode => self.divergence(
                reinterpreted(student),
                reinterpreted(teacher),
                reinterpreted(bank),
            ),
        }
    }

    fn divergence<const D: usize>(
        &self,
        student: Tensor<D>,
        teacher: Tensor<D>,
        bank: Tensor<D>,
    ) -> Tensor<1> {
        let teacher = log_softmax_similarity(teacher, bank.clone(), self.teacher_temperature);
        let student = log_softmax_similarity(student, bank, self.student_temperature);
        kl(teacher, student)
    }
}

/// `[images, patches, width]` to `[patches, images, width]`.
fn patch_major(embeddings: Tensor<3>) -> Tensor<3> {
    embeddings.swap_dims(0, 1)
}

/// The buffer of (patch, image, feature) read as `[images * width, patches]`, without the transpose it needs.
fn reinterpreted(embeddings: Tensor<3>) -> Tensor<2> {
    let [images, patches, width] = embeddings.dims();
    patch_major(embeddings).reshape([images * width, patches])
}

fn check_shapes(student: [usize; 3], teacher: [usize; 3], bank: [usize; 3]) {
    assert!(
        student == teacher && student[1..] == bank[1..],
        "expected student and teacher [batch, patches, width] and a bank [entries, patches, width], \
         found {student:?}, {teacher:?} and {bank:?}"
    );
}
