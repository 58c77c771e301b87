//! The mean teacher: an exponential moving average (EMA) of the student's parameters.
//!
//! ```text
//! θ_t ← m·θ_t + (1 − m)·θ_s
//! ```
//!
//! Only trainable parameters are averaged. Batch-norm running statistics of
//! the teacher follow the teacher's own forward passes, as in the reference
//! implementations of the mean-teacher family.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use semivox_kernels::moving_average;

/// Returns a teacher that starts with a copy of the student's weights and shares no buffers with it.
///
/// A plain clone would share batch-norm buffers with the student. The teacher
/// stays in training mode: given an input on an autodiff device it uses batch
/// statistics and active dropout, but none of its parameters require gradients
/// and so its forward pass records no graph.
///
/// # Examples
/// ```
/// use burn::prelude::*;
/// use burn::nn::LinearConfig;
/// use semivox_methods::ema::teacher_of;
/// let student = LinearConfig::new(2, 1).init(&Device::flex().autodiff());
/// let teacher = teacher_of(&student);
/// assert!(!teacher.weight.is_require_grad());
/// ```
///
/// # References
/// A. Tarvainen, H. Valpola, "Mean teachers are better role models", NeurIPS 2017.
pub fn teacher_of<M: Module>(student: &M) -> M {
    student.valid().train().no_grad()
}

/// Returns the warmed-up momentum at step `t`, counted from 0: `min(1 − 1/(t + 1), m)`.
///
/// Early on the average follows the student closely and forgets the random initial weights.
///
/// # Examples
/// ```
/// use semivox_methods::ema::warmed_up;
/// assert_eq!(warmed_up(0.99, 0), 0.0);
/// assert_eq!(warmed_up(0.99, 3), 0.75);
/// assert_eq!(warmed_up(0.99, 1_000), 0.99);
/// ```
pub fn warmed_up(momentum: f64, step: u64) -> f64 {
    momentum.min(1.0 - 1.0 / (step + 1) as f64)
}

/// Largest share of a run after which the weight of old parameters in the teacher has halved.
pub const MOST_OF_RUN: f64 = 0.12;

/// Returns a momentum for a run of `iterations`: the published one, or one that halves old weights within 12 % of the
/// run, whichever is less: `min(m, ½^(1/(0.12·T)))`.
///
/// A momentum of 0.999 has a half-life of 693 steps: of a run of 6,000 these are 12 %, and the momentum is unchanged;
/// of 1,500 steps they are half, and the teacher would stay with the first, poor weights.
///
/// # Examples
/// ```
/// use semivox_methods::ema::scaled_momentum;
/// assert_eq!(scaled_momentum(0.999, 6_000), 0.999);
/// assert_eq!(scaled_momentum(0.99, 1_500), 0.99);
/// let short = scaled_momentum(0.999, 1_500);
/// assert!((short.powi(180) - 0.5).abs() < 1e-9);
/// ```
pub fn scaled_momentum(momentum: f64, iterations: u64) -> f64 {
    let half_life = MOST_OF_RUN * iterations.max(1) as f64;
    momentum.min(0.5f64.powf(1.0 / half_life))
}

/// Updates the trainable parameters of the teacher: `θ_t ← m·θ_t + (1 − m)·θ_s`.
///
/// The teacher must be a copy of the student, such as [`teacher_of`] makes, as parameters are matched by
/// their ids. The teacher's buffers are left as they are.
pub fn ema_update<M: Module>(teacher: M, student: &M, momentum: f64) -> M {
    let average = Average::new(&teacher, student, momentum);
    average.apply(teacher)
}

/// Updates the teacher as [`ema_update`] does, and copies the student's buffers.
///
/// For a teacher in evaluation mode, whose own forward passes update no running statistics.
pub fn ema_update_with_buffers<M: Module>(teacher: M, student: &M, momentum: f64) -> M {
    let average = Average::new(&teacher, student, momentum);
    average.apply(teacher_of(student))
}

/// Averaged values by parameter id.
struct Average {
    values: GradientsParams,
}

impl Average {
    fn new<M: Module>(teacher: &M, student: &M, momentum: f64) -> Self {
        let mut collect = Collect(GradientsParams::new());
        student.visit(&mut collect);
        let mut mix = Mix {
            student: collect.0,
            values: GradientsParams::new(),
            momentum,
        };
        teacher.visit(&mut mix);
        Self { values: mix.values }
    }

    fn apply<M: Module>(mut self, module: M) -> M {
        module.map(&mut self)
    }
}

/// Collects the student's parameters by id; buffers are left out, as they require no gradients.
struct Collect(GradientsParams);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.register(param.id, param.val().inner());
        }
    }
}

/// Averages each parameter of the teacher with the student's value.
struct Mix {
    student: GradientsParams,
    values: GradientsParams,
    momentum: f64,
}

impl ModuleVisitor for Mix {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(student) = self.student.remove::<D>(param.id) {
            let average = moving_average(param.val().inner(), student, self.momentum);
            self.values.register(param.id, average);
        }
    }
}

impl ModuleMapper for Average {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.values.remove::<D>(param.id) {
            Some(value) => param.map(|_| Tensor::from_inner(value).set_require_grad(false)),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::conv::Conv3dConfig;
    use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig3d, conv::Conv3d};

    #[derive(Module, Debug)]
    struct Net {
        conv: Conv3d,
        norm: BatchNorm,
    }

    fn net(device: &Device) -> Net {
        Net {
            conv: Conv3dConfig::new([1, 2], [3; 3])
                .with_padding(PaddingConfig3d::Explicit(1, 1, 1))
                .init(device),
            norm: BatchNormConfig::new(2).init(device),
        }
    }

    fn raised(weight: Tensor<5>) -> Tensor<5> {
        Tensor::from_inner(weight.inner() + 1.0).require_grad()
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec::<f32>().unwrap()
    }

    fn forward(net: &Net, x: Tensor<5>) -> Tensor<5> {
        net.norm.forward(net.conv.forward(x))
    }

    #[test]
    fn averages_parameters_elementwise() {
        let device = crate::testing::device();
        let student = net(&device);
        let start = values(student.conv.weight.val());
        let teacher = teacher_of(&student);
        let moved = Net {
            conv: Conv3d {
                weight: student.conv.weight.clone().map(raised),
                ..student.conv.clone()
            },
            norm: student.norm.clone(),
        };
        let teacher = ema_update(teacher, &moved, 0.9);
        for (t, s) in values(teacher.conv.weight.val()).iter().zip(&start) {
            assert!((t - (s + 0.1)).abs() < 1e-6);
        }
        assert!(!teacher.conv.weight.is_require_grad());
    }

    #[test]
    fn teacher_and_student_keep_their_own_running_statistics() {
        let device = crate::testing::device();
        let student = net(&device);
        let x = Tensor::<5>::random(
            [2, 1, 4, 4, 4],
            burn::tensor::Distribution::Default,
            &device,
        );
        let _ = forward(&student, x.clone());
        let teacher = teacher_of(&student);
        let before = values(student.valid().norm.running_mean.value());
        let _ = forward(&teacher, x * 3.0 + 1.0);
        assert_eq!(before, values(student.valid().norm.running_mean.value()));
        let after = values(teacher.valid().norm.running_mean.value());
        assert_ne!(before, after, "the teacher updates its own statistics");
        let running_mean = |net: &Net| values(net.valid().norm.running_mean.value());
        let kept = running_mean(&ema_update(teacher.clone(), &student, 0.5));
        assert_eq!(after, kept, "buffers are not averaged");
        let copied = ema_update_with_buffers(teacher, &student, 0.5);
        assert_eq!(before, running_mean(&copied), "buffers follow the student");
        let _ = forward(&copied, Tensor::ones([1, 1, 4, 4, 4], &device));
        assert_eq!(before, running_mean(&student), "and are not shared with it");
    }

    #[test]
    fn teacher_forward_records_no_graph() {
        let device = crate::testing::device();
        let teacher = teacher_of(&net(&device));
        let x = Tensor::<5>::ones([1, 1, 4, 4, 4], &device);
        assert!(!forward(&teacher, x).is_tracked());
    }
}
