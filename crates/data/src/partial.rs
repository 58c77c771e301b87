//! Label maps that cover a part of their image's grid.

use ndarray::{Array3, s};

use crate::case::SAME_GRID_VOXELS;
use crate::preprocess::Grid;
use crate::{LabelMap, SourceHeader};

/// The note about a label map that was enlarged.
const NOTE: &str = "its label map covers a part of its grid; the rest is background";

/// A label map on the whole of a grid of which it covers a part, voxel by voxel; the rest is background.
///
/// 3D Slicer crops segmentations to what was drawn. `None` if the label map has the shape of the grid, or lies
/// elsewhere.
pub(crate) fn on_whole_grid(labels: &LabelMap, grid: &Grid) -> Option<LabelMap> {
    let shape = labels.shape();
    if shape == grid.shape {
        return None;
    }
    let start = Grid::from(labels)
        .index_map(grid)
        .ok()?
        .map(|row| row[3].round());
    let inside = |axis: usize| {
        start[axis] >= 0.0 && start[axis] + shape[axis] as f64 <= grid.shape[axis] as f64
    };
    let part = grid.geometry.translated(start);
    if !(0..3).all(inside) || part.corner_distance(&labels.geometry, shape) > SAME_GRID_VOXELS {
        return None;
    }
    let mut data = Array3::zeros(grid.shape);
    let [x, y, z] = std::array::from_fn(|axis| {
        let first = start[axis] as usize;
        first..first + shape[axis]
    });
    data.slice_mut(s![x, y, z]).assign(&labels.data);
    let header = SourceHeader::new(grid.shape, grid.geometry, None, vec![NOTE.into()]);
    Some(LabelMap::new(data, grid.geometry).with_header(Some(header)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;

    #[test]
    fn a_part_is_placed_voxel_by_voxel_and_others_are_not() {
        let mut geometry = Geometry::from_spacing([0.5, 2.0, 3.0]);
        geometry.affine[0][0] = -0.5;
        geometry.affine[1][3] = 40.0;
        let grid = Grid {
            shape: [6, 5, 4],
            geometry,
        };
        let of = |start: [f64; 3], shape: [usize; 3]| {
            let labels = LabelMap::new(Array3::ones(shape), geometry.translated(start));
            on_whole_grid(&labels, &grid)
        };
        let placed = of([3.0, 1.0, 2.02], [2, 3, 1]).unwrap();
        for ((x, y, z), &label) in placed.data.indexed_iter() {
            let drawn = (3..5).contains(&x) && (1..4).contains(&y) && z == 2;
            assert_eq!(label, u8::from(drawn), "{x} {y} {z}");
        }
        assert_eq!((placed.shape(), placed.geometry), (grid.shape, geometry));
        assert_eq!(placed.header().unwrap().notes(), [NOTE]);
        assert!(of([0.0; 3], [6, 5, 4]).is_none(), "nothing to do");
        assert!(of([5.0, 0.0, 0.0], [2, 2, 2]).is_none(), "beyond the grid");
        assert!(
            of([0.5, 0.0, 0.0], [2, 2, 2]).is_none(),
            "between the voxels"
        );
        let coarse = LabelMap::new(Array3::ones((2, 2, 2)), Geometry::from_spacing([1.0; 3]));
        assert!(on_whole_grid(&coarse, &grid).is_none(), "another spacing");
    }
}
