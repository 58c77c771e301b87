//! Convolutions with a custom gradient on all compiled backends.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, DispatchKindConversion, DispatchTensor};
use burn::prelude::*;

/// Upstream deprecates burn-ndarray in favor of Flex; it is supported here as long as it exists.
#[cfg(feature = "ndarray")]
#[allow(deprecated)]
type NdArray = burn::backend::NdArray;

/// A linear operator on a volume and a weight, composed of Burn's operators.
pub(super) trait Convolution: Debug + Clone + Send + 'static {
    /// Returns the output, and the tensors that [`gradients`](Self::gradients) needs.
    fn forward(&self, input: Tensor<5>, weight: Tensor<5>) -> (Tensor<5>, Vec<Tensor<5>>);

    /// Returns the requested gradients of input and weight from the output's gradient.
    fn gradients(
        &self,
        kept: Vec<Tensor<5>>,
        weight: Tensor<5>,
        gradient: Tensor<5>,
        wanted: [bool; 2],
    ) -> [Option<Tensor<5>>; 2];
}

/// Applies a convolution.
///
/// With gradient checkpointing, and on backends that are not listed here, the gradient is Burn's own, of the
/// composed operators.
pub(super) fn apply<C: Convolution>(
    convolution: C,
    input: Tensor<5>,
    weight: Tensor<5>,
) -> Tensor<5> {
    if input.is_autodiff() || weight.is_autodiff() {
        let tensors = [&input, &weight];
        let output: Option<Tensor<5>> = None;
        #[cfg(feature = "flex")]
        let output = output.or_else(|| record::<burn::backend::Flex, C>(&convolution, tensors));
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        let output = output.or_else(|| record::<burn::backend::Cube, C>(&convolution, tensors));
        #[cfg(feature = "ndarray")]
        let output = output.or_else(|| record::<NdArray, C>(&convolution, tensors));
        if let Some(output) = output {
            return output;
        }
    }
    convolution.forward(input, weight).0
}

/// Computes the output on backend `B` and records the step in the autodiff graph; `None` if the tensors
/// are on another backend.
fn record<B, C>(convolution: &C, tensors: [&Tensor<5>; 2]) -> Option<Tensor<5>>
where
    B: Backend,
    C: Convolution,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    // A tensor without autodiff is recorded as a constant.
    let recorded = |tensor: &Tensor<5>| {
        let tensor = tensor.clone().autodiff();
        tensor.try_into_primitive::<Autodiff<B>>().ok()
    };
    let (input, input_node) = recorded(tensors[0])?.into_parts();
    let (weight, weight_node) = recorded(tensors[1])?.into_parts();
    let (input, plain_weight) = (plain::<B>(input), plain::<B>(weight.clone()));
    let (output, kept) = convolution.forward(input, plain_weight);
    let step = Step(PhantomData::<C>).prepare::<NoCheckpointing>([input_node, weight_node]);
    let output = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let kept = kept.into_iter().map(primitive::<B>).collect();
            let state = State {
                convolution: convolution.clone(),
                kept,
                weight,
            };
            step.finish(state, primitive::<B>(output))
        }
        OpsKind::UnTracked(step) => step.finish(primitive::<B>(output)),
    };
    Some(Tensor::from_primitive::<Autodiff<B>>(output))
}

/// Wraps a backend's primitive as a tensor without autodiff.
fn plain<B>(primitive: B::FloatTensorPrimitive) -> Tensor<5>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B>,
{
    Tensor::from_primitive::<B>(primitive)
}

/// The backend's primitive of a tensor from [`plain`] or computed from one.
fn primitive<B>(tensor: Tensor<5>) -> B::FloatTensorPrimitive
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B>,
{
    let found = tensor.try_into_primitive::<B>();
    found.expect("operators keep the backend of their operands")
}

/// State kept for the backward pass.
#[derive(Debug, Clone)]
struct State<C, P> {
    convolution: C,
    kept: Vec<P>,
    weight: P,
}

/// Backward pass for input and weight.
#[derive(Debug)]
struct Step<C>(PhantomData<C>);

impl<B, C> Backward<B, 2> for Step<C>
where
    B: Backend,
    C: Convolution,
    DispatchTensor: DispatchKindConversion<B>,
{
    type State = State<C, B::FloatTensorPrimitive>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = plain::<B>(grads.consume::<B>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let kept = ops.state.kept.into_iter().map(plain::<B>).collect();
        let weight = plain::<B>(ops.state.weight);
        let found = ops
            .state
            .convolution
            .gradients(kept, weight, gradient, wanted);
        for (parent, gradient) in ops.parents.iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(parent.id, primitive::<B>(gradient));
            }
        }
    }
}
