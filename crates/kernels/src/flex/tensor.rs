//! Conversions between Burn's tensors and slices of floats.

use super::memory::Buffer;
use super::simd::composition;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::Ops;
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use burn::tensor::DType;

/// The tensor's primitive, if it is single precision, on the Flex backend and without autodiff.
pub(crate) fn plain<const D: usize>(tensor: &Tensor<D>) -> Option<FlexTensor> {
    let found = tensor.clone().try_into_primitive::<Flex>().ok()?;
    (found.dtype() == DType::F32 && !composition()).then_some(found)
}

/// The tensor's primitive in an autodiff graph over the Flex backend, if it is single precision; a tensor
/// without autodiff is added as a constant.
pub(crate) fn recorded<const D: usize>(
    tensor: &Tensor<D>,
) -> Option<<Autodiff<Flex> as burn::backend::BackendTypes>::FloatTensorPrimitive> {
    let tensor = tensor.clone().autodiff();
    let found = tensor.try_into_primitive::<Autodiff<Flex>>().ok()?;
    (found.primitive().dtype() == DType::F32 && !composition()).then_some(found)
}

/// Converts to row-major order, as required by [`values`].
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    match tensor.as_slice::<f32>() {
        Some(_) => tensor,
        None => tensor.to_contiguous(),
    }
}

/// The values of a [`contiguous`] tensor in row-major order.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("contiguous single precision")
}

/// Creates a row-major tensor from a buffer.
pub(crate) fn from_buffer(buffer: Buffer, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::from_bytes(
        buffer.into_bytes(),
        shape.to_vec(),
        DType::F32,
    ))
}

/// Creates a row-major tensor from a vector.
pub(crate) fn from_vec(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// The output's gradient in row-major order.
pub(crate) fn incoming<S, const N: usize>(grads: &mut Gradients, ops: &Ops<S, N>) -> FlexTensor {
    contiguous(grads.consume::<Flex>(&ops.node))
}

/// Adds `make()` to the gradient of input `index`, if that input is tracked.
pub(crate) fn give<S, const N: usize>(
    grads: &mut Gradients,
    ops: &Ops<S, N>,
    index: usize,
    make: impl FnOnce() -> FlexTensor,
) {
    if let Some(Some(parent)) = ops.parents.get(index) {
        grads.register::<Flex>(parent.id, make());
    }
}
