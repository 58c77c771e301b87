//! Transformed blocks: one matrix of channels by positions per point of a tile.

use super::tiles::{SPREAD, Tiles};
use super::transform::Transform;
use crate::flex::memory::{Buffer, Target};
use crate::flex::panel::Shape;
use crate::flex::simd::Level;
use rayon::prelude::*;
use std::ops::Range;

/// The shape of a block's matrices.
pub(super) fn shape(tiles: Tiles, block: &Range<usize>, channels: usize) -> Shape {
    Shape::new(channels, block.len() * tiles.pitch())
}

/// Takes a buffer for the matrices of all points.
pub(super) fn scratch(tiles: Tiles, shape: Shape) -> Buffer {
    Buffer::scratch(tiles.points() * shape.len())
}

/// The transform of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `Bᵀ X B` of 6×6 rows (or 6, where depth is not transformed), with a zero before each row.
    Input,
    /// `A dY Aᵀ` of 4×4 rows, with a zero after each.
    Gradient,
}

/// Transforms the tiles of a block of a volume `[batch, channel, depth, height, width]`, with `D` points
/// along depth.
pub(super) fn transform<const D: usize>(
    level: Level,
    tiles: Tiles,
    block: &Range<usize>,
    shape: Shape,
    side: Side,
    volume: &[f32],
) -> Buffer {
    let voxels = tiles.batch() * shape.channels * tiles.voxels();
    assert_eq!(
        volume.len(),
        voxels,
        "the volume must have the size of the tiles"
    );
    assert!(
        D * SPREAD == tiles.points() && shape == self::shape(tiles, block, shape.channels),
        "points and shape must be those of the tiles and the block"
    );
    let mut scratch = scratch(tiles, shape);
    let out = Target::new(scratch.as_mut());
    (0..shape.channels).into_par_iter().for_each(|channel| {
        let job = Transform::<D> {
            tiles,
            block: block.clone(),
            shape,
            side,
            volume,
            channel,
            out,
        };
        // SAFETY: `out` is the buffer of `scratch` for this shape, which has `D * SPREAD` matrices and is the block's by
        // the assertion above, and every channel writes its own rows of the matrices.
        unsafe { level.run(job) }
    });
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lengths_blocks_and_kernels_are_refused() {
        let tiles = Tiles::new(2, [4, 5, 6], [3, 3, 3]).expect("a kernel for tiles");
        let (block, voxels) = (0..tiles.count(), 2 * 3 * tiles.voxels());
        let run = |shape: Shape, len: usize| {
            let volume = vec![1.0; len];
            let level = Level::current();
            std::panic::catch_unwind(|| {
                transform::<SPREAD>(level, tiles, &block, shape, Side::Input, &volume).len()
            })
        };
        let fitting = shape(tiles, &block, 3);
        let expected = tiles.points() * fitting.len();
        assert_eq!(run(fitting, voxels).ok(), Some(expected));
        assert!(run(fitting, voxels - 1).is_err());
        assert!(run(fitting, voxels + 1).is_err());
        assert!(run(shape(tiles, &(0..1), 3), voxels).is_err());
        let slices = Tiles::new(2, [4, 5, 6], [1, 3, 3]).expect("a kernel for tiles");
        let fitting = shape(slices, &block, 3);
        let volume = vec![1.0; voxels];
        let volumes = || {
            transform::<SPREAD>(
                Level::current(),
                slices,
                &block,
                fitting,
                Side::Input,
                &volume,
            )
            .len()
        };
        assert!(std::panic::catch_unwind(volumes).is_err());
    }
}
