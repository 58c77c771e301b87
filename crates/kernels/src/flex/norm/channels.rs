//! The numbers of batch norm by channel, and its output.

use super::Statistics;
use super::passes::{Channel, Normalize};
use crate::flex::memory::filled_rows;
use crate::flex::simd::Level;
use crate::flex::tensor::{from_buffer, values};
use burn::backend::flex::FlexTensor;

/// Mean, `r` and gamma per channel.
#[derive(Debug, Clone)]
pub(crate) struct Channels {
    pub(crate) mean: Vec<f32>,
    pub(crate) inverse: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
}

impl Channels {
    pub(crate) fn new([mean, variance]: Statistics, gamma: &[f32], epsilon: f64) -> Self {
        let inverse = |&v: &f32| (1.0 / (f64::from(v) + epsilon).sqrt()) as f32;
        Self {
            mean,
            inverse: variance.iter().map(inverse).collect(),
            gamma: gamma.to_vec(),
        }
    }

    /// The numbers of a channel.
    pub(super) fn channel(&self, c: usize, beta: &[f32], leak: f32) -> Channel {
        Channel {
            mean: self.mean[c],
            inverse: self.inverse[c],
            scale: self.gamma[c] * self.inverse[c],
            shift: beta[c],
            leak,
        }
    }

    /// Computes the output.
    pub(super) fn forward(
        &self,
        input: &FlexTensor,
        beta: &[f32],
        leak: f32,
        shape: [usize; 5],
    ) -> FlexTensor {
        let [batch, channels, d, h, w] = shape;
        let (level, x, voxels) = (Level::current(), values(input), d * h * w);
        let output = filled_rows(batch * channels, voxels, |map, y| {
            let channel = self.channel(map % channels, beta, leak);
            let x = &x[map * voxels..][..voxels];
            // SAFETY: `Normalize::run` requires nothing but enabled instructions.
            unsafe { level.run(Normalize { channel, x, y }) }
        });
        from_buffer(output, &shape)
    }
}
