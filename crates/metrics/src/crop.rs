//! Bounding boxes of two masks or label maps, and the iteration order of arrays.

use std::ops::Range;

use ndarray::{ArrayView3, Axis, Slice};

/// Half-open index ranges along the three axes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bounds([Range<usize>; 3]);

impl Bounds {
    /// Bounding box of the voxels of two masks; empty if both are.
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
        Self::between(low, high)
    }

    /// A box from its first voxel to the one after its last; empty if no voxel was found.
    fn between(low: [usize; 3], high: [usize; 3]) -> Self {
        Self([0, 1, 2].map(|axis| low[axis].min(high[axis])..high[axis]))
    }

    /// Bounding boxes of the labels of two label maps, in one pass over each; empty for labels that neither has.
    pub(crate) fn of_labels(a: &ArrayView3<'_, u8>, b: &ArrayView3<'_, u8>) -> Vec<Self> {
        let mut boxes = vec![([usize::MAX; 3], [0; 3]); 256];
        let columns = a.len_of(Axis(1));
        for map in [a, b] {
            for (i, row) in map.rows().into_iter().enumerate() {
                for (z, &label) in row.iter().enumerate().filter(|(_, label)| **label > 0) {
                    let (low, high) = &mut boxes[usize::from(label)];
                    for (axis, at) in [i / columns, i % columns, z].into_iter().enumerate() {
                        low[axis] = low[axis].min(at);
                        high[axis] = high[axis].max(at + 1);
                    }
                }
            }
        }
        let boxes = boxes.into_iter();
        boxes.map(|(low, high)| Self::between(low, high)).collect()
    }

    pub(crate) fn crop<'a, T>(&self, mut map: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        for (axis, range) in self.0.iter().enumerate() {
            map.slice_axis_inplace(Axis(axis), Slice::from(range.clone()));
        }
        map
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

    #[test]
    fn bounds_of_a_label_hold_it_in_both_maps() {
        let mut a = Array3::<u8>::zeros((5, 6, 7));
        let mut b = a.clone();
        (a[[1, 2, 3]], a[[0, 0, 0]]) = (7, 2);
        (b[[3, 2, 6]], b[[4, 5, 6]]) = (7, 255);
        let bounds = Bounds::of_labels(&a.view(), &b.view());
        assert_eq!(bounds[7], Bounds([1..4, 2..3, 3..7]));
        assert_eq!(bounds[2], Bounds([0..1, 0..1, 0..1]));
        assert_eq!(bounds[255], Bounds([4..5, 5..6, 6..7]));
        assert_eq!(bounds[3].crop(a.view()).len(), 0);
    }
}
