//! The mean teacher: an exponential moving average of the student's parameters.
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

/// Makes a teacher with the student's weights that shares nothing with it.
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
/// use semivox_trainer::ema::teacher_of;
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

/// One averaging step, `θ_t ← m·θ_t + (1 − m)·θ_s`, on trainable parameters.
///
/// The two networks must descend from one another (the parameters are matched
/// by identity), as those of [`teacher_of`] do.
pub fn ema_update<M: Module>(teacher: M, student: &M, momentum: f64) -> M {
    let mut collect = Collect(GradientsParams::new());
    student.visit(&mut collect);
    teacher.map(&mut Average {
        student: collect.0,
        momentum,
    })
}

/// Student parameters by identity; buffers do not require gradients and are
/// left out by that.
struct Collect(GradientsParams);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.register(param.id, param.val().inner());
        }
    }
}

struct Average {
    student: GradientsParams,
    momentum: f64,
}

impl ModuleMapper for Average {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(student) = self.student.remove::<D>(param.id) else {
            return param;
        };
        let momentum = self.momentum;
        param.map(|teacher| {
            let averaged =
                teacher.inner().mul_scalar(momentum) + student.mul_scalar(1.0 - momentum);
            Tensor::from_inner(averaged).set_require_grad(false)
        })
    }
}

#[cfg(test)]
mod tests {
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

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().to_vec::<f32>().unwrap()
    }

    fn forward(net: &Net, x: Tensor<5>) -> Tensor<5> {
        net.norm.forward(net.conv.forward(x))
    }

    #[test]
    fn averages_parameters_elementwise() {
        let device = Device::flex().autodiff();
        let student = net(&device);
        let start = values(student.conv.weight.val());
        let teacher = teacher_of(&student);
        let moved = Net {
            conv: Conv3d {
                weight: student.conv.weight.clone().map(|w| w + 1.0),
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
        let device = Device::flex().autodiff();
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
        let kept = values(
            ema_update(teacher, &student, 0.5)
                .valid()
                .norm
                .running_mean
                .value(),
        );
        assert_eq!(after, kept, "buffers are not averaged");
    }

    #[test]
    fn teacher_forward_records_no_graph() {
        let device = Device::flex().autodiff();
        let teacher = teacher_of(&net(&device));
        let x = Tensor::<5>::ones([1, 1, 4, 4, 4], &device);
        assert!(!forward(&teacher, x).is_tracked());
    }
}
