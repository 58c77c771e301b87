//! Median sizes of scans, and the axis across their slices.

use crate::Orientation;
use crate::preprocess::Grid;

/// Median sizes of scans along each axis.
pub(super) struct Sizes {
    pub(super) shape: [usize; 3],
    pub(super) spacing_mm: [f64; 3],
    pub(super) extent_mm: [f64; 3],
}

impl Sizes {
    /// Returns the sizes of scans that are reoriented to `orientation`.
    pub(super) fn of(grids: &[Grid], orientation: Orientation) -> Self {
        let turned = |grid: &Grid| {
            let turn = Orientation::of(&grid.geometry).reorientation_to(orientation);
            let grid = turn.grid(grid);
            (grid.shape, grid.geometry.spacing())
        };
        let turned: Vec<([usize; 3], [f64; 3])> = grids.iter().map(turned).collect();
        let of = |a: usize| turned.iter().map(move |(sides, mm)| (sides[a], mm[a]));
        Self {
            shape: std::array::from_fn(|a| median(of(a).map(|(side, _)| side).collect())),
            spacing_mm: std::array::from_fn(|a| median(of(a).map(|(_, mm)| mm).collect())),
            extent_mm: std::array::from_fn(|a| {
                median(of(a).map(|(side, mm)| side as f64 * mm).collect())
            }),
        }
    }
}

/// Returns whether slices along the last of three axes are thick or few: voxels three times as long along it as along the
/// others, or fewer than 16 slices.
pub(super) fn is_stack(shape: [usize; 3], [x, y, z]: [f64; 3]) -> bool {
    shape[2] < 16 || z >= 3.0 * x.max(y)
}

/// Returns the axis, other than the last, across which slices are thick or few; the last one has precedence, then the one
/// with the thickest voxels.
pub(super) fn across_slices(sizes: &Sizes) -> Option<usize> {
    let (shape, mm) = (sizes.shape, sizes.spacing_mm);
    let last = |axis: usize| {
        let [a, b] = [[1, 2], [0, 2], [0, 1]][axis];
        is_stack([shape[a], shape[b], shape[axis]], [mm[a], mm[b], mm[axis]])
    };
    let stacked = [0, 1].into_iter().filter(|&axis| last(axis));
    match last(2) {
        true => None,
        false => stacked.max_by(|&a, &b| mm[a].total_cmp(&mm[b])),
    }
}

/// Returns the most common orientation of the grids, the first one in a tie.
pub(super) fn commonest(grids: &[Grid]) -> Orientation {
    let all: Vec<Orientation> = grids
        .iter()
        .map(|grid| Orientation::of(&grid.geometry))
        .collect();
    let count = |wanted: &Orientation| all.iter().filter(|&found| found == wanted).count();
    // In a tie, `max_by_key` returns the last.
    let most = all
        .iter()
        .rev()
        .max_by_key(|&orientation| count(orientation));
    *most.expect("at least one grid")
}

/// Returns the upper median of comparable values.
pub(super) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    let half = values.len() / 2;
    let compare = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
    *values.select_nth_unstable_by(half, compare).1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;

    fn grids(of: &[([usize; 3], [f64; 3])]) -> Vec<Grid> {
        let grid = |&(shape, mm)| Grid {
            shape,
            geometry: Geometry::from_spacing(mm),
        };
        of.iter().map(grid).collect()
    }

    #[test]
    fn an_extent_is_the_median_of_extents() {
        let mixed = grids(&[([128; 3], [1.0; 3]), ([64; 3], [2.0; 3])]);
        let sizes = Sizes::of(&mixed, commonest(&mixed));
        assert_eq!(sizes.extent_mm, [128.0; 3]);
    }

    /// The order of axes in a file changes nothing about the scans.
    #[test]
    fn the_axis_across_thick_or_few_slices_comes_last() {
        for (shape, mm, expected) in [
            ([15, 96, 128], [4.4, 0.7, 0.5], Some(0)),
            ([20, 128, 128], [5.0, 1.0, 1.0], Some(0)),
            ([128, 30, 128], [1.0, 5.0, 1.0], Some(1)),
            ([1, 128, 128], [5.0, 1.0, 1.0], Some(0)),
            ([216, 256, 10], [1.5, 1.5, 8.0], None),
            ([96, 128, 15], [0.7, 0.5, 4.4], None),
            ([35, 50, 35], [1.0; 3], None),
            ([256, 256, 160], [1.0; 3], None),
        ] {
            let one = grids(&[(shape, mm)]);
            let stored = commonest(&one);
            let found = across_slices(&Sizes::of(&one, stored));
            assert_eq!(found, expected, "{shape:?} {mm:?}");
            if let Some(axis) = found {
                let sizes = Sizes::of(&one, stored.with_last(axis));
                assert!(is_stack(sizes.shape, sizes.spacing_mm), "{shape:?}");
                assert_eq!(sizes.shape[2], shape[axis]);
            }
        }
        let stored: Orientation = "RAS".parse().unwrap();
        assert_eq!(stored.with_last(0).to_string(), "ASR");
        assert_eq!(stored.with_last(1).to_string(), "RSA");
    }
}
