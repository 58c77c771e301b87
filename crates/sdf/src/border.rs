//! The surface voxels of a mask.

use ndarray::{Array3, ArrayView3};

/// Treatment of mask voxels at the edge of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The outside of the volume is background: a mask voxel at the edge belongs to the border. SciPy's
    /// `binary_erosion` (`border_value=0`) and MedPy use this rule.
    Background,
    /// The outside of the volume is ignored, as in scikit-image's `find_boundaries`.
    Ignored,
}

/// Returns the border voxels of a mask, those with a face neighbor outside it: mask minus its erosion.
///
/// # Shapes
///
/// mask `[x, y, z]` to result `[x, y, z]`, in standard layout.
///
/// # Examples
///
/// ```
/// use ndarray::{Array3, s};
/// use semivox_sdf::{Edge, border};
///
/// let mut mask = Array3::from_elem((5, 5, 5), false);
/// mask.slice_mut(s![0..3, 1..4, 1..4]).fill(true);
/// let count = |edge| border(mask.view(), edge).iter().filter(|&&on| on).count();
/// assert_eq!(count(Edge::Background), 27 - 1);
/// assert_eq!(count(Edge::Ignored), 27 - 2);
/// ```
#[must_use]
pub fn border(mask: ArrayView3<'_, bool>, edge: Edge) -> Array3<bool> {
    border_by_axis(mask, [edge; 3])
}

/// Returns the border voxels of a mask, like [`border`], with a treatment of the edge for each axis.
///
/// With [`Edge::Ignored`] along an axis of one voxel it is the border of the two-dimensional mask.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_sdf::{Edge, border_by_axis};
///
/// let slice = Array3::from_elem((5, 5, 1), true);
/// let count = |edges| border_by_axis(slice.view(), edges).iter().filter(|&&on| on).count();
/// assert_eq!(count([Edge::Background; 3]), 25);
/// assert_eq!(count([Edge::Background, Edge::Background, Edge::Ignored]), 16);
/// ```
#[must_use]
pub fn border_by_axis(mask: ArrayView3<'_, bool>, edges: [Edge; 3]) -> Array3<bool> {
    let (nx, ny, nz) = mask.dim();
    let mask = mask.as_standard_layout();
    let voxels: Vec<bool> = mask.iter().copied().collect();
    let outside = edges.map(|edge| vec![edge == Edge::Ignored; nz]);
    let row = |x: usize, y: usize| match (x < nx, y < ny) {
        (true, true) => &voxels[(x * ny + y) * nz..][..nz],
        (false, _) => outside[0].as_slice(),
        (true, false) => outside[1].as_slice(),
    };
    let mut result = Vec::with_capacity(voxels.len());
    for x in 0..nx {
        for y in 0..ny {
            // Index -1 wraps around to a row that does not exist.
            let sides = [
                row(x.wrapping_sub(1), y),
                row(x + 1, y),
                row(x, y.wrapping_sub(1)),
                row(x, y + 1),
            ];
            push_row(&mut result, row(x, y), sides, edges[2] == Edge::Ignored);
        }
    }
    Array3::from_shape_vec((nx, ny, nz), result).expect("one value was pushed for each voxel")
}

fn push_row(result: &mut Vec<bool>, row: &[bool], sides: [&[bool]; 4], outside: bool) {
    let len = row.len();
    let [a, b, c, d] = sides.map(|side| &side[..len]);
    let begin = result.len();
    result.extend((0..len).map(|z| row[z] & !(a[z] & b[z] & c[z] & d[z])));
    let Some(last) = len.checked_sub(1) else {
        return;
    };
    let found = &mut result[begin..];
    for z in 0..last {
        found[z] |= row[z] & !row[z + 1];
        found[z + 1] |= row[z + 1] & !row[z];
    }
    found[0] |= row[0] & !outside;
    found[last] |= row[last] & !outside;
}
