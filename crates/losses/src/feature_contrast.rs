//! Contrast between the channels of embeddings.

use burn::prelude::*;

use crate::format::Format;
use crate::similarity::{check_temperature, identification, unit};

/// Configuration of [`FeatureContrastLoss`].
#[derive(Config, Debug)]
pub struct FeatureContrastLossConfig {
    /// Temperature of both distributions.
    #[config(default = 0.1)]
    pub temperature: f64,
}

impl FeatureContrastLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> FeatureContrastLoss {
        check_temperature("temperature", self.temperature);
        FeatureContrastLoss {
            temperature: self.temperature,
        }
    }
}

/// Each channel of the student is to be found among all channels of the teacher, and back: contrast along the features.
///
/// ```text
/// T_cd = corr(s_c, t_d) / tau
/// L    = 1/(2C) Σ_c { [ log Σ_d exp T_cd − T_cc ] + [ log Σ_d exp T_dc − T_cc ] }
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | s_c, t_c | channel c of the student's and of the teacher's embeddings, over all positions | |
/// | corr | their correlation: every channel is standardized over the positions (epsilon 1e-5) and scaled to length one | |
/// | tau | `temperature` | 0.1 |
///
/// # Shapes
///
/// - student, teacher: `[positions, channels]`
/// - result: `[1]`
///
/// # Notes
///
/// The loss asks for a diagonal cross-correlation: channels that differ from one another, none of them constant. The
/// teacher is a constant: no gradient reaches it.
///
/// # References
///
/// - C. You, R. Zhao, L. H. Staib, J. S. Duncan. Momentum Contrastive Voxel-wise Representation Learning for
///   Semi-supervised Volumetric Medical Image Segmentation. MICCAI 2022. arXiv 2105.07059. Known by its abstract
///   alone; the form is that of T. Nguyen et al., DimCL, IEEE Access 2023.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::FeatureContrastLossConfig;
///
/// let device = Device::flex();
/// // Two channels that do not correlate, alike in both networks: ln(e^10 + 1) - 10.
/// let z = Tensor::<2>::from_floats([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], &device);
/// let loss = FeatureContrastLossConfig::new().init().forward(z.clone(), z);
/// assert!((loss.into_scalar::<f32>() - 4.5e-5).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct FeatureContrastLoss {
    /// Temperature of both distributions.
    pub temperature: f64,
}

impl FeatureContrastLoss {
    /// Computes the loss.
    ///
    /// # Shapes
    ///
    /// As in [`FeatureContrastLoss`].
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward(&self, student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(
            found, wanted,
            "teacher and student embeddings differ in shape"
        );
        let format = Format::of(&student);
        let student = channels(format.widen(student));
        let teacher = channels(format.widen(teacher.without_autodiff()));
        let similarity = student.matmul(teacher.transpose()) / self.temperature; // [channels, channels]
        let back = identification(similarity.clone().transpose());
        format.narrow((identification(similarity) + back) / 2.0)
    }
}

/// Standardized channels of length one: `[positions, channels]` to `[channels, positions]`.
fn channels(embeddings: Tensor<2>) -> Tensor<2> {
    let centered = embeddings.clone() - embeddings.mean_dim(0);
    let variance = centered.clone().square().mean_dim(0);
    let standardized = centered / (variance + 1e-5).sqrt();
    unit(standardized.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn oracle(s: &[f64], t: &[f64], channels: usize) -> f64 {
        let column = |z: &[f64], c: usize| -> Vec<f64> {
            let x: Vec<f64> = z.iter().skip(c).step_by(channels).copied().collect();
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
            x.iter()
                .map(|x| (x - mean) / (variance + 1e-5).sqrt())
                .collect()
        };
        let product = |c: usize, d: usize| cosine(&column(s, c), &column(t, d)) / 0.1;
        let mut total = 0.0;
        for c in 0..channels {
            let there: f64 = (0..channels).map(|d| product(c, d).exp()).sum();
            let back: f64 = (0..channels).map(|d| product(d, c).exp()).sum();
            total += there.ln() + back.ln() - 2.0 * product(c, c);
        }
        total / (2 * channels) as f64
    }

    #[test]
    fn equals_plain_loops() {
        let (s, t) = (floats(24, 1), floats(24, 2));
        let loss = FeatureContrastLossConfig::new().init();
        let found = loss.forward(tensor([8, 3], &s), tensor([8, 3], &t));
        assert_near(scalar(found), oracle(&s, &t, 3), 1e-10);
    }

    /// Channels of a Hadamard matrix do not correlate: ln(e^10 + C − 1) − 10, 0.0057 for C = 128.
    #[test]
    fn perfect_channels_have_the_value_of_the_formula() {
        let loss = FeatureContrastLossConfig::new().init();
        let sign = |r: usize, c: usize| {
            if (r & c).count_ones().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        };
        let z: Vec<f64> = (0..256)
            .flat_map(|r| (1..129).map(move |c| sign(r, c)))
            .collect();
        let z = tensor([256, 128], &z);
        let expected = (10f64.exp() + 127.0).ln() - 10.0;
        assert_near(expected, 0.0057, 1e-4);
        assert_near(scalar(loss.forward(z.clone(), z)), expected, 1e-4);
    }

    #[test]
    fn constant_channels_are_finite_and_cannot_be_told_apart() {
        let loss = FeatureContrastLossConfig::new().init();
        let constant = tensor([4, 3], &[2.0; 12]);
        assert_near(
            scalar(loss.forward(constant.clone(), constant)),
            3f64.ln(),
            1e-12,
        );
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let loss = FeatureContrastLossConfig::new().init();
        let (s, t) = (random([5, 3], 3), random([5, 3], 4));
        assert_gradient(s.clone(), |s| loss.forward(s, t.clone()));
        assert_stopped(t, |t| loss.forward(s.clone(), t));
    }

    #[test]
    fn order_of_positions_and_scale_of_channels_are_immaterial() {
        let loss = FeatureContrastLossConfig::new().init();
        let (s, t) = (random([6, 3], 5), random([6, 3], 6));
        let expected = scalar(loss.forward(s.clone(), t.clone()));
        let moved = loss.forward(s.flip([0]) * 3.0 + 1.0, t.flip([0]) * 5.0 - 2.0);
        assert_near(scalar(moved), expected, 1e-4);
    }

    #[test]
    #[should_panic(expected = "teacher and student embeddings differ in shape")]
    fn shapes_must_agree() {
        let loss = FeatureContrastLossConfig::new().init();
        loss.forward(random([2, 3], 1), random([3, 3], 2));
    }
}
