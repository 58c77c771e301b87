//! Contrast between positions of feature maps.

use burn::prelude::*;

use crate::format::Format;
use crate::similarity::{check_temperature, identification, unit};

/// Configuration of [`PositionContrastLoss`].
#[derive(Config, Debug)]
pub struct PositionContrastLossConfig {
    /// Temperature of the distribution.
    #[config(default = 0.1)]
    pub temperature: f64,
}

impl PositionContrastLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> PositionContrastLoss {
        check_temperature("temperature", self.temperature);
        PositionContrastLoss {
            temperature: self.temperature,
        }
    }
}

/// Each position of the student is to be found among all positions of the teacher: contrast along the batch.
///
/// ```text
/// S_rc = cos(s_r, t_c) / tau
/// L    = (1/n) Σ_r [ log Σ_c exp S_rc − S_rr ]
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | s_r, t_r | the student's and the teacher's embedding of position r, of any volume of the batch | |
/// | tau | `temperature` | 0.1 |
///
/// Pairs marked as excluded take no part in the sum over c.
///
/// # Shapes
///
/// - student, teacher: `[positions, width]`
/// - excluded: `[positions, positions]`, student by teacher
/// - result: `[1]`
///
/// # Notes
///
/// No two different positions are ever a positive pair. The teacher is a constant: no gradient reaches it. For one
/// anchor the pull on the positive equals the push on all negatives together, which they share as a softmax over
/// their similarities: the harder a negative, the more of it.
///
/// # References
///
/// - C. You, R. Zhao, L. H. Staib, J. S. Duncan. Momentum Contrastive Voxel-wise Representation Learning for
///   Semi-supervised Volumetric Medical Image Segmentation. MICCAI 2022. arXiv 2105.07059. Known by its abstract
///   alone; the form is that of K. Chaitanya et al., NeurIPS 2020, arXiv 2006.10511.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::PositionContrastLossConfig;
///
/// let device = Device::flex();
/// let same = Tensor::<2>::ones([490, 4], &device); // no position can be told from another: ln 490
/// let loss = PositionContrastLossConfig::new().init().forward(same.clone(), same, None);
/// assert!((loss.into_scalar::<f32>() - 490f32.ln()).abs() < 1e-4);
/// ```
#[derive(Module, Debug)]
pub struct PositionContrastLoss {
    /// Temperature of the distribution.
    pub temperature: f64,
}

impl PositionContrastLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`PositionContrastLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward(
        &self,
        student: Tensor<2>,
        teacher: Tensor<2>,
        excluded: Option<Tensor<2, Bool>>,
    ) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(
            found, wanted,
            "teacher and student positions differ in shape"
        );
        let format = Format::of(&student);
        let teacher = unit(format.widen(teacher.without_autodiff()));
        let similarity = unit(format.widen(student)).matmul(teacher.transpose()) / self.temperature;
        let similarity = match excluded {
            Some(excluded) => similarity.mask_fill(excluded, -1e9),
            None => similarity,
        };
        format.narrow(identification(similarity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(s: &[f64], t: &[f64], width: usize, skip: impl Fn(usize, usize) -> bool) -> f64 {
        let row = |x: &[f64], i: usize| -> Vec<f64> { x[i * width..][..width].to_vec() };
        let n = s.len() / width;
        let mut total = 0.0;
        for r in 0..n {
            let all = (0..n).filter(|&c| !skip(r, c));
            let all: f64 = all
                .map(|c| (cosine(&row(s, r), &row(t, c)) / 0.1).exp())
                .sum();
            total += all.ln() - cosine(&row(s, r), &row(t, r)) / 0.1;
        }
        total / n as f64
    }

    #[test]
    fn equals_plain_loops_with_and_without_excluded_pairs() {
        let (s, t) = (floats(20, 1), floats(20, 2));
        let loss = PositionContrastLossConfig::new().init();
        let run = |excluded| scalar(loss.forward(tensor([5, 4], &s), tensor([5, 4], &t), excluded));
        assert_near(run(None), oracle(&s, &t, 4, |_, _| false), 1e-10);
        let near = |r: usize, c: usize| r.abs_diff(c) == 1;
        let mask: Vec<bool> = (0..25).map(|i| near(i / 5, i % 5)).collect();
        let mask = TensorData::new(mask, [5, 5]);
        let mask = Tensor::<2, Bool>::from_data(mask, &Device::flex().autodiff());
        assert_near(run(Some(mask)), oracle(&s, &t, 4, near), 1e-10);
    }

    #[test]
    fn blind_embeddings_give_the_logarithm_of_the_positions() {
        let loss = PositionContrastLossConfig::new().init();
        for (n, expected) in [(490, 6.194), (1024, 6.931)] {
            let same = tensor([n, 2], &vec![0.4; 2 * n]);
            let found = scalar(loss.forward(same.clone(), same, None));
            assert_near(found, expected, 1e-3);
        }
    }

    /// With q the softmax of a row: dL/dS_rr = −(1/n) Σ_{k≠r} q_rk, dL/dS_rk = q_rk / n.
    #[test]
    fn a_negative_is_pushed_by_its_share_of_the_softmax() {
        let values_in = floats(16, 3);
        let found = gradient(tensor([4, 4], &values_in), identification).unwrap_or_default();
        for r in 0..4 {
            let q = softmax(&values_in[4 * r..4 * r + 4]);
            for k in 0..4 {
                let expected = if k == r { q[k] - 1.0 } else { q[k] };
                assert_near(found[4 * r + k], expected / 4.0, 1e-12);
            }
        }
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let loss = PositionContrastLossConfig::new().init();
        let (s, t) = (random([4, 3], 3), random([4, 3], 4));
        assert_gradient(s.clone(), |s| loss.forward(s, t.clone(), None));
        assert_stopped(t, |t| loss.forward(s.clone(), t, None));
    }

    #[test]
    fn order_and_length_are_immaterial_and_one_position_costs_nothing() {
        let loss = PositionContrastLossConfig::new().init();
        let (s, t) = (random([5, 3], 5), random([5, 3], 6));
        let expected = scalar(loss.forward(s.clone(), t.clone(), None));
        let moved = loss.forward(s.clone().flip([0]) * 3.0, t.clone().flip([0]) * 0.2, None);
        assert_near(scalar(moved), expected, 1e-10);
        let one = loss.forward(s.narrow(0, 0, 1), t.narrow(0, 0, 1), None);
        assert_near(scalar(one), 0.0, 1e-12);
    }

    #[test]
    #[should_panic(expected = "teacher and student positions differ in shape")]
    fn shapes_must_agree() {
        let loss = PositionContrastLossConfig::new().init();
        loss.forward(random([2, 3], 1), random([3, 3], 2), None);
    }
}
