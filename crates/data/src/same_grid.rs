//! The check that a label map lies on the grid of its image.

use crate::geometry::{SAME_GRID_VOXELS, apart, corners, mapped};
use crate::preprocess::Grid;
use crate::{DataError, GridRelation, LabelMap};

/// Returns an error unless an image on `grid` and a label map, of these names, have one shape and, up to rounding,
/// geometry.
///
/// # Errors
///
/// [`DataError::ShapeMismatch`], and [`DataError::GeometryMismatch`] if corresponding corner voxels are more than a
/// quarter of a voxel apart.
pub fn check_same_grid(
    grid: &Grid,
    labels: &LabelMap,
    [image_name, label_name]: [String; 2],
) -> Result<(), DataError> {
    if grid.shape != labels.shape() {
        return Err(DataError::ShapeMismatch {
            image: image_name,
            image_shape: grid.shape,
            label: label_name,
            label_shape: labels.shape(),
            relation: match (is_turned(labels, grid), start_of_part(labels, grid)) {
                (true, _) => GridRelation::Turned,
                (_, Some(start)) => GridRelation::Part(start),
                _ => GridRelation::Other,
            },
        });
    }
    let distance = grid.geometry.corner_distance(&labels.geometry, grid.shape);
    match distance <= SAME_GRID_VOXELS {
        true => Ok(()),
        false => Err(DataError::GeometryMismatch {
            image: image_name,
            label: label_name,
            distance,
            turned: is_turned(labels, grid),
        }),
    }
}

/// Returns the voxel of `grid` at which `labels` begins, if it covers a part of the grid voxel by voxel.
fn start_of_part(labels: &LabelMap, grid: &Grid) -> Option<[u32; 3]> {
    let shape = labels.shape();
    let start = Grid::from(labels)
        .index_map(grid)
        .ok()?
        .map(|row| row[3].round());
    let inside = |axis: usize| {
        start[axis] >= 0.0 && start[axis] + shape[axis] as f64 <= grid.shape[axis] as f64
    };
    let part = grid.geometry.translated(start);
    let on_it = part.corner_distance(&labels.geometry, shape) <= SAME_GRID_VOXELS;
    (on_it && (0..3).all(inside)).then(|| start.map(|index| index as u32))
}

/// Whether a label map has its corner voxels where the grid has them, in whatever order.
fn is_turned(labels: &LabelMap, grid: &Grid) -> bool {
    let Ok(map) = Grid::from(labels).index_map(grid) else {
        return false;
    };
    let own = corners(grid.shape);
    let on_a_corner = |index: [f64; 3]| {
        let at = mapped(&map, index);
        own.iter()
            .any(|&corner| apart(at, corner) <= SAME_GRID_VOXELS)
    };
    corners(labels.shape()).into_iter().all(on_a_corner)
}
