//! Kullback-Leibler divergence of distributions given by their logarithms.

use burn::prelude::*;

/// `sum_j P_t[j] (log P_t[j] - log P_s[j])` along the last axis, which becomes 1.
///
/// Both are logarithms from a log-softmax, hence finite: a probability that underflows to 0 adds 0.
pub(crate) fn kl<const D: usize>(teacher_log: Tensor<D>, student_log: Tensor<D>) -> Tensor<D> {
    let weighted = teacher_log.clone().exp() * (teacher_log - student_log);
    weighted.sum_dim(D - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn the_teacher_weighs_the_logarithms() {
        let teacher = tensor([1, 2], &[0.9f64.ln(), 0.1f64.ln()]);
        let student = tensor([1, 2], &[0.5f64.ln(), 0.5f64.ln()]);
        let forward = 0.9 * 1.8f64.ln() + 0.1 * 0.2f64.ln();
        let reverse = 0.5 * (1.0 / 1.8f64).ln() + 0.5 * 5f64.ln();
        let found = [kl(teacher.clone(), student.clone()), kl(student, teacher)];
        for (found, expected) in found.into_iter().zip([forward, reverse]) {
            assert_near(values(found)[0], expected, 1e-12);
        }
    }

    #[test]
    fn vanishing_probability_adds_nothing() {
        let teacher = tensor([1, 2], &[0.0, -2000.0]);
        let student = tensor([1, 2], &[-0.5, -20.0]);
        assert_near(values(kl(teacher, student))[0], 0.5, 1e-12);
    }
}
