//! Layout of windows in their volume, and of blocks of windows in panels.

use super::around::GatherAround;
use super::interleave::{Gather, Interleave, Scatter};
use super::write::Write;
use crate::flex::epilogue::Epilogue;
use crate::flex::memory::{Buffer, Target};
use crate::flex::panel::Shape;
use crate::flex::simd::Level;
use rayon::prelude::*;
use std::ops::Range;

/// Floats per gathered panel.
const PANEL: usize = 64 * 1024;

/// A panel with its values.
pub(super) struct Panel {
    pub(super) shape: Shape,
    pub(super) data: Buffer,
}

impl Panel {
    /// Creates a panel with unspecified contents.
    pub(super) fn new(shape: Shape) -> Self {
        let data = Buffer::scratch(shape.len());
        Self { shape, data }
    }
}

/// Windows of one sample: whole rows.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) sample: usize,
    pub(super) rows: Range<usize>,
}

/// Layout of windows in their volume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Number of samples.
    pub(super) batch: usize,
    /// Windows along each axis.
    pub(super) small: [usize; 3],
    /// Voxels along each axis; those beyond the last complete window are not used.
    pub(super) large: [usize; 3],
    /// Voxels of a window along each axis.
    pub(super) kernel: [usize; 3],
    /// Whether there is a window around every voxel, with zeros outside the volume, instead of one beside the other.
    pub(super) around: bool,
}

impl Grid {
    /// Voxels of a window.
    pub(super) fn voxels(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Taps along the row that a product takes from one row of a panel, shifted, instead of from a row for each.
    pub(super) fn shifts(&self) -> usize {
        if self.around && self.kernel[2] == 3 {
            3
        } else {
            1
        }
    }

    /// Columns of a panel for each row of windows: where products shift, a zero divides the rows.
    fn pitch(&self) -> usize {
        self.small[2] + self.shifts() / 2
    }

    /// Number of windows in the batch, the elements of one small channel over all samples.
    pub(super) fn small_len(&self) -> usize {
        self.batch * self.small.iter().product::<usize>()
    }

    /// Elements of one large channel over all samples.
    pub(super) fn large_len(&self) -> usize {
        self.batch * self.large.iter().product::<usize>()
    }

    /// Whether every voxel is in a window.
    pub(super) fn exact(&self) -> bool {
        (0..3).all(|axis| self.small[axis] * self.kernel[axis] == self.large[axis])
    }

    /// Divides the windows into blocks whose panels of `rows` rows fit in cache.
    pub(super) fn blocks(&self, rows: usize) -> Vec<Block> {
        let [d, h, w] = self.small;
        let columns = (PANEL / rows).clamp(64, 1024);
        let count = (d * h).div_ceil(columns.div_ceil(w));
        let cut = |i: usize| i * d * h / count;
        let sample = |sample: usize| {
            (0..count).map(move |i| Block {
                sample,
                rows: cut(i)..cut(i + 1),
            })
        };
        (0..self.batch).flat_map(sample).collect()
    }

    /// Reads a block of the small volume into a panel.
    pub(super) fn read(&self, block: &Block, small: &[f32], channels: usize) -> Panel {
        let (width, pitch) = (self.small[2], self.pitch());
        let mut panel = Panel::new(Shape::new(channels, block.rows.len() * pitch));
        let Shape {
            columns, stride, ..
        } = panel.shape;
        let map = self.small.iter().product::<usize>();
        let rows = panel.data.as_mut()[..channels * stride].chunks_exact_mut(stride);
        for (channel, row) in rows.enumerate() {
            let from = (block.sample * channels + channel) * map + block.rows.start * width;
            let from = small[from..].chunks_exact(width);
            for (to, from) in row[..columns].chunks_exact_mut(pitch).zip(from) {
                to[..width].copy_from_slice(from);
                to[width..].fill(0.0);
            }
            row[columns..].fill(0.0);
        }
        panel
    }

    /// Writes a panel to the small volume.
    pub(super) fn write(
        &self,
        level: Level,
        block: &Block,
        panel: &Panel,
        epilogue: Epilogue,
        to: Target,
    ) {
        let job = Write {
            grid: *self,
            block,
            shape: panel.shape,
            panel: &panel.data,
            epilogue,
            to,
        };
        // SAFETY: `to` is the small volume of the panel's channels, which `Windows::shrink` makes, and no one else writes
        // the block's rows of it, as the blocks of `Grid::blocks` do not overlap.
        unsafe { level.run(job) }
    }

    /// Gathers a block of the large volume into a panel: `[channel, voxel of the window]` by window, or, where products
    /// shift, `[channel, row of the window]`.
    pub(super) fn gather(
        &self,
        level: Level,
        block: &Block,
        large: &[f32],
        channels: usize,
    ) -> Panel {
        let rows = self.voxels() / self.shifts();
        let shape = Shape::new(channels * rows, block.rows.len() * self.pitch());
        let mut panel = Panel::new(shape);
        let rows = rows * shape.stride;
        let parts = panel.data.as_mut()[..channels * rows].par_chunks_exact_mut(rows);
        let voxels = self.large.iter().product::<usize>();
        parts.enumerate().for_each(|(channel, to)| {
            if self.around {
                let job = GatherAround {
                    grid: *self,
                    block,
                    shape,
                    pitch: self.pitch(),
                    map: &large[(block.sample * channels + channel) * voxels..][..voxels],
                    to,
                };
                // SAFETY: `GatherAround::run` requires nothing but enabled instructions.
                return unsafe { level.run(job) };
            }
            let interleave = Interleave::new(*self, block, shape, channel);
            let gather = Gather {
                interleave,
                large,
                to,
            };
            // SAFETY: `Gather::run` requires nothing but enabled instructions.
            unsafe { level.run(gather) }
        });
        panel
    }

    /// Scatters a panel into the large volume.
    pub(super) fn scatter(
        &self,
        level: Level,
        block: &Block,
        panel: &Panel,
        epilogue: Epilogue,
        to: Target,
    ) {
        let channels = panel.shape.channels / self.voxels();
        let rows = self.voxels() * panel.shape.stride;
        (0..channels).into_par_iter().for_each(|channel| {
            let interleave = Interleave::new(*self, block, panel.shape, channel);
            let scatter = Scatter {
                interleave,
                panel: &panel.data[channel * rows..][..rows],
                epilogue: epilogue.channel(channel),
                to,
            };
            // SAFETY: `to` is the large volume of `channels` channels (`Windows::expand` makes it). No one else writes
            // this channel of the block's windows, as neither the channels nor the blocks of `Grid::blocks` overlap.
            unsafe { level.run(scatter) }
        });
    }
}
