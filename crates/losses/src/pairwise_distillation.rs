//! Distillation of the similarities between positions of one feature map.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};

use crate::format::Format;
use crate::similarity::{log_softmax_similarity, matched};

/// What becomes of the terms of a volume's positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum PositionReduction {
    /// Their mean.
    Mean,
    /// Their sum, as the paper prints it.
    Sum,
}

/// Configuration of [`PairwiseDistillationLoss`].
#[derive(Config, Debug)]
pub struct PairwiseDistillationLossConfig {
    /// Mean or sum over the positions of a volume.
    #[config(default = "PositionReduction::Mean")]
    pub reduction: PositionReduction,
}

impl PairwiseDistillationLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> PairwiseDistillationLoss {
        PairwiseDistillationLoss {
            reduction: self.reduction,
        }
    }
}

/// Each position of the student's map is to be found among all positions of the teacher's.
///
/// ```text
/// L = −(1/M) Σ_i Σ_j log [ exp cos(s_ij, t_ij) / Σ_k exp cos(s_ij, t_ik) ]
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | s_ij, t_ij | the student's and the teacher's vector at position j of volume i |
/// | M | volumes |
///
/// By default the sum over j is a mean.
///
/// # Shapes
///
/// - student, teacher: `[batch, position, width]`
/// - result: `[1]`
///
/// # Notes
///
/// There is no temperature. With n positions the literal sum lies between n ln(1 + (n − 1)/e) and n ln n for
/// similarities between 0 and 1, about 1,100 to 1,350 for n = 245. The teacher is a constant: no gradient reaches it.
///
/// # References
///
/// - C. You, Y. Zhou, R. Zhao, L. Staib, J. S. Duncan. SimCVD: Simple Contrastive Voxel-Wise Representation
///   Distillation for Semi-Supervised Medical Image Segmentation. IEEE TMI 41(9), 2022. arXiv 2108.06227. Equation 4.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::PairwiseDistillationLossConfig;
///
/// let device = Device::flex();
/// let constant = Tensor::<3>::ones([1, 245, 4], &device); // no position can be told from another: ln 245
/// let loss = PairwiseDistillationLossConfig::new().init().forward(constant.clone(), constant);
/// assert!((loss.into_scalar::<f32>() - 245f32.ln()).abs() < 1e-4);
/// ```
#[derive(Module, Debug)]
pub struct PairwiseDistillationLoss {
    /// Mean or sum over the positions of a volume.
    #[module(skip)]
    pub reduction: PositionReduction,
}

impl PairwiseDistillationLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`PairwiseDistillationLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward(&self, student: Tensor<3>, teacher: Tensor<3>) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(found, wanted, "teacher and student maps differ in shape");
        let format = Format::of(&student);
        let teacher = format.widen(teacher.without_autodiff());
        let distribution = log_softmax_similarity(format.widen(student), teacher, 1.0);
        let mean = matched(distribution).mean().neg(); // over volumes and positions
        format.narrow(match self.reduction {
            PositionReduction::Mean => mean,
            PositionReduction::Sum => mean.mul_scalar(wanted[1] as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(s: &[f64], t: &[f64], [batch, positions, width]: [usize; 3]) -> f64 {
        let row = |x: &[f64], i: usize, j: usize| -> Vec<f64> {
            x[(i * positions + j) * width..][..width].to_vec()
        };
        let mut total = 0.0;
        for i in 0..batch {
            for j in 0..positions {
                let student = row(s, i, j);
                let all = (0..positions).map(|k| cosine(&student, &row(t, i, k)).exp());
                total += all.sum::<f64>().ln() - cosine(&student, &row(t, i, j));
            }
        }
        total / batch as f64
    }

    #[test]
    fn equals_plain_loops() {
        let (s, t) = (floats(30, 1), floats(30, 2));
        let run = |reduction| {
            let config = PairwiseDistillationLossConfig::new().with_reduction(reduction);
            let loss = config.init();
            scalar(loss.forward(tensor([2, 5, 3], &s), tensor([2, 5, 3], &t)))
        };
        let expected = oracle(&s, &t, [2, 5, 3]);
        assert_near(run(PositionReduction::Sum), expected, 1e-12);
        assert_near(run(PositionReduction::Mean), expected / 5.0, 1e-12);
    }

    /// Constant maps give ln n, matched orthogonal ones ln(1 + (n − 1)/e).
    #[test]
    fn blind_and_perfect_maps_have_the_values_of_the_formula() {
        let loss = PairwiseDistillationLossConfig::new().init();
        let constant = tensor([1, 245, 2], &[0.3; 490]);
        let blind = scalar(loss.forward(constant.clone(), constant));
        assert_near(blind, 5.5013, 1e-4);
        let eye: Vec<f64> = (0..64).map(|i| f64::from(i % 9 == 0)).collect();
        let eye = tensor([1, 8, 8], &eye);
        let expected = (1.0 + 7.0 / 1f64.exp()).ln();
        assert_near(scalar(loss.forward(eye.clone(), eye)), expected, 1e-12);
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let loss = PairwiseDistillationLossConfig::new().init();
        let (s, t) = (random([2, 3, 2], 3), random([2, 3, 2], 4));
        assert_gradient(s.clone(), |s| loss.forward(s, t.clone()));
        assert_stopped(t, |t| loss.forward(s.clone(), t));
    }

    #[test]
    fn order_and_length_are_immaterial() {
        let loss = PairwiseDistillationLossConfig::new().init();
        let (s, t) = (random([2, 4, 3], 5), random([2, 4, 3], 6));
        let expected = scalar(loss.forward(s.clone(), t.clone()));
        let moved = loss.forward(s.flip([0, 1]) * 3.0, t.flip([0, 1]) * 0.2);
        assert_near(scalar(moved), expected, 1e-12);
    }

    #[test]
    fn volumes_are_not_compared_with_one_another() {
        let loss = PairwiseDistillationLossConfig::new().init();
        let (s, t) = (random([2, 4, 3], 7), random([2, 4, 3], 8));
        let alone = |i| scalar(loss.forward(s.clone().narrow(0, i, 1), t.clone().narrow(0, i, 1)));
        let both = scalar(loss.forward(s.clone(), t.clone()));
        assert_near(both, (alone(0) + alone(1)) / 2.0, 1e-12);
    }

    #[test]
    fn a_single_position_costs_nothing_and_zeros_are_finite() {
        let loss = PairwiseDistillationLossConfig::new().init();
        let one = loss.forward(random([2, 1, 3], 1), random([2, 1, 3], 2));
        assert_near(scalar(one), 0.0, 1e-12);
        let zeros = tensor([1, 2, 2], &[0.0; 4]);
        assert_near(scalar(loss.forward(zeros.clone(), zeros)), 2f64.ln(), 1e-12);
    }

    #[test]
    #[should_panic(expected = "teacher and student maps differ in shape")]
    fn shapes_must_agree() {
        let loss = PairwiseDistillationLossConfig::new().init();
        loss.forward(random([1, 2, 3], 1), random([1, 3, 3], 2));
    }
}
