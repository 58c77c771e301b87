//! Max pooling with stride = window as one operator with its own gradient.
//!
//! Only the input is kept; the backward pass looks for the largest values again.

mod passes;

use super::memory::filled_rows;
use super::simd::Level;
use super::tensor::{contiguous, from_buffer, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use passes::{Back, Largest};

/// Max pooling, or nothing if the tensor is not single precision on the Flex backend or has no whole window.
pub(crate) fn max_pool(input: &Tensor<5>, window: [usize; 3]) -> Option<Tensor<5>> {
    let windows = Windows::new(input.dims(), window)?;
    if !input.is_autodiff() {
        let output = windows.forward(&contiguous(plain(input)?));
        return Some(Tensor::from_primitive::<Flex>(output));
    }
    let (input, node) = recorded(input)?.into_parts();
    let input = contiguous(input);
    let output = windows.forward(&input);
    let step = Step.prepare::<NoCheckpointing>([node]);
    let output = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(State { windows, input }, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(output))
}

/// The windows of a volume; voxels beyond the last whole one take no part.
#[derive(Debug, Clone)]
struct Windows {
    shape: [usize; 5],
    window: [usize; 3],
    /// The first voxel of each row of a window, relative to the window's first one, in row-major order.
    starts: Vec<usize>,
}

impl Windows {
    fn new(shape: [usize; 5], window: [usize; 3]) -> Option<Self> {
        let whole = (0..3).all(|a| window[a] > 0 && shape[a + 2] >= window[a]);
        if !whole || shape.contains(&0) {
            return None;
        }
        let [.., h, w] = shape;
        let [kd, kh, _] = window;
        let starts = (0..kd * kh).map(|i| (i / kh * h + i % kh) * w).collect();
        Some(Self {
            shape,
            window,
            starts,
        })
    }

    /// The shape of the output.
    fn output(&self) -> [usize; 5] {
        let mut shape = self.shape;
        (0..3).for_each(|axis| shape[axis + 2] /= self.window[axis]);
        shape
    }

    /// Whether every voxel is in a window.
    fn exact(&self) -> bool {
        (0..3).all(|axis| self.shape[axis + 2].is_multiple_of(self.window[axis]))
    }

    /// The first voxel of every row of windows of a map.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let [.., h, w] = self.shape;
        let [.., depth, height, _] = self.output();
        let [kd, kh, _] = self.window;
        (0..depth * height).map(move |row| (row / height * kd * h + row % height * kh) * w)
    }

    fn forward(&self, input: &FlexTensor) -> FlexTensor {
        let shape = self.output();
        let [batch, channels, d, h, w] = self.shape;
        let (x, voxels) = (values(input), d * h * w);
        let (level, pooled) = (Level::current(), shape[2..].iter().product());
        let output = filled_rows(batch * channels, pooled, |index, out| {
            let job = Largest {
                windows: self,
                map: &x[index * voxels..][..voxels],
                out,
            };
            // SAFETY: `Largest::run` requires nothing but enabled instructions.
            unsafe { level.run(job) }
        });
        from_buffer(output, &shape)
    }

    fn input_gradient(&self, input: &FlexTensor, gradient: &[f32]) -> FlexTensor {
        let [batch, channels, d, h, w] = self.shape;
        let (x, voxels) = (values(input), d * h * w);
        let pooled: usize = self.output()[2..].iter().product();
        let level = Level::current();
        let output = filled_rows(batch * channels, voxels, |index, dx| {
            let job = Back {
                windows: self,
                map: &x[index * voxels..][..voxels],
                dy: &gradient[index * pooled..][..pooled],
                dx,
            };
            // SAFETY: `Back::run` requires nothing but enabled instructions.
            unsafe { level.run(job) }
        });
        from_buffer(output, &self.shape)
    }
}

/// State for the backward pass.
#[derive(Debug, Clone)]
struct State {
    windows: Windows,
    input: FlexTensor,
}

/// The backward pass of the input.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let State { windows, input } = &ops.state;
        let make = || windows.input_gradient(input, values(&gradient));
        give(grads, &ops, 0, make);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Plain loops over two samples of three channels, with equal values in a window and sides that are cut.
    #[test]
    fn values_and_gradients_are_those_of_plain_loops() {
        let device = Device::flex().autodiff();
        let (shape, window) = ([2, 3, 5, 4, 7], [2, 2, 3]);
        let count: usize = shape.iter().product();
        let value = |i: usize| ((i * 37 + i / 5) % 11) as f32 - 5.0;
        let x: Vec<f32> = (0..count).map(value).collect();
        let input = Tensor::<5>::from_data(TensorData::new(x.clone(), shape), &device);
        let input = input.require_grad();
        let output = max_pool(&input, window).unwrap();
        assert_eq!(output.dims(), [2, 3, 2, 2, 2]);
        let weights: Vec<f32> = (0..48).map(|i| i as f32 * 0.5 - 7.0).collect();
        let data = TensorData::new(weights.clone(), output.dims());
        let loss = (output.clone() * Tensor::from_data(data, &device)).sum();
        let gradient = input.grad(&loss.backward()).unwrap();
        let (mut expected, mut back) = (Vec::new(), vec![0.0f32; count]);
        for map in 0..6 {
            for (z, y, c) in [0, 1].into_iter().flat_map(|z| {
                [0, 1]
                    .into_iter()
                    .flat_map(move |y| [0, 1].map(|c| (z, y, c)))
            }) {
                let mut best = None;
                for (dz, dy, dx) in (0..12).map(|i| (i / 6, i / 3 % 2, i % 3)) {
                    let at = ((map * 5 + 2 * z + dz) * 4 + 2 * y + dy) * 7 + 3 * c + dx;
                    if best.is_none_or(|best: usize| x[at] > x[best]) {
                        best = Some(at);
                    }
                }
                let best = best.unwrap();
                back[best] += weights[expected.len()];
                expected.push(x[best]);
            }
        }
        assert_eq!(output.into_data().try_to_vec::<f32>().unwrap(), expected);
        assert_eq!(gradient.into_data().try_to_vec::<f32>().unwrap(), back);
    }

    #[test]
    fn a_nan_is_the_largest() {
        let device = Device::flex();
        let row = Tensor::<1>::from_floats([1.0, f32::NAN, 3.0, 2.0], &device);
        let found = max_pool(&row.reshape([1, 1, 1, 1, 4]), [1, 1, 2]).unwrap();
        let found = found.into_data().try_to_vec::<f32>().unwrap();
        assert!(found[0].is_nan() && found[1] == 3.0);
    }
}
