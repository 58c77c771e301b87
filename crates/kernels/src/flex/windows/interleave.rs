//! Interleaving of panel rows into rows of voxels, and the inverse.

use super::grid::{Block, Grid};
use crate::flex::epilogue::ChannelEpilogue;
use crate::flex::memory::Target;
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;

/// Mapping between the rows of one channel in the large volume and in a panel.
pub(super) struct Interleave<'a> {
    grid: Grid,
    block: &'a Block,
    shape: Shape,
    channel: usize,
    channels: usize,
}

impl<'a> Interleave<'a> {
    /// Creates the mapping for a channel of the large volume and the panel of a block.
    pub(super) fn new(grid: Grid, block: &'a Block, shape: Shape, channel: usize) -> Self {
        Self {
            grid,
            block,
            shape,
            channel,
            channels: shape.channels / grid.voxels(),
        }
    }

    /// Calls `visit(large, panel)` with the start of each row of voxels in the large volume and the start of the row of
    /// the window's first voxel in it among the channel's rows of the panel; the following voxels of the window are one
    /// stride apart.
    #[inline(always)]
    fn rows(&self, mut visit: impl FnMut(usize, usize)) {
        let ([kd, kh, kw], [d, h, w]) = (self.grid.kernel, self.grid.large);
        let map = (self.block.sample * self.channels + self.channel) * d * h * w;
        for (i, row) in self.block.rows.clone().enumerate() {
            let [y, x] = [row / self.grid.small[1], row % self.grid.small[1]];
            for (tap, (a, b)) in (0..kd)
                .flat_map(|a| (0..kh).map(move |b| (a, b)))
                .enumerate()
            {
                let large = map + ((y * kd + a) * h + x * kh + b) * w;
                visit(large, tap * kw * self.shape.stride + i * self.grid.small[2]);
            }
        }
    }
}

/// Copies from the large volume to a panel.
pub(super) struct Gather<'a> {
    pub(super) interleave: Interleave<'a>,
    pub(super) large: &'a [f32],
    /// The channel's rows of the panel.
    pub(super) to: &'a mut [f32],
}

impl Kernel for Gather<'_> {
    type Output = ();
    const PASS: Pass = Pass::GatherWindows;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, kw) = (
            self.interleave.grid.small[2],
            self.interleave.grid.kernel[2],
        );
        let Shape {
            columns, stride, ..
        } = self.interleave.shape;
        self.interleave.rows(|large, panel| {
            let row = &self.large[large..large + width * kw];
            let to = &mut self.to[panel..panel + (kw - 1) * stride + width];
            match kw {
                1 => to.copy_from_slice(row),
                2 => {
                    let (even, odd) = to.split_at_mut(stride);
                    let pairs = row.as_chunks::<2>().0;
                    for ((even, odd), pair) in even.iter_mut().zip(odd).zip(pairs) {
                        [*even, *odd] = *pair;
                    }
                }
                _ => {
                    for (i, value) in row.iter().enumerate() {
                        to[i % kw * stride + i / kw] = *value;
                    }
                }
            }
        });
        for row in self.to.chunks_exact_mut(stride) {
            row[columns..].fill(0.0);
        }
    }
}

/// Copies from a panel to the large volume.
pub(super) struct Scatter<'a> {
    pub(super) interleave: Interleave<'a>,
    /// The channel's rows of the panel.
    pub(super) panel: &'a [f32],
    pub(super) epilogue: ChannelEpilogue,
    pub(super) to: Target,
}

impl Kernel for Scatter<'_> {
    type Output = ();
    const PASS: Pass = Pass::ScatterWindows;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled, `to` must be the large volume of the grid and the channels of
    /// the mapping, and no other thread may use the block's voxels of the channel.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, kw) = (
            self.interleave.grid.small[2],
            self.interleave.grid.kernel[2],
        );
        let stride = self.interleave.shape.stride;
        self.interleave.rows(|large, panel| {
            let to = self.to.at(large);
            let rows = &self.panel[panel..panel + (kw - 1) * stride + width];
            // SAFETY: `large` is the start of a row of voxels of the block's windows in this channel. Windows lie
            // inside the volume, so the row has `width * kw` voxels; the caller gives this thread sole use of them.
            unsafe {
                match kw {
                    1 => interleave::<1>(rows, stride, width, self.epilogue, to),
                    2 => interleave::<2>(rows, stride, width, self.epilogue, to),
                    _ => {
                        for i in 0..width * kw {
                            let value = rows[i % kw * stride + i / kw];
                            to.add(i).write(self.epilogue.of(value));
                        }
                    }
                }
            }
        });
    }
}

/// Interleaves `K` rows, one stride apart, into one.
///
/// # Safety
///
/// `to` must be valid for `K * width` floats, and no other thread may use them.
#[inline(always)]
unsafe fn interleave<const K: usize>(
    rows: &[f32],
    stride: usize,
    width: usize,
    epilogue: ChannelEpilogue,
    to: *mut f32,
) {
    let rows: [&[f32]; K] = std::array::from_fn(|k| &rows[k * stride..][..width]);
    for i in 0..width {
        for (k, row) in rows.iter().enumerate() {
            // SAFETY: `i` is less than `width` and `k` less than `K`.
            unsafe { to.add(K * i + k).write(epilogue.of(row[i])) };
        }
    }
}
