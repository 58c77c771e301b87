//! Random numbers of the contrast sampler.

use burn::prelude::*;
use burn::tensor::DType;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::rng::keyed_rng;

/// Random numbers drawn on the host and copied to a device.
pub(super) struct RandomNumbers {
    rng: ChaCha8Rng,
    device: Device,
}

impl RandomNumbers {
    pub(super) fn new(seed: u64, step: u64, device: &Device) -> Self {
        Self {
            rng: keyed_rng(seed, step, "contrast"),
            device: device.clone(),
        }
    }

    /// Uniform 31-bit integers.
    pub(super) fn integers(&mut self, shape: [usize; 2]) -> Tensor<2, Int> {
        let count = shape[0] * shape[1];
        let values = (0..count)
            .map(|_| (self.rng.random::<u32>() >> 1) as i32)
            .collect();
        Tensor::from_data(TensorData::new::<i32, _>(values, shape), &self.device)
    }

    /// Uniform multiples of 2^-24 in `[0, 1)`.
    pub(super) fn fractions(&mut self, shape: [usize; 2]) -> Tensor<2> {
        let count = shape[0] * shape[1];
        let fraction = |_| (self.rng.random::<u32>() >> 8) as f32 / 16_777_216.0;
        let values = (0..count).map(fraction).collect();
        let data = TensorData::new::<f32, _>(values, shape);
        Tensor::from_data(data, (&self.device, DType::F32))
    }
}
