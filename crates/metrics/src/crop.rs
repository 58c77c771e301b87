//! Bounding box of two masks, and the iteration order of arrays.

use std::ops::Range;

use ndarray::{ArrayView3, Axis, Slice};

/// Half-open index ranges along the three axes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bounds([Range<usize>; 3]);

impl Bounds {
    /// Bounding box of the voxels of two masks, at least one of them not empty.
    ///
    /// Border voxels keep their status without any margin, since everything beyond the box is background or
    /// the edge of the volume, and both are outside.
    pub(crate) fn of_union(a: &ArrayView3<'_, bool>, b: &ArrayView3<'_, bool>) -> Self {
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        let columns = a.len_of(Axis(1));
        for mask in [a, b] {
            for (i, row) in mask.rows().into_iter().enumerate() {
                let Some(first) = row.iter().position(|&on| on) else {
                    continue;
                };
                let last = row.iter().rposition(|&on| on).unwrap_or(first);
                let (x, y) = (i / columns, i % columns);
                for (axis, (first, last)) in [(x, x), (y, y), (first, last)].into_iter().enumerate()
                {
                    low[axis] = low[axis].min(first);
                    high[axis] = high[axis].max(last + 1);
                }
            }
        }
        Self([0, 1, 2].map(|axis| low[axis]..high[axis]))
    }

    pub(crate) fn crop<'a>(&self, mut mask: ArrayView3<'a, bool>) -> ArrayView3<'a, bool> {
        for (axis, range) in self.0.iter().enumerate() {
            mask.slice_axis_inplace(Axis(axis), Slice::from(range.clone()));
        }
        mask
    }
}

/// Reverses the axes of column-major arrays, such as volumes read from NIfTI files.
///
/// No metric depends on the order of the axes, and contiguous rows are faster to iterate over.
pub(crate) fn in_memory_order<'a, 'b, T>(
    a: ArrayView3<'a, T>,
    b: ArrayView3<'b, T>,
    [x, y, z]: [f64; 3],
) -> (ArrayView3<'a, T>, ArrayView3<'b, T>, [f64; 3]) {
    if a.t().is_standard_layout() {
        (a.reversed_axes(), b.reversed_axes(), [z, y, x])
    } else {
        (a, b, [x, y, z])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn bounds_hold_both_masks() {
        let mut a = Array3::from_elem((5, 6, 7), false);
        let mut b = a.clone();
        a[[1, 2, 3]] = true;
        b[[3, 2, 6]] = true;
        let bounds = Bounds::of_union(&a.view(), &b.view());
        assert_eq!(bounds, Bounds([1..4, 2..3, 3..7]));
        assert_eq!(bounds.crop(a.view()).dim(), (3, 1, 4));
    }
}
