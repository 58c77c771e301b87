//! Memory layout of a zero-padded volume.
//!
//! A volume is copied once into a buffer with its padding around it, `[batch, channel, depth, height,
//! width]`. Every tap of the kernel is then a constant offset from the output voxel's position, and a
//! register can hold any consecutive positions: those of one row, or, if rows are short, of several rows
//! including the padding between them, whose results are discarded.

use super::memory::Buffer;
use rayon::prelude::*;

/// Floats after a padded buffer that registers may read; their values are not used.
const SLACK: usize = 64;

/// Sizes of a convolution with "same" padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Number of samples.
    pub batch: usize,
    /// Depth, height and width; axes without padding at the end are merged into the last.
    pub size: [usize; 3],
    /// Kernel extent along each axis, odd.
    pub kernel: [usize; 3],
}

impl Grid {
    /// Creates the grid of a volume of `size` for a kernel with odd sides.
    pub(crate) fn new(batch: usize, size: [usize; 3], kernel: [usize; 3]) -> Self {
        let [d, h, w] = size;
        let size = match kernel {
            [1, 1, 1] => [1, 1, d * h * w],
            [_, 1, 1] => [d, 1, h * w],
            _ => size,
        };
        Self {
            batch,
            size,
            kernel,
        }
    }

    /// Width of a padded row.
    pub(crate) fn row(&self) -> usize {
        self.size[2] + self.kernel[2] - 1
    }

    /// Elements of a padded plane.
    pub(crate) fn plane(&self) -> usize {
        self.row() * (self.size[1] + self.kernel[1] - 1)
    }

    /// Elements of a padded channel.
    pub(crate) fn channel(&self) -> usize {
        self.plane() * (self.size[0] + self.kernel[0] - 1)
    }

    /// Elements of a channel without padding.
    pub(crate) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Number of kernel positions.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Offset of each tap in the padded buffer, in the order of the weight.
    pub(crate) fn offsets(&self) -> Vec<usize> {
        let [kd, kh, kw] = self.kernel;
        let tap = |t: usize| (t / (kh * kw), t / kw % kh, t % kw);
        let offset = |(d, h, w)| d * self.plane() + h * self.row() + w;
        (0..kd * kh * kw).map(|t| offset(tap(t))).collect()
    }

    /// Offset of the first voxel in a padded channel.
    pub(crate) fn center(&self) -> usize {
        let [kd, kh, kw] = self.kernel;
        (kd / 2) * self.plane() + (kh / 2) * self.row() + kw / 2
    }

    /// Copies `[batch, channels, depth, height, width]` into a padded buffer.
    pub(crate) fn pad(&self, volume: &[f32], channels: usize) -> Buffer {
        let maps = self.batch * channels;
        assert_eq!(
            volume.len(),
            maps * self.voxels(),
            "the volume must have the size of the grid"
        );
        let mut scratch = Buffer::take(maps * self.channel() + SLACK);
        let (body, slack) = scratch.as_mut().split_at_mut(maps * self.channel());
        slack.fill(0.0);
        let planes = body.par_chunks_mut(self.plane()).enumerate();
        planes
            .with_min_len(1 + 4096 / self.plane())
            .for_each(|(i, plane)| self.pad_plane(volume, i, plane));
        scratch
    }

    /// Fills padded plane `index`, counted over all channels and samples.
    fn pad_plane(&self, volume: &[f32], index: usize, plane: &mut [f32]) {
        let [d, h, w] = self.size;
        let [pd, ph, pw] = self.kernel.map(|k| k / 2);
        let depth = index % (d + 2 * pd);
        if depth < pd || depth >= pd + d {
            return plane.fill(0.0);
        }
        let map = index / (d + 2 * pd);
        let from = &volume[(map * d + depth - pd) * h * w..][..h * w];
        let (above, rest) = plane.split_at_mut(ph * self.row());
        let (rows, below) = rest.split_at_mut(h * self.row());
        above.fill(0.0);
        below.fill(0.0);
        for (row, source) in rows.chunks_exact_mut(self.row()).zip(from.chunks_exact(w)) {
            row[..pw].fill(0.0);
            row[pw..pw + w].copy_from_slice(source);
            row[pw + w..].fill(0.0);
        }
    }
}

/// Division of the output positions into registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    grid: Grid,
    lanes: usize,
    /// Runs of consecutive positions per plane: one, or one per row.
    runs: usize,
    /// Positions per run.
    length: usize,
}

/// The output positions of one register.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    /// Index of the sample.
    pub sample: usize,
    /// Depth.
    pub depth: usize,
    /// First position in the padded plane, counted from the first voxel.
    pub start: usize,
    /// Number of positions in use.
    pub len: usize,
}

impl Runs {
    /// Divides rows, or whole planes if these take fewer than `1 / favor` of the registers.
    pub(crate) fn new(grid: Grid, lanes: usize, favor: f64) -> Self {
        let [_, h, w] = grid.size;
        let plane = (h - 1) * grid.row() + w;
        let by_row = h * w.div_ceil(lanes);
        let whole = (plane.div_ceil(lanes) as f64) < favor * by_row as f64;
        let (runs, length) = if whole { (1, plane) } else { (h, w) };
        Self {
            grid,
            lanes,
            runs,
            length,
        }
    }

    /// Total number of registers.
    pub(crate) fn count(&self) -> usize {
        self.grid.batch * self.grid.size[0] * self.runs * self.length.div_ceil(self.lanes)
    }

    /// Elements from the start of a padded channel up to the last one that a full register reads at any position and
    /// tap. The last register of a run may reach beyond the channel.
    pub(crate) fn reach(&self) -> usize {
        let grid = self.grid;
        let registers = self.length.div_ceil(self.lanes) * self.lanes;
        let last_run = (grid.size[0] - 1) * grid.plane() + (self.runs - 1) * grid.row();
        let last_tap = 2 * grid.center();
        last_run + registers + last_tap
    }

    /// The positions of register `index`.
    pub(crate) fn span(&self, index: usize) -> Span {
        let per_run = self.length.div_ceil(self.lanes);
        let (run, first) = (index / per_run, index % per_run * self.lanes);
        let (plane, run) = (run / self.runs, run % self.runs);
        Span {
            sample: plane / self.grid.size[0],
            depth: plane % self.grid.size[0],
            start: run * self.grid.row() + first,
            len: self.lanes.min(self.length - first),
        }
    }

    /// Calls `visit(lane, voxel, count)` for each part of a span without padding, where `voxel` is the index in
    /// the channel without padding.
    #[inline(always)]
    pub(crate) fn parts(&self, span: Span, mut visit: impl FnMut(usize, usize, usize)) {
        let ([_, h, w], row) = (self.grid.size, self.grid.row());
        let (mut y, mut x, mut lane) = (span.start / row, span.start % row, 0);
        while lane < span.len {
            let count = w.saturating_sub(x).min(span.len - lane);
            if count > 0 {
                visit(lane, (span.depth * h + y) * w + x, count);
            }
            lane += row - x;
            (x, y) = (0, y + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reach is that of the farthest register, and a padded buffer holds it after its last channel.
    #[test]
    fn reach_is_the_farthest_read() {
        for size in [[1, 1, 1], [2, 3, 5], [3, 2, 16], [1, 4, 17], [4, 1, 33]] {
            for kernel in [[1, 1, 1], [3, 1, 1], [1, 3, 3], [3, 3, 3], [5, 3, 7]] {
                let grid = Grid::new(1, size, kernel);
                for (lanes, favor) in [4, 8, 16].into_iter().flat_map(|l| [(l, 1.0), (l, 1.1)]) {
                    let runs = Runs::new(grid, lanes, favor);
                    let end = |index| {
                        let span: Span = runs.span(index);
                        let offsets = grid.offsets().into_iter();
                        let ends = offsets
                            .map(|offset| span.depth * grid.plane() + span.start + offset + lanes);
                        ends.max()
                    };
                    let farthest = (0..runs.count()).filter_map(end).max();
                    assert_eq!(farthest, Some(runs.reach()), "{size:?} {kernel:?} {lanes}");
                    assert!(runs.reach() <= grid.channel() + SLACK);
                }
            }
        }
    }

    #[test]
    fn volumes_of_another_length_are_refused() {
        let grid = Grid::new(2, [2, 3, 5], [3, 3, 3]);
        let len = 2 * 3 * grid.voxels();
        let pad = |len: usize| std::panic::catch_unwind(|| grid.pad(&vec![1.0; len], 3).len());
        assert_eq!(pad(len).ok(), Some(2 * 3 * grid.channel() + SLACK));
        assert!(pad(len - 1).is_err() && pad(len + 1).is_err());
    }
}
