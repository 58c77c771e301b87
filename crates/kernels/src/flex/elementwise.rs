//! Multithreaded sums and channel scaling.

use super::memory::{filled_parts, filled_rows};
use super::tensor::{contiguous, from_buffer, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;

/// `a + b`, or `None` if the tensors are not single precision on the Flex backend.
pub(crate) fn add<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> Option<Tensor<D>> {
    let shape = a.dims();
    if shape != b.dims() || shape.contains(&0) {
        return None;
    }
    if !(a.is_autodiff() || b.is_autodiff()) {
        let sum = sum(&contiguous(plain(a)?), &contiguous(plain(b)?), &shape);
        return Some(Tensor::from_primitive::<Flex>(sum));
    }
    let (a, a_node) = recorded(a)?.into_parts();
    let (b, b_node) = recorded(b)?.into_parts();
    let sum = sum(&contiguous(a), &contiguous(b), &shape);
    let step = Add.prepare::<NoCheckpointing>([a_node, b_node]);
    let sum = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish((), sum),
        OpsKind::UnTracked(step) => step.finish(sum),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(sum))
}

fn sum(a: &FlexTensor, b: &FlexTensor, shape: &[usize]) -> FlexTensor {
    let (a, b) = (values(a), values(b));
    let sum = filled_parts(a.len(), |at, out| {
        for (out, (a, b)) in out.iter_mut().zip(a[at..].iter().zip(&b[at..])) {
            *out = a + b;
        }
    });
    from_buffer(sum, shape)
}

/// Backward pass of a sum: passes the gradient to both terms.
#[derive(Debug)]
struct Add;

impl Backward<Flex, 2> for Add {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        give(grads, &ops, 0, || gradient.clone());
        give(grads, &ops, 1, || gradient.clone());
    }
}

/// Multiplies every channel of every sample `[batch, channel, …]` by its factor `[batch, channel, 1, …]`;
/// `None` if the tensors are not single precision on the Flex backend.
pub(crate) fn scale_channels<const D: usize>(
    input: &Tensor<D>,
    factors: &Tensor<D>,
) -> Option<Tensor<D>> {
    let shape = input.dims();
    let factors = values(&contiguous(plain(&factors.clone().inner())?)).to_vec();
    if shape.contains(&0) || factors.len() != shape[0] * shape[1] {
        return None;
    }
    if !input.is_autodiff() {
        let scaled = scale(&contiguous(plain(input)?), &factors, &shape);
        return Some(Tensor::from_primitive::<Flex>(scaled));
    }
    let (input, node) = recorded(input)?.into_parts();
    let scaled = scale(&contiguous(input), &factors, &shape);
    let step = Scale.prepare::<NoCheckpointing>([node]);
    let state = (factors, shape.to_vec());
    let scaled = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(state, scaled),
        OpsKind::UnTracked(step) => step.finish(scaled),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(scaled))
}

fn scale(input: &FlexTensor, factors: &[f32], shape: &[usize]) -> FlexTensor {
    let input = values(input);
    let row = input.len() / factors.len();
    let scaled = filled_rows(factors.len(), row, |map, out| {
        for (out, x) in out.iter_mut().zip(&input[map * row..][..row]) {
            *out = factors[map] * x;
        }
    });
    from_buffer(scaled, shape)
}

/// Backward pass of channel scaling: scales the gradient's channels likewise.
#[derive(Debug)]
struct Scale;

impl Backward<Flex, 1> for Scale {
    type State = (Vec<f32>, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let (factors, shape) = &ops.state;
        give(grads, &ops, 0, || scale(&gradient, factors, shape));
    }
}
