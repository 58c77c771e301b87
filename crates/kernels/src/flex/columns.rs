//! Convolution of small maps with many channels as matrix products over the windows of all voxels.
//!
//! Such maps leave most lanes of the other forms empty. Here the lanes run along the rows of the weight, one number for
//! each input channel and tap, so that neither the weight nor its gradient is rearranged:
//!
//! ```text
//! y[o][p] = Σ_k w[o][k] x[p][k],   dw[o][k] = Σ_p dy[o][p] x[p][k],   dx[p][k] = Σ_o dy[o][p] w[o][k]
//! ```
//!
//! where `x[p]` is the window of voxel `p`.

use super::correlation::Correlation;
use super::epilogue::Epilogue;
use super::memory::{Buffer, filled_rows};
use super::packing::{block_of, blocks, pack, packed};
use super::panel::{Product, Shape};
use super::simd::{Level, WIDEST};
use rayon::prelude::*;

/// Maximum number of voxels of a map.
const VOXELS: usize = 64;
/// Minimum number of pairs of channels.
const PAIRS: usize = 64 * 64;
/// Rows per task of a product: each task reads all windows, from beyond the L2 cache.
const ROWS: usize = 32;

/// A convolution with an odd kernel, stride 1 and zero padding.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    level: Level,
    batch: usize,
    inputs: usize,
    outputs: usize,
    voxels: usize,
    /// The voxel under each tap of the window of each voxel, if there is one.
    taps: Vec<Vec<Option<usize>>>,
}

impl Columns {
    /// Creates the convolution if it is faster in this form.
    pub(super) fn new(
        level: Level,
        batch: usize,
        [inputs, outputs]: [usize; 2],
        size: [usize; 3],
        kernel: [usize; 3],
    ) -> Option<Self> {
        let voxels = size.iter().product();
        // Registers cover the rows of the weight without a rest.
        let whole = (inputs * kernel.iter().product::<usize>()).is_multiple_of(WIDEST);
        let pays = voxels <= VOXELS && inputs * outputs >= PAIRS && whole;
        pays.then(|| Self {
            level,
            batch,
            inputs,
            outputs,
            voxels,
            taps: (0..voxels).map(|v| window(v, size, kernel)).collect(),
        })
    }

    /// Numbers of a window.
    fn row(&self) -> usize {
        self.inputs * self.taps[0].len()
    }

    /// Number of windows.
    fn positions(&self) -> usize {
        self.batch * self.voxels
    }

    /// The shape of windows, or of rows of the weight.
    fn rows(&self, count: usize) -> Shape {
        Shape::exact(count, self.row())
    }

    /// The windows of all voxels, `[sample][voxel][input][tap]`.
    fn windows(&self, input: &[f32]) -> Buffer {
        filled_rows(self.positions(), self.row(), |position, row| {
            let (sample, voxel) = (position / self.voxels, position % self.voxels);
            let maps = input[sample * self.inputs * self.voxels..].chunks_exact(self.voxels);
            let taps = &self.taps[voxel];
            for (to, map) in row.chunks_exact_mut(taps.len()).zip(maps) {
                for (to, tap) in to.iter_mut().zip(taps) {
                    *to = tap.map_or(0.0, |voxel| map[voxel]);
                }
            }
        })
    }

    /// The index of an output channel at a position in a volume `[sample][output][voxel]`.
    fn index(&self, output: usize, position: usize) -> usize {
        let (sample, voxel) = (position / self.voxels, position % self.voxels);
        (sample * self.outputs + output) * self.voxels + voxel
    }

    pub(super) fn forward(&self, input: &[f32], weight: &[f32], epilogue: Epilogue) -> Buffer {
        let (level, positions, row) = (self.level, self.positions(), self.row());
        let windows = self.windows(input);
        let mut sums = Buffer::take(self.outputs * positions);
        let chunks = sums.as_mut().par_chunks_mut(level.channels() * positions);
        chunks.enumerate().for_each(|(chunk, sums)| {
            let job = Correlation::<1> {
                x: &windows,
                from: self.rows(positions),
                y: &weight[chunk * level.channels() * row..],
                to: self.rows(sums.len() / positions),
                widest: level.channels(),
                begins: true,
                sums,
            };
            // SAFETY: `Correlation::run` requires nothing but enabled instructions.
            unsafe { level.run(job) }
        });
        filled_rows(self.batch * self.outputs, self.voxels, |map, out| {
            let (sample, output) = (map / self.outputs, map % self.outputs);
            let block = block_of(self.outputs, level.channels(), output);
            let epilogue = epilogue.channel(output);
            for (voxel, out) in out.iter_mut().enumerate() {
                let position = sample * self.voxels + voxel;
                *out = epilogue.of(sums[packed(block, positions, output, position)]);
            }
        })
    }

    pub(super) fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        let sizes = [self.outputs, self.positions()];
        let packed = pack(self.level, sizes, |o, p| gradient[self.index(o, p)]);
        self.multiply(sizes, &packed, &self.windows(input))
    }

    pub(super) fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let sizes = [self.positions(), self.outputs];
        let packed = pack(self.level, sizes, |p, o| gradient[self.index(o, p)]);
        let windows = self.multiply(sizes, &packed, weight);
        let row = self.row();
        filled_rows(self.batch * self.inputs, self.voxels, |map, out| {
            let (sample, input) = (map / self.inputs, map % self.inputs);
            out.fill(0.0);
            for (voxel, taps) in self.taps.iter().enumerate() {
                let at = (sample * self.voxels + voxel) * row + input * taps.len();
                for (tap, value) in taps.iter().zip(&windows[at..at + taps.len()]) {
                    if let Some(voxel) = tap {
                        out[*voxel] += value;
                    }
                }
            }
        })
    }

    /// `Σ_i a[o][i] x[i]` for `outputs` rows `a` of `inputs` numbers, packed, and rows `x` of the weight's length.
    fn multiply(&self, [outputs, inputs]: [usize; 2], packed: &[f32], x: &[f32]) -> Buffer {
        let (level, row) = (self.level, self.row());
        let mut out = Buffer::take(outputs * row);
        let chunks = out.as_mut().par_chunks_mut(ROWS * row);
        chunks.enumerate().for_each(|(chunk, out)| {
            let rows = out.len() / row;
            let job = Product::<1> {
                blocks: &blocks(rows, level.channels()),
                weights: &packed[chunk * ROWS * inputs..],
                x,
                from: self.rows(inputs),
                out,
                to: self.rows(rows),
            };
            // SAFETY: `Product::run` requires nothing but enabled instructions.
            unsafe { level.run(job) }
        });
        out
    }
}

/// The voxels under the taps of a kernel whose center lies on a voxel.
fn window(voxel: usize, size: [usize; 3], kernel: [usize; 3]) -> Vec<Option<usize>> {
    let split = |index: usize, [_, h, w]: [usize; 3]| [index / (h * w), index / w % h, index % w];
    let (at, count) = (split(voxel, size), kernel.iter().product());
    let under = |tap: usize| {
        let tap = split(tap, kernel);
        let mut index = 0;
        for axis in 0..3 {
            let place = (at[axis] + tap[axis]).checked_sub(kernel[axis] / 2)?;
            index = index * size[axis] + (place < size[axis]).then_some(place)?;
        }
        Some(index)
    };
    (0..count).map(under).collect()
}
