//! Gathering of the windows around every voxel.

use super::grid::{Block, Grid};
use crate::flex::panel::Shape;
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;

/// Copies a channel into a panel once for each tap, shifted by it, with zeros where a window ends outside the volume.
/// Where products shift along the row, there is one copy for all of the row's taps, with a zero before each row.
pub(super) struct GatherAround<'a> {
    pub(super) grid: Grid,
    pub(super) block: &'a Block,
    pub(super) shape: Shape,
    /// The channel's map of the block's sample.
    pub(super) map: &'a [f32],
    /// The channel's rows of the panel.
    pub(super) to: &'a mut [f32],
}

impl Kernel for GatherAround<'_> {
    type Output = ();
    const PASS: Pass = Pass::GatherWindows;

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let ([kd, kh, kw], [d, h, w]) = (self.grid.kernel, self.grid.large);
        let Shape {
            columns, stride, ..
        } = self.shape;
        let place = |at: usize, tap: usize, kernel: usize, size: usize| {
            (at + tap).checked_sub(kernel / 2).filter(|at| *at < size)
        };
        let (pitch, copies) = (self.grid.pitch(), kw / self.grid.shifts());
        for (i, row) in self.block.rows.clone().enumerate() {
            for (plane, taps) in self.to.chunks_exact_mut(copies * stride).enumerate() {
                let depth = place(row / h, plane / kh, kd, d);
                let height = place(row % h, plane % kh, kh, h);
                let row = depth.zip(height).map(|(depth, height)| depth * h + height);
                let from = row.map(|row| &self.map[row * w..][..w]);
                for (tap, to) in taps.chunks_exact_mut(stride).enumerate() {
                    shift(from, tap, kw / 2, &mut to[i * pitch..][..pitch]);
                }
            }
        }
        for row in self.to.chunks_exact_mut(stride) {
            row[columns..].fill(0.0);
        }
    }
}

/// Sets `to[i] = from[i + tap - center]`, and zero where there is none; `to` is as long as `from`, or by `center` longer.
#[inline(always)]
fn shift(from: Option<&[f32]>, tap: usize, center: usize, to: &mut [f32]) {
    let Some(from) = from else {
        return to.fill(0.0);
    };
    let before = center.saturating_sub(tap).min(to.len());
    let skipped = tap.saturating_sub(center).min(to.len());
    let (zeros, rest) = to.split_at_mut(before);
    let count = rest.len().min(from.len() - skipped);
    zeros.fill(0.0);
    rest[..count].copy_from_slice(&from[skipped..][..count]);
    rest[count..].fill(0.0);
}
