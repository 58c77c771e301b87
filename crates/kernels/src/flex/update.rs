//! Multithreaded parameter updates in one pass.

use super::memory::{Buffer, PART, filled_parts};
use super::tensor::{contiguous, from_buffer, from_vec, plain, values};
use crate::update::SgdStep;
use burn::backend::Flex;
use burn::prelude::*;
use rayon::prelude::*;

/// One SGD step; `None` if the tensors are not single precision on the Flex backend or are in an autodiff
/// graph.
pub(crate) fn sgd_step<const D: usize>(
    parameter: &Tensor<D>,
    gradient: &Tensor<D>,
    velocity: Option<&Tensor<D>>,
    step: SgdStep,
) -> Option<[Tensor<D>; 2]> {
    let shape = parameter.dims();
    if gradient.dims() != shape || velocity.is_some_and(|v| v.dims() != shape) {
        return None;
    }
    let velocity = match velocity {
        Some(velocity) => Some(contiguous(plain(velocity)?)),
        None => None,
    };
    let [parameter, gradient] = [plain(parameter)?, plain(gradient)?].map(contiguous);
    let (theta, g) = (values(&parameter), values(&gradient));
    let v = velocity.as_ref().map(values);
    let [rate, momentum, decay] =
        [step.learning_rate, step.momentum, step.weight_decay].map(|x| x as f32);
    let (mut moved, mut speed) = (Buffer::take(theta.len()), Buffer::take(theta.len()));
    let parts = moved
        .as_mut()
        .par_chunks_mut(PART)
        .zip(speed.as_mut().par_chunks_mut(PART));
    parts.enumerate().for_each(|(part, (moved, speed))| {
        let range = part * PART..part * PART + moved.len();
        let (theta, g) = (&theta[range.clone()], &g[range.clone()]);
        let v = v.map(|v| &v[range]);
        for i in 0..moved.len() {
            let g = g[i] + theta[i] * decay;
            speed[i] = v.map_or(g, |v| v[i] * momentum + g);
            let direction = if step.nesterov {
                g + speed[i] * momentum
            } else {
                speed[i]
            };
            moved[i] = theta[i] - direction * rate;
        }
    });
    Some([moved, speed].map(|buffer| Tensor::from_primitive::<Flex>(from_buffer(buffer, &shape))))
}

/// A moving average; `None` as for [`sgd_step`].
pub(crate) fn moving_average<const D: usize>(
    average: &Tensor<D>,
    value: &Tensor<D>,
    momentum: f64,
) -> Option<Tensor<D>> {
    let shape = average.dims();
    if value.dims() != shape {
        return None;
    }
    let [average, value] = [plain(average)?, plain(value)?].map(contiguous);
    let (average, value) = (values(&average), values(&value));
    let (old, new) = (momentum as f32, (1.0 - momentum) as f32);
    let moved = filled_parts(average.len(), |at, moved| {
        let pairs = average[at..].iter().zip(&value[at..]);
        for (moved, (average, value)) in moved.iter_mut().zip(pairs) {
            *moved = average * old + value * new;
        }
    });
    Some(Tensor::from_primitive::<Flex>(from_buffer(moved, &shape)))
}

/// The sum of squares; `None` as for [`sgd_step`].
pub(crate) fn squared_norm<const D: usize>(tensor: &Tensor<D>) -> Option<Tensor<1>> {
    let tensor = contiguous(plain(tensor)?);
    let squares = |part: &[f32]| {
        part.iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>()
    };
    // The parts are added in order, which makes the sum independent of the number of threads.
    let parts: Vec<f64> = values(&tensor).par_chunks(PART).map(squares).collect();
    let total = parts.iter().sum::<f64>() as f32;
    Some(Tensor::from_primitive::<Flex>(from_vec(vec![total], &[1])))
}

/// A tensor times a number; `None` as for [`sgd_step`].
pub(crate) fn scale<const D: usize>(tensor: &Tensor<D>, factor: f64) -> Option<Tensor<D>> {
    let shape = tensor.dims();
    let tensor = contiguous(plain(tensor)?);
    let (old, factor) = (values(&tensor), factor as f32);
    let scaled = filled_parts(old.len(), |at, new| {
        for (new, old) in new.iter_mut().zip(&old[at..]) {
            *new = old * factor;
        }
    });
    Some(Tensor::from_primitive::<Flex>(from_buffer(scaled, &shape)))
}
