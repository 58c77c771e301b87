//! Label maps on the grid of their image, without interpolation.

use ndarray::Array3;

use crate::geometry::{SAME_GRID_VOXELS, apart, corners, mapped};
use crate::preprocess::Grid;
use crate::same_grid::check_same_grid;
use crate::{DataError, Geometry, LabelMap};

/// The mend of a label map whose grid differs from that of its image by rounding.
pub(super) const ROUNDED: &str = "label map laid exactly on the grid of its image, from which it differed by less than a quarter of a voxel";

/// The mend of a label map that covers a part of its image, or has its axes in another order or direction.
const REARRANGED: &str = "label map rearranged on the grid of its image, voxel by voxel; what it did not cover is background";

/// The mend of a label map without a position.
const UNPLACED: &str = "label map placed as its image, since it has the same shape and its header begins at the origin without axes of its own: look at one of them in a viewer";

/// Returns a label map on the grid of its image, with the mend if there was one to be made.
///
/// # Errors
///
/// Those of [`check_same_grid`] if voxels of the two grids do not coincide, or labels lie outside the image.
pub(super) fn on_image(
    labels: LabelMap,
    image: &Grid,
    names: [String; 2],
) -> Result<(LabelMap, Option<&'static str>), DataError> {
    let error = match check_same_grid(image, &labels, names) {
        Ok(()) => {
            let exact = image.geometry.approx_eq(&labels.geometry, 1e-6);
            let labels = LabelMap::new(labels.data, image.geometry);
            return Ok((labels, (!exact).then_some(ROUNDED)));
        }
        Err(error) => error,
    };
    if let Some(data) = rearranged(&labels, image) {
        return Ok((LabelMap::new(data, image.geometry), Some(REARRANGED)));
    }
    if labels.shape() == image.shape && has_no_position(&labels.geometry, image) {
        return Ok((LabelMap::new(labels.data, image.geometry), Some(UNPLACED)));
    }
    Err(error)
}

/// Whether a geometry begins at the origin, unlike that of the image, and states no axes of its own: those of an identity, or
/// of the image.
fn has_no_position(geometry: &Geometry, image: &Grid) -> bool {
    let origin = |geometry: &Geometry| geometry.position([0.0; 3]) == [0.0; 3];
    let identity = Geometry::default().approx_eq(geometry, 1e-6);
    let mut here = image.geometry;
    (0..3).for_each(|row| here.affine[row][3] = 0.0);
    origin(geometry) && !origin(&image.geometry) && (identity || here.approx_eq(geometry, 1e-4))
}

/// The voxels of a label map on the image's grid, if each of its voxels is one of the image's or background.
fn rearranged(labels: &LabelMap, image: &Grid) -> Option<Array3<u8>> {
    let own = Grid::from(labels);
    let map = own.index_map(image).ok()?;
    let whole = map.map(|row| row.map(f64::round));
    if !is_permutation(&whole) || !coincide(&map, &whole, own.shape) {
        return None;
    }
    let mut data = Array3::zeros(image.shape);
    for ((x, y, z), &label) in labels.data.indexed_iter().filter(|(_, label)| **label > 0) {
        let at = mapped(&whole, [x, y, z].map(|index| index as f64));
        // A negative index becomes 0 as an unsigned one.
        let inside = at.iter().all(|&i| i >= 0.0);
        let voxel = data.get_mut(at.map(|i| i as usize)).filter(|_| inside)?;
        *voxel = label;
    }
    Some(data)
}

/// Whether each axis is one of the other grid's, in either direction and with the same spacing.
fn is_permutation(map: &[[f64; 4]; 3]) -> bool {
    let lines_up = |entries: [f64; 3]| {
        let ones = entries.iter().filter(|entry| entry.abs() == 1.0).count();
        ones == 1 && entries.iter().filter(|entry| **entry == 0.0).count() == 2
    };
    let columns = (0..3).all(|c| lines_up([map[0][c], map[1][c], map[2][c]]));
    columns && map.iter().all(|row| lines_up([row[0], row[1], row[2]]))
}

/// Whether two maps of indices differ by at most a quarter of a voxel at all corners of a grid of this shape.
fn coincide(a: &[[f64; 4]; 3], b: &[[f64; 4]; 3], shape: [usize; 3]) -> bool {
    let near = |index| apart(mapped(a, index), mapped(b, index)) <= SAME_GRID_VOXELS;
    corners(shape).into_iter().all(near)
}
