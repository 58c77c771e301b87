//! Uncertainty-aware consistency: mean squared error of class probabilities where the teacher is certain.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_kernels::total;

use crate::format::Format;
use crate::targets::{check_map, to_float};

/// Added to the denominator, as in the authors' code: the loss of an empty mask is 0.
const SMOOTHING: f64 = 1e-16;

/// Configuration of [`UncertaintyConsistencyLoss`].
#[derive(Config, Debug)]
pub struct UncertaintyConsistencyLossConfig {}

impl UncertaintyConsistencyLossConfig {
    /// Makes the loss.
    pub fn init(&self) -> UncertaintyConsistencyLoss {
        UncertaintyConsistencyLoss {}
    }
}

/// Uncertainty-aware consistency: mean squared error between the class probabilities of a student and of its teacher over the
/// voxels where the teacher is certain.
///
/// ```text
/// L = Σ_(b,v) 1[u(b,v) < H] · Σ_c (softmax_c z_s(b,·,v) − softmax_c z_t(b,·,v))² / (C · Σ_(b,v) 1[u(b,v) < H] + 1e-16)
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | z_s, z_t | the student's and the teacher's logits |
/// | u | the teacher's uncertainty, as of [`predictive_entropy`](crate::predictive_entropy()) |
/// | H | `threshold`; a voxel at the threshold does not count |
/// | C | number of classes |
///
/// # Shapes
///
/// - student, teacher: logits `[batch, class, spatial…]`
/// - uncertainty: `[batch, 1, spatial…]`
/// - result: `[1]`
///
/// # Notes
///
/// The paper divides by the number of certain voxels alone. The authors' code, for two classes, divides by twice that
/// number plus 1e-16; here 2 is read as `C`, so that with every voxel certain the loss is the mean of
/// [`ConsistencyLoss`](crate::ConsistencyLoss) for any number of classes. Teacher and uncertainty are constants: no gradient
/// reaches them.
///
/// # References
///
/// - L. Yu, S. Wang, X. Li, C.-W. Fu, P.-A. Heng. Uncertainty-aware Self-ensembling Model for Semi-supervised 3D Left
///   Atrium Segmentation. MICCAI 2019. arXiv 1907.07034. Equation 3.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::UncertaintyConsistencyLossConfig;
///
/// let device = Device::flex();
/// // The student is undecided at two voxels; the teacher's uncertainty at the second is above the threshold.
/// let student = Tensor::<3>::zeros([1, 2, 2], &device);
/// let teacher = Tensor::<3>::from_floats([[[20.0, -20.0], [-20.0, 20.0]]], &device);
/// let uncertainty = Tensor::<3>::from_floats([[[0.1, 0.6]]], &device);
/// let loss = UncertaintyConsistencyLossConfig::new().init();
/// let value = loss.forward(student, teacher, uncertainty, 0.5).into_scalar::<f32>();
/// assert!((value - 0.25).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct UncertaintyConsistencyLoss {}

impl UncertaintyConsistencyLoss {
    /// The mean over the voxels whose uncertainty is below `threshold`.
    ///
    /// # Panics
    ///
    /// Panics if the logits' shapes differ or the uncertainty is not `[batch, 1, spatial…]` for them.
    pub fn forward<const D: usize>(
        &self,
        student: Tensor<D>,
        teacher: Tensor<D>,
        uncertainty: Tensor<D>,
        threshold: f64,
    ) -> Tensor<1> {
        let (found, wanted) = (teacher.dims(), student.dims());
        assert_eq!(found, wanted, "teacher and student logits differ in shape");
        check_map("uncertainties", uncertainty.dims(), wanted);
        let format = Format::of(&student);
        let student = softmax(format.widen(student), 1);
        let teacher = softmax(format.widen(teacher.without_autodiff()), 1);
        let uncertainty = format.widen(uncertainty.without_autodiff());
        let certain = uncertainty.lower_elem(threshold);
        let certain = to_float(certain, student.dtype()); // [batch, 1, spatial…]
        let squares = (student - teacher).square().sum_dim(1);
        let counted = total(certain.clone()) * wanted[1] as f64;
        format.narrow(total(squares * certain) / (counted + SMOOTHING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConsistencyLossConfig;
    use crate::testing::*;

    fn init() -> UncertaintyConsistencyLoss {
        UncertaintyConsistencyLossConfig::new().init()
    }

    fn oracle(s: &[f64], t: &[f64], u: &[f64], [b, c, n]: [usize; 3], threshold: f64) -> f64 {
        let (p, q) = (
            class_probabilities(s, [b, c, n]),
            class_probabilities(t, [b, c, n]),
        );
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, _) in u.iter().enumerate().filter(|&(_, &u)| u < threshold) {
            count += 1.0;
            for class in 0..c {
                let j = (i / n * c + class) * n + i % n;
                sum += (p[j] - q[j]).powi(2);
            }
        }
        sum / (c as f64 * count)
    }

    #[test]
    fn equals_plain_loops_in_2d_and_3d() {
        let (s, t, u) = (floats(72, 1), floats(72, 2), floats(24, 3));
        let expected = oracle(&s, &t, &u, [2, 3, 12], 0.3);
        let flat = init().forward(
            tensor([2, 3, 4, 3], &s),
            tensor([2, 3, 4, 3], &t),
            tensor([2, 1, 4, 3], &u),
            0.3,
        );
        let (deep, map) = ([2, 3, 2, 2, 3], tensor([2, 1, 2, 2, 3], &u));
        let deep = init().forward(tensor(deep, &s), tensor(deep, &t), map, 0.3);
        assert_near(scalar(flat), expected, 1e-12);
        assert_near(scalar(deep), expected, 1e-12);
    }

    #[test]
    fn with_every_voxel_certain_it_is_the_plain_consistency() {
        for classes in [2, 4] {
            let (s, t) = (random([2, classes, 6], 1), random([2, classes, 6], 2));
            let plain = ConsistencyLossConfig::new()
                .init()
                .forward(s.clone(), t.clone());
            let found = init().forward(s, t, tensor([2, 1, 6], &[0.0; 12]), 0.5);
            assert_near(scalar(found), scalar(plain), 1e-12);
        }
    }

    #[test]
    fn the_threshold_is_exclusive_and_no_certain_voxel_costs_nothing() {
        let (t, u) = (random([1, 2, 3], 1), tensor([1, 1, 3], &[0.5; 3]));
        let run = |s| init().forward(s, t.clone(), u.clone(), 0.5);
        assert_near(scalar(run(random([1, 2, 3], 2))), 0.0, 0.0);
        assert_stopped(random([1, 2, 3], 2), run);
    }

    #[test]
    fn gradient_reaches_the_student_alone() {
        let (s, t) = (random([2, 3, 4], 3), random([2, 3, 4], 4));
        let u = random([2, 1, 4], 5);
        let run = |s, t, u| init().forward(s, t, u, 0.3);
        assert_gradient(s.clone(), |s| run(s, t.clone(), u.clone()));
        assert_stopped(t.clone(), |t| run(s.clone(), t, u.clone()));
        assert_stopped(u, |u| run(s.clone(), t.clone(), u));
    }

    #[test]
    fn order_of_batch_and_voxels_is_immaterial() {
        let (s, t, u) = (
            random([2, 3, 4], 6),
            random([2, 3, 4], 7),
            random([2, 1, 4], 8),
        );
        let flipped = init().forward(
            s.clone().flip([0, 2]),
            t.clone().flip([0, 2]),
            u.clone().flip([0, 2]),
            0.3,
        );
        let expected = init().forward(s, t, u, 0.3);
        assert_near(scalar(flipped), scalar(expected), 1e-12);
    }

    #[test]
    #[should_panic(expected = "uncertainties of shape")]
    fn uncertainty_has_one_channel() {
        let x = random([1, 2, 3], 1);
        init().forward(x.clone(), x.clone(), x, 0.5);
    }
}
