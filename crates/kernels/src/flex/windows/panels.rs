//! Copies between volumes and the panels of blocks of windows.

use super::around::GatherAround;
use super::grid::{Block, Grid, Panel};
use super::interleave::{Gather, Interleave, Scatter};
use super::write::Write;
use crate::flex::epilogue::Epilogue;
use crate::flex::memory::Target;
use crate::flex::panel::Shape;
use crate::flex::simd::Level;
use rayon::prelude::*;

impl Grid {
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
