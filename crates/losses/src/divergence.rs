//! Kullback-Leibler divergence of distributions given by their logarithms.

use burn::prelude::*;

/// `mean over rows of sum_j P_t[j] (log P_t[j] - log P_s[j])`, the distributions lying along the last axis.
///
/// Both are logarithms from a log-softmax, hence finite: a probability that underflows to 0 adds 0.
pub(crate) fn kl<const D: usize>(teacher_log: Tensor<D>, student_log: Tensor<D>) -> Tensor<1> {
    let weighted = teacher_log.clone().exp() * (teacher_log - student_log);
    weighted.sum_dim(D - 1).mean()
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
        assert_near(scalar(kl(teacher.clone(), student.clone())), forward, 1e-12);
        assert_near(scalar(kl(student, teacher)), reverse, 1e-12);
    }

    #[test]
    fn vanishing_probability_adds_nothing() {
        let teacher = tensor([1, 2], &[0.0, -2000.0]);
        let student = tensor([1, 2], &[-0.5, -20.0]);
        assert_near(scalar(kl(teacher, student)), 0.5, 1e-12);
    }
}
