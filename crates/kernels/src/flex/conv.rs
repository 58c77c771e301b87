//! The convolution as an operator with its own gradient.

use super::forward::{Packed, convolve};
use super::grid::Grid;
use super::simd::Level;
use super::tensor::{contiguous, from_vec, give, incoming, plain, recorded, values};
use super::weight;
use super::winograd::{self, Tiles, Transformed};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;

/// The convolution with an odd kernel, stride 1 and zero padding, or nothing if the tensors are
/// not single precision on the Flex backend, their shapes do not agree or the composition is faster.
pub(crate) fn conv3d(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let sizes = Sizes::of(input, weight, bias)?;
    let bias_recorded = bias.is_some_and(|b| b.is_autodiff());
    if !(input.is_autodiff() || weight.is_autodiff() || bias_recorded) {
        let bias = match bias {
            Some(bias) => Some(contiguous(plain(bias)?)),
            None => None,
        };
        let (input, weight) = (contiguous(plain(input)?), contiguous(plain(weight)?));
        let output = sizes.forward(level, &input, &weight, bias.as_ref());
        return Some(Tensor::from_primitive::<Flex>(output));
    }
    let (input, input_node) = recorded(input)?.into_parts();
    let (weight, weight_node) = recorded(weight)?.into_parts();
    let state = State {
        level,
        sizes,
        input: contiguous(input),
        weight: contiguous(weight),
    };
    Some(match bias {
        None => record(state, None, [input_node, weight_node]),
        Some(bias) => {
            let (bias, bias_node) = recorded(bias)?.into_parts();
            let nodes = [input_node, weight_node, bias_node];
            record(state, Some(contiguous(bias)), nodes)
        }
    })
}

/// Computes the output and enters the step into the graph of its inputs.
fn record<const N: usize>(
    state: State,
    bias: Option<FlexTensor>,
    nodes: [burn::backend::autodiff::ops::NodeGuard; N],
) -> Tensor<5> {
    let State { level, sizes, .. } = state;
    let output = sizes.forward(level, &state.input, &state.weight, bias.as_ref());
    let step = Step.prepare::<NoCheckpointing>(nodes);
    let output = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(state, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

/// What a convolution's shapes say.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    inputs: usize,
    outputs: usize,
    size: [usize; 3],
    kernel: [usize; 3],
}

impl Sizes {
    /// The sizes, if they are those of a convolution with an odd kernel over some voxels.
    fn of(input: &Tensor<5>, weight: &Tensor<5>, bias: Option<&Tensor<1>>) -> Option<Self> {
        let [batch, inputs, d, h, w] = input.dims();
        let [outputs, wanted, kd, kh, kw] = weight.dims();
        let (size, kernel) = ([d, h, w], [kd, kh, kw]);
        let odd = kernel.iter().all(|k| k % 2 == 1);
        let some = batch * inputs * outputs * d * h * w > 0;
        let agree = inputs == wanted && bias.is_none_or(|b| b.dims() == [outputs]);
        let sizes = Self {
            batch,
            inputs,
            outputs,
            size,
            kernel,
        };
        (odd && some && agree && !sizes.wants_columns()).then_some(sizes)
    }

    /// Whether the maps are so small, and the channels so many, that a matrix product over gathered
    /// columns beats registers that are half empty.
    fn wants_columns(&self) -> bool {
        self.size.iter().product::<usize>() <= 64 && self.inputs * self.outputs >= 64 * 64
    }

    /// The tiles of Winograd's algorithm if they save work.
    fn tiles(&self) -> Option<Tiles> {
        let tiles = Tiles::new(self.batch, self.size);
        (self.kernel == [3; 3] && tiles.pay(self.inputs, self.outputs)).then_some(tiles)
    }

    /// Where the voxels lie.
    fn grid(&self) -> Grid {
        Grid::new(self.batch, self.size, self.kernel)
    }

    /// The shape `[outputs, inputs, taps]` of the weight.
    fn weight(&self) -> [usize; 3] {
        [self.outputs, self.inputs, self.kernel.iter().product()]
    }

    /// The shape of a volume with so many channels.
    fn volume(&self, channels: usize) -> [usize; 5] {
        let [d, h, w] = self.size;
        [self.batch, channels, d, h, w]
    }

    /// The output.
    fn forward(
        &self,
        level: Level,
        input: &FlexTensor,
        weight: &FlexTensor,
        bias: Option<&FlexTensor>,
    ) -> FlexTensor {
        let (input, weight, bias) = (values(input), values(weight), bias.map(values));
        let output = match self.tiles() {
            Some(tiles) => {
                let weights = Transformed::forward(weight, [self.outputs, self.inputs], level);
                winograd::convolve(level, tiles, input, &weights, bias)
            }
            None => {
                let grid = self.grid();
                let weights = Packed::forward(weight, self.weight(), level);
                convolve(level, grid, &grid.pad(input, self.inputs), &weights, bias)
            }
        };
        from_vec(output, &self.volume(self.outputs))
    }

    /// The gradients of input and weight, each if wanted.
    fn backward(
        &self,
        level: Level,
        [input, weight, gradient]: [&[f32]; 3],
        wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let channels = [self.inputs, self.outputs];
        let [to_input, to_weight] = match self.tiles() {
            Some(tiles) => [
                wanted[0].then(|| {
                    let shape = [self.outputs, self.inputs];
                    let weights = Transformed::transposed(weight, shape, level);
                    winograd::convolve(level, tiles, gradient, &weights, None)
                }),
                wanted[1]
                    .then(|| winograd::weight_gradient(level, tiles, channels, input, gradient)),
            ],
            None => {
                let grid = self.grid();
                let padded = grid.pad(gradient, self.outputs);
                [
                    wanted[0].then(|| {
                        let weights = Packed::transposed(weight, self.weight(), level);
                        convolve(level, grid, &padded, &weights, None)
                    }),
                    wanted[1].then(|| {
                        let input = grid.pad(input, self.inputs);
                        weight::gradient(level, grid, channels, &input, &padded)
                    }),
                ]
            }
        };
        let [kd, kh, kw] = self.kernel;
        [
            to_input.map(|g| from_vec(g, &self.volume(self.inputs))),
            to_weight.map(|g| from_vec(g, &[self.outputs, self.inputs, kd, kh, kw])),
        ]
    }
}

/// What the backward pass needs.
#[derive(Debug, Clone)]
struct State {
    level: Level,
    sizes: Sizes,
    input: FlexTensor,
    weight: FlexTensor,
}

/// The backward pass of `[input, weight]` or `[input, weight, bias]`.
#[derive(Debug)]
struct Step;

impl<const N: usize> Backward<Flex, N> for Step {
    type State = State;

    fn backward(self, ops: Ops<State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let State {
            level,
            sizes,
            input,
            weight,
        } = &ops.state;
        let wanted = [0, 1].map(|i| ops.parents[i].is_some());
        let tensors = [values(input), values(weight), values(&gradient)];
        let found = sizes.backward(*level, tensors, wanted);
        for (i, found) in found.into_iter().enumerate() {
            if let Some(found) = found {
                give(grads, &ops, i, || found);
            }
        }
        give(grads, &ops, 2, || {
            let sums = weight::bias(values(&gradient), sizes.batch, sizes.outputs);
            from_vec(sums, &[sizes.outputs])
        });
    }
}
