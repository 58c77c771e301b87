//! Layout of windows in their volume, and of blocks of windows in panels.

use crate::flex::memory::Buffer;
use crate::flex::panel::Shape;
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
    pub(super) fn pitch(&self) -> usize {
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
}
