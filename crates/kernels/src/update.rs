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
    expect_same("sgd_step", &parameter, &gradient);
    if let Some(velocity) = &velocity {
        expect_same("sgd_step", &parameter, velocity);
    }
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
    expect_same("moving_average", &average, &value);
    #[cfg(feature = "flex")]
    if let Some(moved) = crate::flex::moving_average(&average, &value, momentum) {
        return moved;
    }
    average.mul_scalar(momentum) + value.mul_scalar(1.0 - momentum)
}

/// Panics unless the shapes are equal: smaller ones would be broadcast.
fn expect_same<const D: usize>(operator: &str, one: &Tensor<D>, other: &Tensor<D>) {
    let (one, other) = (one.dims(), other.dims());
    assert!(
        one == other,
        "{operator}: shapes differ, got {one:?} and {other:?}"
    );
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const VALUES: [[f64; 3]; 3] = [[0.5, -2.0, 3.0], [1.0, 0.25, -4.0], [-1.5, 2.0, 0.125]];

    /// In double precision, which the CPU operators leave to the composition that GPUs take.
    fn tensor(values: [f64; 3]) -> Tensor<1> {
        let options = (&Device::flex(), burn::tensor::DType::F64);
        Tensor::from_data(TensorData::from(values), options)
    }

    fn assert_close(found: Tensor<1>, expected: [f64; 3]) {
        let found = found.into_data().try_into_vec::<f64>().unwrap();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let of = |values: &[f64]| Tensor::<1>::from_data(values, &Device::flex());
        let (one, three) = (of(&[1.0]), of(&[1.0, 2.0, 3.0]));
        let step = SgdStep {
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
            nesterov: false,
        };
        let tries: [&dyn Fn(); 3] = [
            &|| drop(moving_average(three.clone(), one.clone(), 0.5)),
            &|| drop(sgd_step(three.clone(), one.clone(), None, step)),
            &|| {
                drop(sgd_step(
                    three.clone(),
                    three.clone(),
                    Some(one.clone()),
                    step,
                ))
            },
        ];
        for run in tries {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            let cause = caught.unwrap_err().downcast::<String>().unwrap();
            assert!(cause.contains("shapes differ, got [3] and [1]"), "{cause}");
        }
    }

    #[test]
    fn composed_sgd_step_follows_the_formula() {
        let [theta, g, v] = VALUES;
        let [rate, momentum, decay] = [0.1, 0.9, 0.01];
        for (nesterov, with_velocity) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let step = SgdStep {
                learning_rate: rate,
                momentum,
                weight_decay: decay,
                nesterov,
            };
            let velocity = with_velocity.then(|| tensor(v));
            assert!(
                crate::flex::sgd_step(&tensor(theta), &tensor(g), velocity.as_ref(), step)
                    .is_none()
            );
            let [moved, speed] = sgd_step(tensor(theta), tensor(g), velocity, step);
            let decayed: [f64; 3] = std::array::from_fn(|i| g[i] + decay * theta[i]);
            let expected: [f64; 3] = std::array::from_fn(|i| match with_velocity {
                true => momentum * v[i] + decayed[i],
                false => decayed[i],
            });
            assert_close(speed, expected);
            let direction = |i: usize| match nesterov {
                true => decayed[i] + momentum * expected[i],
                false => expected[i],
            };
            assert_close(
                moved,
                std::array::from_fn(|i| theta[i] - rate * direction(i)),
            );
        }
    }

    #[test]
    fn composed_moving_average_follows_the_formula() {
        let [average, value, _] = VALUES;
        assert!(crate::flex::moving_average(&tensor(average), &tensor(value), 0.9).is_none());
        let found = moving_average(tensor(average), tensor(value), 0.9);
        assert_close(
            found,
            std::array::from_fn(|i| 0.9 * average[i] + 0.1 * value[i]),
        );
    }
}
