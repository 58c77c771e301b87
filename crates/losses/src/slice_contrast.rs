//! Contrast between the slices that a student and a teacher see.

use burn::prelude::*;

use crate::format::Format;
use crate::similarity::{check_temperature, identification, unit};

/// Configuration of [`SliceContrastLoss`].
#[derive(Config, Debug)]
pub struct SliceContrastLossConfig {
    /// Temperature of both distributions.
    #[config(default = 0.5)]
    pub temperature: f64,
    /// Whether embeddings are scaled to length one; otherwise the plain inner product is taken.
    #[config(default = true)]
    pub normalized: bool,
}

impl SliceContrastLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> SliceContrastLoss {
        check_temperature("temperature", self.temperature);
        SliceContrastLoss {
            temperature: self.temperature,
            normalized: self.normalized,
        }
    }
}

/// Each slice is to be found among all slices, from the teacher's side and from the student's.
///
/// ```text
/// S_rc = t_r · s_c / tau
/// L    = mean_r [ log Σ_c exp S_rc − S_rr ] + mean_c [ log Σ_r exp S_rc − S_cc ]
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | s, t | the student's and the teacher's embedding of a slice, of length one if `normalized` | |
/// | tau | `temperature` | 0.5 |
///
/// # Shapes
///
/// - student, teacher: `[slices, width]`, the same slices in the same order
/// - result: `[1]`
///
/// # Notes
///
/// The positive is part of the denominator and the two directions are added. The teacher is a constant: no gradient
/// reaches it. The paper prints an inner product without saying whether embeddings are normalized.
///
/// # References
///
/// - C. You, Y. Zhou, R. Zhao, L. Staib, J. S. Duncan. SimCVD: Simple Contrastive Voxel-Wise Representation
///   Distillation for Semi-Supervised Medical Image Segmentation. IEEE TMI 41(9), 2022. arXiv 2108.06227. Equations 2
///   and 3.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::SliceContrastLossConfig;
///
/// let device = Device::flex();
/// let same = Tensor::<2>::ones([8, 3], &device); // no slice can be told from another: 2 ln 8
/// let loss = SliceContrastLossConfig::new().init().forward(same.clone(), same);
/// assert!((loss.into_scalar::<f32>() - 2.0 * 8f32.ln()).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct SliceContrastLoss {
    /// Temperature of both distributions.
    pub temperature: f64,
    /// Whether embeddings are scaled to length one.
    #[module(skip)]
    pub normalized: bool,
}

impl SliceContrastLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`SliceContrastLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward(&self, student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(found, wanted, "teacher and student slices differ in shape");
        let format = Format::of(&student);
        let (student, teacher) = (
            format.widen(student),
            format.widen(teacher.without_autodiff()),
        );
        let [student, teacher] = match self.normalized {
            true => [student, teacher].map(unit),
            false => [student, teacher],
        };
        let similarity = teacher.matmul(student.transpose()) / self.temperature; // [slices, slices]
        let back = identification(similarity.clone().transpose());
        format.narrow(identification(similarity) + back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(s: &[f64], t: &[f64], width: usize, tau: f64, normalized: bool) -> f64 {
        let rows = |x: &[f64]| -> Vec<Vec<f64>> { x.chunks(width).map(<[f64]>::to_vec).collect() };
        let (s, t) = (rows(s), rows(t));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let product = |a: &[f64], b: &[f64]| match normalized {
            true => cosine(a, b) / tau,
            false => dot(a, b) / tau,
        };
        let mut total = 0.0;
        for i in 0..s.len() {
            let of_teacher: f64 = s.iter().map(|s| product(&t[i], s).exp()).sum();
            let of_student: f64 = t.iter().map(|t| product(t, &s[i]).exp()).sum();
            total += of_teacher.ln() + of_student.ln() - 2.0 * product(&t[i], &s[i]);
        }
        total / s.len() as f64
    }

    #[test]
    fn equals_plain_loops() {
        let (s, t) = (floats(20, 1), floats(20, 2));
        for normalized in [true, false] {
            let config = SliceContrastLossConfig::new().with_normalized(normalized);
            let found = config
                .init()
                .forward(tensor([5, 4], &s), tensor([5, 4], &t));
            assert_near(scalar(found), oracle(&s, &t, 4, 0.5, normalized), 1e-12);
        }
    }

    /// Orthonormal embeddings that agree: 2 (ln(e^(1/τ) + B − 1) − 1/τ), and 2 ln B where all are equal.
    #[test]
    fn perfect_and_blind_embeddings_have_the_values_of_the_formula() {
        let loss = SliceContrastLossConfig::new().init();
        let eye: Vec<f64> = (0..64).map(|i| f64::from(i % 9 == 0)).collect();
        let eye = tensor([8, 8], &eye);
        let expected = 2.0 * ((2f64.exp() + 7.0).ln() - 2.0);
        assert_near(expected, 1.3329, 1e-4);
        assert_near(scalar(loss.forward(eye.clone(), eye)), expected, 1e-12);
        let same = tensor([160, 2], &[0.6; 320]);
        let blind = scalar(loss.forward(same.clone(), same));
        assert_near(blind, 2.0 * 160f64.ln(), 1e-10);
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let loss = SliceContrastLossConfig::new().init();
        let (s, t) = (random([4, 3], 3), random([4, 3], 4));
        assert_gradient(s.clone(), |s| loss.forward(s, t.clone()));
        assert_stopped(t, |t| loss.forward(s.clone(), t));
    }

    #[test]
    fn order_and_length_are_immaterial() {
        let loss = SliceContrastLossConfig::new().init();
        let (s, t) = (random([5, 3], 5), random([5, 3], 6));
        let expected = scalar(loss.forward(s.clone(), t.clone()));
        let moved = loss.forward(s.flip([0]) * 3.0, t.flip([0]) * 0.2);
        assert_near(scalar(moved), expected, 1e-12);
    }

    #[test]
    fn a_single_slice_costs_nothing_and_zeros_are_finite() {
        let loss = SliceContrastLossConfig::new().init();
        let one = loss.forward(random([1, 3], 1), random([1, 3], 2));
        assert_near(scalar(one), 0.0, 1e-12);
        let zeros = tensor([2, 2], &[0.0; 4]);
        assert_near(
            scalar(loss.forward(zeros.clone(), zeros)),
            2.0 * 2f64.ln(),
            1e-12,
        );
    }

    #[test]
    #[should_panic(expected = "teacher and student slices differ in shape")]
    fn shapes_must_agree() {
        let loss = SliceContrastLossConfig::new().init();
        loss.forward(random([2, 3], 1), random([3, 3], 2));
    }
}
