//! The weight's gradient.

use super::Windows;
use super::grid::Block;
use crate::flex::correlation::Correlation;
use crate::flex::memory::{Buffer, filled_rows};
use crate::flex::packing::{block_of, packed};
use rayon::prelude::*;

/// Number of parts whose sums are added in order, which makes the weight's gradient independent of the
/// number of threads.
const PARTS: usize = 16;

impl Windows {
    /// The weight's gradient, `Σ over windows of small · largeᵀ`.
    pub(super) fn correlate(&self, small: &[f32], large: &[f32]) -> Buffer {
        let blocks = self.grid.blocks(self.row().max(self.small));
        let parts = PARTS.min(blocks.len());
        let cut = |part: usize| part * blocks.len() / parts;
        let parts: Vec<Buffer> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let blocks = &blocks[cut(part)..cut(part + 1)];
                match self.grid.shifts() {
                    3 => self.correlate_blocks::<3>(blocks, small, large),
                    _ => self.correlate_blocks::<1>(blocks, small, large),
                }
            })
            .collect();
        let row = self.row();
        filled_rows(self.small, row, |small, total| {
            let block = block_of(self.small, self.level.channels(), small);
            for (v, total) in total.iter_mut().enumerate() {
                let at = packed(block, row, small, v);
                *total = parts.iter().map(|part| part[at]).sum();
            }
        })
    }

    /// The sum over a range of blocks.
    fn correlate_blocks<const T: usize>(
        &self,
        blocks: &[Block],
        small: &[f32],
        large: &[f32],
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let row = self.row();
        let mut sums = Buffer::take(self.small * row);
        for (i, block) in blocks.iter().enumerate() {
            let y = grid.read(block, small, self.small);
            let x = grid.gather(level, block, large, self.large);
            let chunks = sums.as_mut().par_chunks_mut(level.channels() * row);
            chunks.enumerate().for_each(|(chunk, sums)| {
                let job = Correlation::<T> {
                    x: &x.data,
                    from: x.shape,
                    y: &y.data[chunk * level.channels() * y.shape.stride..],
                    to: y.shape,
                    widest: level.channels(),
                    begins: i == 0,
                    sums,
                };
                // SAFETY: `Correlation::run` requires nothing but enabled instructions.
                unsafe { level.run(job) }
            });
        }
        sums
    }
}
