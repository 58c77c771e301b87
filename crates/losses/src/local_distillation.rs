//! Relational distillation of patches over a memory bank.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};

use crate::divergence::kl;
use crate::format::Format;
use crate::similarity::{check_temperature, log_softmax_similarity};

/// The quantity that [`LocalDistillationLoss`] compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum LocalDistillationForm {
    /// Each patch against the same location in the banked images, as the paper describes it.
    PerLocation,
    /// The quantity of the official code: buffers are reinterpreted where a transpose was meant, so that a row mixes
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
    /// The quantity that is compared.
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

/// Relational distillation of patches: Kullback-Leibler divergence between the teacher's and the student's softmax over a
/// patch's similarities to the same patch of banked images.
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
    /// The quantity that is compared.
    #[module(skip)]
    pub form: LocalDistillationForm,
}

impl LocalDistillationLoss {
    /// The mean divergence over batch and patches.
    ///
    /// # Panics
    ///
    /// Panics if student and teacher differ in shape or the bank differs in patches or width.
    pub fn forward(&self, student: Tensor<3>, teacher: Tensor<3>, bank: Tensor<3>) -> Tensor<1> {
        check_shapes(student.dims(), teacher.dims(), bank.dims());
        let format = Format::of(&student);
        let [teacher, bank] =
            [teacher, bank].map(|constant| format.widen(constant.without_autodiff()));
        let student = format.widen(student);
        let loss = match self.form {
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
        };
        format.narrow(loss)
    }

    fn divergence<const D: usize>(
        &self,
        student: Tensor<D>,
        teacher: Tensor<D>,
        bank: Tensor<D>,
    ) -> Tensor<1> {
        let teacher = log_softmax_similarity(teacher, bank.clone(), self.teacher_temperature);
        let student = log_softmax_similarity(student, bank, self.student_temperature);
        kl(teacher, student).mean()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const FORMS: [LocalDistillationForm; 2] = [
        LocalDistillationForm::PerLocation,
        LocalDistillationForm::OfficialCode,
    ];

    fn init(form: LocalDistillationForm) -> LocalDistillationLoss {
        LocalDistillationLossConfig::new().with_form(form).init()
    }

    /// Two images and three bank entries of five patches with four features.
    fn inputs() -> [Tensor<3>; 3] {
        [
            random([2, 5, 4], 1),
            random([2, 5, 4], 2),
            random([3, 5, 4], 3),
        ]
    }

    fn patch(x: &[f64], image: usize, patch: usize) -> Vec<f64> {
        (0..4).map(|f| x[(image * 5 + patch) * 4 + f]).collect()
    }

    /// Rows of five taken from the buffer ordered (patch, image, feature).
    fn slipped_rows(x: &[f64], images: usize) -> Vec<Vec<f64>> {
        let mut buffer = Vec::new();
        for p in 0..5 {
            (0..images).for_each(|image| buffer.extend(patch(x, image, p)));
        }
        buffer.chunks(5).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn per_location_equals_plain_loops() {
        let [student, teacher, bank] = inputs();
        let (s, t, m) = (
            values(student.clone()),
            values(teacher.clone()),
            values(bank.clone()),
        );
        let mut expected = 0.0;
        for p in 0..5 {
            let keys: Vec<_> = (0..3).map(|j| patch(&m, j, p)).collect();
            for b in 0..2 {
                expected += divergence(&patch(&s, b, p), &patch(&t, b, p), &keys, [0.1, 0.01]);
            }
        }
        let found = init(LocalDistillationForm::PerLocation).forward(student, teacher, bank);
        assert_near(scalar(found), expected / 10.0, 1e-10);
    }

    #[test]
    fn official_code_equals_plain_loops() {
        let [student, teacher, bank] = inputs();
        let s = slipped_rows(&values(student.clone()), 2);
        let t = slipped_rows(&values(teacher.clone()), 2);
        let m = slipped_rows(&values(bank.clone()), 3);
        assert_eq!((s.len(), m.len()), (8, 12)); // B F and K F
        let terms = s
            .iter()
            .zip(&t)
            .map(|(s, t)| divergence(s, t, &m, [0.1, 0.01]));
        let expected = terms.sum::<f64>() / 8.0;
        let found = init(LocalDistillationForm::OfficialCode).forward(student, teacher, bank);
        assert_near(scalar(found), expected, 1e-10);
    }

    #[test]
    fn equal_distributions_give_zero() {
        let [_, teacher, bank] = inputs();
        for form in FORMS {
            let config = LocalDistillationLossConfig::new().with_teacher_temperature(0.1);
            let loss = config.with_form(form).init();
            let value = loss.forward(teacher.clone(), teacher.clone(), bank.clone());
            assert_near(scalar(value), 0.0, 1e-12);
        }
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let [s, t, m] = inputs();
        for loss in FORMS.map(init) {
            assert_gradient(s.clone(), |x| loss.forward(x, t.clone(), m.clone()));
            assert_stopped(t.clone(), |x| loss.forward(s.clone(), x, m.clone()));
            assert_stopped(m.clone(), |x| loss.forward(s.clone(), t.clone(), x));
        }
    }

    #[test]
    fn order_and_length_are_immaterial_per_location() {
        let [s, t, m] = inputs();
        let loss = init(LocalDistillationForm::PerLocation);
        let expected = scalar(loss.forward(s.clone(), t.clone(), m.clone()));
        let moved = loss.forward(
            s.flip([0, 1]).mul_scalar(3.0),
            t.flip([0, 1]),
            m.flip([0, 1]).mul_scalar(0.2),
        );
        assert_near(scalar(moved), expected, 1e-10);
    }

    #[test]
    fn batch_of_one_and_zero_vectors() {
        let [s, t, m] = inputs();
        for loss in FORMS.map(init) {
            let one = loss.forward(
                s.clone().narrow(0, 0, 1),
                t.clone().narrow(0, 0, 1),
                m.clone(),
            );
            assert!(scalar(one) > 0.0);
            let run = |x| loss.forward(x, t.clone(), m.clone());
            assert!(scalar(run(s.clone().zeros_like())).is_finite());
            assert_stopped(tensor([2, 5, 4], &[0.0; 40]), run);
        }
    }

    #[test]
    #[should_panic(expected = "a bank [entries, patches, width]")]
    fn patches_must_agree() {
        let [s, t, m] = inputs();
        init(LocalDistillationForm::PerLocation).forward(s, t, m.narrow(1, 0, 4));
    }
}
