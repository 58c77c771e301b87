//! Max pooling with stride = window as one operator with its own gradient.
//!
//! Only the input is kept; the backward pass looks for the largest values again.

use super::memory::filled_rows;
use super::simd::{Kernel, Level, Simd};
use super::tensor::{contiguous, from_buffer, give, incoming, plain, recorded, values};
use crate::profile::Pass;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;

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

/// The largest values of a row of windows, and which voxel of its window each of them is: the first one if there are
/// several. As in PyTorch, a NaN is larger than all numbers, and the last one counts. `KW` is the width of the windows if it is known.
#[inline(always)]
fn largest<const KW: usize>(windows: &Windows, map: &[f32], best: &mut [f32], which: &mut [u32]) {
    let width = if KW == 0 { windows.window[2] } else { KW };
    best.fill(f32::NEG_INFINITY);
    which.fill(0);
    for (row, &start) in windows.starts.iter().enumerate() {
        let parts = map[start..][..width * best.len()].chunks_exact(width);
        for ((best, which), part) in best.iter_mut().zip(which.iter_mut()).zip(parts) {
            for (voxel, &value) in part.iter().enumerate() {
                let larger = value > *best || value.is_nan();
                *best = if larger { value } else { *best };
                *which = if larger {
                    (row * width + voxel) as u32
                } else {
                    *which
                };
            }
        }
    }
}

/// The largest values of a map's windows.
struct Largest<'a> {
    windows: &'a Windows,
    map: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Largest<'_> {
    type Output = ();
    const PASS: Pass = Pass::MaxPool;

    fn work(&self) -> [usize; 2] {
        [0, size_of_val(self.map) + size_of_val(self.out)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.windows.output()[4];
        let mut which = vec![0; width];
        for (first, out) in self.windows.rows().zip(self.out.chunks_exact_mut(width)) {
            let map = &self.map[first..];
            match self.windows.window[2] {
                2 => largest::<2>(self.windows, map, out, &mut which),
                _ => largest::<0>(self.windows, map, out, &mut which),
            }
        }
    }
}

/// The input's gradient of a map.
struct Back<'a> {
    windows: &'a Windows,
    map: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Back<'_> {
    type Output = ();
    const PASS: Pass = Pass::MaxPoolGradient;

    fn work(&self) -> [usize; 2] {
        [0, 2 * size_of_val(self.map) + size_of_val(self.dy)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (windows, width) = (self.windows, self.windows.output()[4]);
        let (mut best, mut which) = (vec![0.0; width], vec![0; width]);
        self.dx.fill(0.0);
        for (first, dy) in windows.rows().zip(self.dy.chunks_exact(width)) {
            let (map, dx) = (&self.map[first..], &mut self.dx[first..]);
            // The width that the networks use vectorizes.
            match windows.window[2] {
                2 => {
                    largest::<2>(windows, map, &mut best, &mut which);
                    spread::<2>(windows, &which, dy, dx);
                }
                _ => {
                    largest::<0>(windows, map, &mut best, &mut which);
                    spread::<0>(windows, &which, dy, dx);
                }
            }
        }
    }
}

/// Writes the gradient of each of a row of windows to its largest voxel, and zero to the others.
#[inline(always)]
fn spread<const KW: usize>(windows: &Windows, which: &[u32], dy: &[f32], dx: &mut [f32]) {
    let width = if KW == 0 { windows.window[2] } else { KW };
    for (row, &start) in windows.starts.iter().enumerate() {
        let parts = dx[start..][..width * dy.len()].chunks_exact_mut(width);
        for ((&which, &dy), part) in which.iter().zip(dy).zip(parts) {
            for (voxel, dx) in part.iter_mut().enumerate() {
                let largest = which == (row * width + voxel) as u32;
                *dx = if largest { dy } else { 0.0 };
            }
        }
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
