//! Writing of panels whose columns are voxels.

use super::grid::{Block, Grid};
use crate::flex::epilogue::Epilogue;
use crate::flex::memory::Target;
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;

/// Copies a panel to the block's voxels of the small volume.
pub(super) struct Write<'a> {
    pub(super) grid: Grid,
    pub(super) block: &'a Block,
    pub(super) shape: Shape,
    pub(super) panel: &'a [f32],
    pub(super) epilogue: Epilogue<'a>,
    pub(super) to: Target,
}

impl Kernel for Write<'_> {
    type Output = ();
    const PASS: Pass = Pass::ScatterWindows;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `to` must be the small volume of the grid with the shape's channels, and
    /// no other thread may use the block's rows of it.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Shape {
            channels, stride, ..
        } = self.shape;
        let pitch = self.grid.pitch();
        let (map, width) = (
            self.grid.small.iter().product::<usize>(),
            self.grid.small[2],
        );
        for channel in 0..channels {
            let epilogue = self.epilogue.channel(channel);
            let first = (self.block.sample * channels + channel) * map;
            for (i, row) in self.block.rows.clone().enumerate() {
                let from = &self.panel[channel * stride + i * pitch..];
                for at in (0..width).step_by(S::LANES) {
                    let count = S::LANES.min(width - at);
                    let from = &from[at..at + S::LANES];
                    let to = self.to.at(first + row * width + at);
                    // SAFETY: `from` has the lanes of a register. The `count` voxels from `at` on lie in the block's row
                    // `row` of this channel, which is this thread's by the contract of `run`.
                    unsafe {
                        let value = epilogue.of_register::<S>(S::load(from.as_ptr()));
                        if count == S::LANES {
                            S::store(to, value);
                        } else {
                            S::store_lanes(to, value, count);
                        }
                    }
                }
            }
        }
    }
}
