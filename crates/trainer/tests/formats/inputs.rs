//! Deterministic inputs on any device and in any number format, and the results of computations on them.

use burn::prelude::*;
use burn::tensor::{DType, Gradients};

/// A function that reads one input's gradient.
type Reader = Box<dyn FnOnce(&Gradients) -> Vec<f64>>;

/// A generator of the inputs of one computation.
///
/// All floats are multiples of 1/32 below 2 in magnitude, which every format represents exactly: only the
/// computation differs between formats.
pub struct Inputs {
    device: Device,
    format: DType,
    made: u64,
    readers: Vec<Reader>,
}

/// A result with its name.
pub type Named = (&'static str, Vec<f64>);

/// All results of one computation.
pub type Outcome = Vec<Named>;

/// Returns bits that depend on both numbers (a step of SplitMix64).
fn bits(stream: u64, index: u64) -> u64 {
    let mut z = (stream << 32 | index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Inputs {
    pub fn new(device: &Device, format: DType) -> Self {
        Self {
            device: device.clone().autodiff(),
            format,
            made: 0,
            readers: Vec::new(),
        }
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    fn drawn<const D: usize, T>(
        &mut self,
        shape: [usize; D],
        value: impl Fn(u64) -> T,
    ) -> (Vec<T>, [usize; D]) {
        self.made += 1;
        let count = shape.iter().product::<usize>() as u64;
        let values = (0..count).map(|i| value(bits(self.made, i))).collect();
        (values, shape)
    }

    /// Returns values in `-scale..scale` without a gradient.
    pub fn scaled<const D: usize>(&mut self, shape: [usize; D], scale: f64) -> Tensor<D> {
        let value = |bits| ((bits % 127) as f64 - 63.0) / 64.0 * scale;
        let (values, shape) = self.drawn(shape, value);
        Tensor::from_data(TensorData::new(values, shape), (&self.device, self.format))
    }

    /// Returns values in -2..2 without a gradient.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        self.scaled(shape, 2.0)
    }

    /// Returns `tensor` as a variable, whose gradient is one of the results.
    pub fn track<const D: usize>(&mut self, tensor: Tensor<D>) -> Tensor<D> {
        let tensor = tensor.require_grad();
        let (leaf, format) = (tensor.clone(), self.format);
        self.readers.push(Box::new(move |gradients| {
            let gradient = leaf.grad(gradients).expect("a gradient");
            assert_eq!(gradient.dtype(), format, "a gradient's format");
            values(gradient)
        }));
        tensor
    }

    /// Returns values in -2..2 with a gradient.
    pub fn variable<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let tensor = self.constant(shape);
        self.track(tensor)
    }

    /// Returns integers in `low..high`.
    pub fn integers<const D: usize>(
        &mut self,
        shape: [usize; D],
        low: i64,
        high: i64,
    ) -> Tensor<D, Int> {
        let (values, shape) = self.drawn(shape, |bits| low + (bits % (high - low) as u64) as i64);
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Runs the backward pass from `loss`; returns its value, then the gradients of all variables.
    pub fn outcome(self, loss: Tensor<1>) -> Outcome {
        assert_eq!(loss.dtype(), self.format, "the result's format");
        let gradients = loss.backward();
        let read = |reader: Reader| ("gradient", reader(&gradients));
        let first = ("value", values(loss.clone()));
        std::iter::once(first)
            .chain(self.readers.into_iter().map(read))
            .collect()
    }
}

/// Returns all values in row-major order.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
