//! Convolutions as operators with a custom gradient.

use super::bias::bias as bias_gradient;
use super::epilogue::Epilogue;
use super::memory::Buffer;
use super::tensor::{contiguous, from_buffer, from_vec, give, incoming, plain, recorded, values};
use super::winograd::Transformed;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::prelude::*;
use std::fmt::Debug;

/// A convolution of volumes with known sizes, on row-major slices.
pub(crate) trait Convolution: Debug + Clone + Send + 'static {
    /// The shape of the output.
    fn output(&self) -> [usize; 5];
    /// Computes the output.
    fn forward(&self, input: &[f32], weight: &[f32], epilogue: Epilogue) -> Buffer;
    /// Converts the weight to the form that [`Convolution::forward_prepared`] takes.
    fn prepare(&self, weight: Buffer) -> Prepared {
        Prepared::Plain(weight)
    }
    /// Computes the output with a weight that this convolution has prepared.
    fn forward_prepared(&self, input: &[f32], weight: &Prepared, epilogue: Epilogue) -> Buffer {
        match weight {
            Prepared::Plain(weight) => self.forward(input, weight, epilogue),
            Prepared::Transformed(_) => unreachable!("only `Conv` transforms weights"),
        }
    }
    /// Computes the input's gradient from the output's.
    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer;
    /// Computes the weight's gradient from the output's.
    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer;
}

/// A weight in the form in which a convolution reads it.
pub(crate) enum Prepared {
    /// As it is.
    Plain(Buffer),
    /// For Winograd tiles.
    Transformed(Transformed),
}

/// The arguments of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) input: &'a Tensor<5>,
    pub(crate) weight: &'a Tensor<5>,
    pub(crate) bias: Option<&'a Tensor<1>>,
}

impl<'a> Layer<'a> {
    pub(crate) fn new(
        input: &'a Tensor<5>,
        weight: &'a Tensor<5>,
        bias: &'a Option<Tensor<1>>,
    ) -> Self {
        Self {
            input,
            weight,
            bias: bias.as_ref(),
        }
    }
}

/// Applies a convolution; `None` if the tensors are not single precision on the Flex backend.
pub(crate) fn apply<C: Convolution>(
    convolution: C,
    Layer {
        input,
        weight,
        bias,
    }: Layer,
) -> Option<Tensor<5>> {
    let bias_recorded = bias.is_some_and(|b| b.is_autodiff());
    if !(input.is_autodiff() || weight.is_autodiff() || bias_recorded) {
        let bias = match bias {
            Some(bias) => Some(contiguous(plain(bias)?)),
            None => None,
        };
        let (input, weight) = (contiguous(plain(input)?), contiguous(plain(weight)?));
        let output = forward(&convolution, &input, &weight, bias.as_ref());
        return Some(Tensor::from_primitive::<Flex>(output));
    }
    let (input, input_node) = recorded(input)?.into_parts();
    let (weight, weight_node) = recorded(weight)?.into_parts();
    let state = State {
        convolution,
        shapes: [input.shape().to_vec(), weight.shape().to_vec()],
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

fn forward<C: Convolution>(
    convolution: &C,
    input: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
) -> FlexTensor {
    let epilogue = Epilogue::bias(bias.map(values));
    let output = convolution.forward(values(input), values(weight), epilogue);
    from_buffer(output, &convolution.output())
}

/// Computes the output and records the step in the autodiff graph.
fn record<C: Convolution, const N: usize>(
    state: State<C>,
    bias: Option<FlexTensor>,
    nodes: [NodeGuard; N],
) -> Tensor<5> {
    let output = forward(
        &state.convolution,
        &state.input,
        &state.weight,
        bias.as_ref(),
    );
    let step = Step(std::marker::PhantomData::<C>).prepare::<NoCheckpointing>(nodes);
    let output = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(state, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

/// State kept for the backward pass.
#[derive(Debug, Clone)]
struct State<C> {
    convolution: C,
    shapes: [Vec<usize>; 2],
    input: FlexTensor,
    weight: FlexTensor,
}

/// Backward pass for `[input, weight]` or `[input, weight, bias]`.
#[derive(Debug)]
struct Step<C>(std::marker::PhantomData<C>);

impl<C: Convolution, const N: usize> Backward<Flex, N> for Step<C> {
    type State = State<C>;

    fn backward(self, ops: Ops<State<C>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let gradient = values(&gradient);
        let State {
            convolution,
            shapes: [input_shape, weight_shape],
            input,
            weight,
        } = &ops.state;
        give(grads, &ops, 0, || {
            from_buffer(
                convolution.input_gradient(values(weight), gradient),
                input_shape,
            )
        });
        give(grads, &ops, 1, || {
            from_buffer(
                convolution.weight_gradient(values(input), gradient),
                weight_shape,
            )
        });
        give(grads, &ops, 2, || {
            let [batch, outputs, ..] = convolution.output();
            from_vec(bias_gradient(gradient, batch, outputs), &[outputs])
        });
    }
}
