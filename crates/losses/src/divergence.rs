//! Kullback-Leibler divergence of distributions given by their logarithms.

use burn::prelude::*;

/// `mean over rows of sum_j P_t[j] (log P_t[j] - log P_s[j])`, the distributions lying along the last axis.
///
/// Both are logarithms from a log-softmax, hence finite: a probability that underflows to 0 adds 0.
pub(crate) fn kl<const D: usize>(teacher_log: Tensor<D>, student_log: Tensor<D>) -> Tensor<1> {
    let weighted = teacher_log.clone().exp() * (teacher_log - student_log);
    weighted.sum_dim(D - 1).mean()
}
