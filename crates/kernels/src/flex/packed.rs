//! Weights in the order in which the direct convolution reads them.

use super::simd::Level;

/// Weights per group of channel blocks, limited to fit in the L2 cache.
const GROUP_FLOATS: usize = 96 * 1024;

/// Weights packed as `[block][in][tap][channel of the block]`.
pub(crate) struct Packed {
    /// The packed values.
    pub(super) data: Vec<f32>,
    /// Number of input channels.
    pub(super) inputs: usize,
    /// Number of taps.
    pub(super) taps: usize,
    blocks: Vec<Block>,
}

/// Consecutive output channels computed together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// First channel.
    pub(super) first: usize,
    /// Number of channels: 1, 2, 4 or 8.
    pub(super) width: usize,
    /// Start of its weights.
    pub(super) at: usize,
}

impl Packed {
    /// Packs `outputs x inputs x taps` weights given by `get(output, input, tap)`.
    fn new(
        [outputs, inputs, taps]: [usize; 3],
        widest: usize,
        get: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let mut data = Vec::with_capacity(outputs * inputs * taps);
        let mut blocks = Vec::new();
        let mut first = 0;
        while first < outputs {
            let width = 1 << widest.min(outputs - first).ilog2();
            blocks.push(Block {
                first,
                width,
                at: data.len(),
            });
            for i in 0..inputs {
                for t in 0..taps {
                    data.extend((first..first + width).map(|o| get(o, i, t)));
                }
            }
            first += width;
        }
        Self {
            data,
            inputs,
            taps,
            blocks,
        }
    }

    /// Packs the weights `[out, in, taps]` for a forward convolution.
    pub(crate) fn forward(weight: &[f32], shape: [usize; 3], level: Level) -> Self {
        let [_, inputs, taps] = shape;
        let get = |o: usize, i: usize, t: usize| weight[(o * inputs + i) * taps + t];
        Self::new(shape, level.channels(), get)
    }

    /// Packs the weights `[out, in, taps]` transposed and mirrored, for the input's gradient.
    pub(crate) fn transposed(weight: &[f32], shape: [usize; 3], level: Level) -> Self {
        let [outputs, inputs, taps] = shape;
        let get = |o: usize, i: usize, t: usize| weight[(i * inputs + o) * taps + taps - 1 - t];
        Self::new([inputs, outputs, taps], level.channels(), get)
    }

    /// Number of output channels.
    #[inline]
    pub(super) fn outputs(&self) -> usize {
        self.blocks.last().map_or(0, |b| b.first + b.width)
    }

    /// Groups of blocks whose weights stay in cache while a task iterates over its positions.
    pub(super) fn groups(&self) -> Vec<&[Block]> {
        let per_block = self.inputs * self.taps * self.blocks[0].width;
        let count = (GROUP_FLOATS / per_block).max(1);
        self.blocks.chunks(count).collect()
    }
}
