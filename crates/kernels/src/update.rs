//! Parameter updates: SGD with momentum, and moving averages.

use burn::prelude::*;

/// Hyperparameters of an SGD step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub learning_rate: f64,
    /// Momentum coefficient.
    pub momentum: f64,
    /// L2 weight decay coefficient.
    pub weight_decay: f64,
    /// Whether to use Nesterov momentum.
    pub nesterov: bool,
}

/// Performs one step of SGD with momentum; returns the parameter and its velocity.
///
/// ```text
/// g ← gradient + weight_decay·θ,   v ← momentum·v + g,   θ ← θ − lr·(v, or g + momentum·v with Nesterov)
/// ```
///
/// Without a velocity, `v ← g`. Equals PyTorch's `SGD` with dampening 0.
///
/// # Shapes
///
/// - all tensors: the same shape
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::{SgdStep, sgd_step};
///
/// let device = Device::flex();
/// let step = SgdStep { learning_rate: 0.1, momentum: 0.5, weight_decay: 0.0, nesterov: false };
/// let one = Tensor::<1>::ones([1], &device);
/// let [parameter, velocity] = sgd_step(one.clone(), one.clone(), Some(one * 4.0), step);
/// assert_eq!(velocity.into_scalar::<f32>(), 3.0);
/// assert!((parameter.into_scalar::<f32>() - 0.7).abs() < 1e-6);
/// ```
pub fn sgd_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: SgdStep,
) -> [Tensor<D>; 2] {
    #[cfg(feature = "flex")]
    if let Some(moved) = crate::flex::sgd_step(&parameter, &gradient, velocity.as_ref(), step) {
        return moved;
    }
    let gradient = gradient + parameter.clone().mul_scalar(step.weight_decay);
    let velocity = match velocity {
        Some(velocity) => velocity.mul_scalar(step.momentum) + gradient.clone(),
        None => gradient.clone(),
    };
    let direction = match step.nesterov {
        true => gradient + velocity.clone().mul_scalar(step.momentum),
        false => velocity.clone(),
    };
    [
        parameter - direction.mul_scalar(step.learning_rate),
        velocity,
    ]
}

/// Exponential moving average: `momentum·average + (1 − momentum)·value`.
///
/// # Shapes
///
/// - all tensors: the same shape
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::moving_average;
///
/// let device = Device::flex();
/// let (average, value) = (Tensor::<1>::zeros([1], &device), Tensor::<1>::ones([1], &device));
/// assert_eq!(moving_average(average, value, 0.75).into_scalar::<f32>(), 0.25);
/// ```
pub fn moving_average<const D: usize>(
    average: Tensor<D>,
    value: Tensor<D>,
    momentum: f64,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(moved) = crate::flex::moving_average(&average, &value, momentum) {
        return moved;
    }
    average.mul_scalar(momentum) + value.mul_scalar(1.0 - momentum)
}
