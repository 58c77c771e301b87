//! Division of a volume into tiles of 4×4 rows, or of slices into tiles of 4 rows, and of tiles into blocks.

use std::ops::Range;

/// Taps along a row.
pub(super) const TAPS: usize = 3;
/// Output rows per tile along depth and along height.
pub(super) const TILE: usize = 4;
/// Input rows per tile along depth and along height.
pub(super) const SPREAD: usize = TILE + 2;
/// Maximum number of rows of a transformed tile.
pub(super) const POINTS: usize = SPREAD * SPREAD;

/// Output rows of a tile along depth with `D` points there: one if depth is not transformed.
pub(super) const fn tile_depth<const D: usize>() -> usize {
    if D == 1 { 1 } else { TILE }
}

/// Taps along depth of a tile with `D` points there.
pub(super) const fn taps_depth<const D: usize>() -> usize {
    if D == 1 { 1 } else { 3 }
}

/// Floats of one transformed block, for all channels and points together, limited to fit in the L2 cache
/// beside the products.
const BLOCK_FLOATS: usize = 96 * 1024;
/// Minimum number of positions per block, to amortize loading the weights.
const COLUMNS: usize = 192;

/// The tiles of a batch of volumes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    batch: usize,
    size: [usize; 3],
    sliced: bool,
}

/// Position of a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Index of the sample.
    pub sample: usize,
    /// First output row along depth and height.
    pub first: [usize; 2],
}

impl Tiles {
    /// Creates the tiles of volumes of `size` for a 3×3×3 kernel, or for a 1×3×3 kernel, which processes each
    /// slice separately.
    pub(crate) fn new(batch: usize, size: [usize; 3], kernel: [usize; 3]) -> Option<Self> {
        let sliced = match kernel {
            [3, 3, 3] => false,
            [1, 3, 3] => true,
            _ => return None,
        };
        Some(Self {
            batch,
            size,
            sliced,
        })
    }

    /// Whether tiles save enough products to pay for the transforms, which take half as much work if depth is
    /// not transformed. Tiles at the far ends may be half empty, and every row has one position of padding.
    pub(crate) fn pay(&self, inputs: usize, outputs: usize) -> bool {
        let [d, h, w] = self.size;
        let products = self.points() * TAPS * self.count() * self.pitch();
        let direct = self.taps() * self.batch * d * h * w;
        let saved = match self.sliced {
            true => 4 * products < 3 * direct,
            false => 2 * products < direct,
        };
        inputs.min(outputs) >= 4 && saved
    }

    /// Whether slices are processed separately.
    pub(super) fn sliced(&self) -> bool {
        self.sliced
    }

    /// Rows of a transformed tile.
    pub(super) fn points(&self) -> usize {
        if self.sliced { SPREAD } else { POINTS }
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        if self.sliced { 9 } else { 27 }
    }

    /// Depth, height and width.
    pub(super) fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Voxels per channel.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Number of samples.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Distance between transformed rows in positions: a row and one zero, which is the padding before it and that
    /// behind the row before.
    pub(super) fn pitch(&self) -> usize {
        self.size[2] + 1
    }

    /// Tiles per sample along depth and height.
    fn sides(&self) -> [usize; 2] {
        [
            self.size[0].div_ceil(self.depth()),
            self.size[1].div_ceil(TILE),
        ]
    }

    /// Output rows of a tile along depth.
    fn depth(&self) -> usize {
        if self.sliced { 1 } else { TILE }
    }

    /// Total number of tiles.
    pub(super) fn count(&self) -> usize {
        let [td, th] = self.sides();
        self.batch * td * th
    }

    /// The position of tile `index`.
    pub(super) fn place(&self, index: usize) -> Place {
        let [td, th] = self.sides();
        let (row, column) = (index / th, index % th);
        Place {
            sample: row / td,
            first: [self.depth() * (row % td), TILE * column],
        }
    }

    /// Whether row `[depth, height]` exists; coordinates start at one before the first row.
    #[inline(always)]
    pub(super) fn has_row(&self, depth: usize, height: usize) -> bool {
        let [d, h, _] = self.size;
        (1..=d).contains(&depth) && (1..=h).contains(&height)
    }

    /// The offset of row `[depth, height]` in its channel, whether or not the row exists; coordinates as in
    /// [`Tiles::has_row`].
    #[inline(always)]
    pub(super) fn row(&self, depth: usize, height: usize) -> isize {
        let [_, h, w] = self.size.map(|side| side as isize);
        ((depth as isize - 1) * h + height as isize - 1) * w
    }

    /// Divides the tiles into blocks for this number of channels.
    pub(super) fn blocks(&self, channels: usize) -> Vec<Range<usize>> {
        let columns = (BLOCK_FLOATS / (self.points() * channels)).max(COLUMNS);
        let tiles = columns.div_ceil(self.pitch());
        let count = self.count().div_ceil(tiles);
        let cut = |i: usize| i * self.count() / count;
        (0..count).map(|i| cut(i)..cut(i + 1)).collect()
    }
}
