//! Axial, coronal and sagittal planes of a volume, by the directions of its axes.

use semivox_data::{Geometry, Orientation};
use serde::Serialize;

/// One of the three planes through a volume, with its orientation on the screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Plane {
    /// Axial, coronal or sagittal.
    pub(super) name: &'static str,
    /// The array axis perpendicular to the plane.
    pub(super) axis: usize,
    /// The axis of space perpendicular to the plane: x, y or z.
    pub(super) world: usize,
    /// The array axis from left to right.
    pub(super) across: Along,
    /// The array axis from top to bottom.
    pub(super) down: Along,
    /// Patient directions at the left, right, top and bottom, if the file records them.
    pub(super) sides: Option<[char; 4]>,
}

/// An array axis, traversed from its first or from its last index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Along {
    pub(super) axis: usize,
    pub(super) reversed: bool,
}

/// Names of the planes, with the axes of space that are cut, across and down, and the patient's
/// directions at their sides. Across and down are drawn against the direction of their axes, so that
/// the patient's right is at the left, front and head are up, and a face looks to the left.
const VIEWS: [(&str, [usize; 3], [char; 4]); 3] = [
    ("Axial", [2, 0, 1], ['R', 'L', 'A', 'P']),
    ("Coronal", [1, 0, 2], ['R', 'L', 'S', 'I']),
    ("Sagittal", [0, 1, 2], ['A', 'P', 'S', 'I']),
];

/// Returns whether a file records the patient's orientation: where it does not, readers
/// make up an affine that only repeats the voxel sizes.
pub(super) fn recorded(geometry: &Geometry) -> bool {
    !geometry.approx_eq(&Geometry::from_spacing(geometry.spacing()), 1e-4)
}

/// Returns the axial, coronal and sagittal plane of a volume.
///
/// If no orientation is recorded, the axes are assumed to be as scanners write
/// them: x to the patient's left, y to the back, z to the head.
pub(super) fn planes(geometry: &Geometry) -> [Plane; 3] {
    let recorded = recorded(geometry);
    let order = Orientation::of(geometry).axes();
    let along = |world: usize| Along {
        axis: order[world],
        reversed: match recorded {
            true => geometry.affine[world][order[world]] > 0.0,
            false => world == 2,
        },
    };
    VIEWS.map(|(name, [cut, across, down], sides)| Plane {
        name,
        axis: order[cut],
        world: cut,
        across: along(across),
        down: along(down),
        sides: recorded.then_some(sides),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(axis: usize, reversed: bool) -> Along {
        Along { axis, reversed }
    }

    #[test]
    fn stored_axes_find_their_planes() {
        // Stored as (S, R, P): sagittal slices, tilted a little.
        let geometry = Geometry {
            affine: [
                [0.0, 0.9, 0.1, -3.0],
                [0.1, 0.1, -2.0, 7.0],
                [0.5, 0.0, 0.2, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        };
        let [axial, coronal, sagittal] = planes(&geometry);
        assert_eq!((axial.name, axial.axis), ("Axial", 0));
        assert_eq!(
            (axial.across, axial.down),
            (along(1, true), along(2, false))
        );
        assert_eq!(axial.sides, Some(['R', 'L', 'A', 'P']));
        assert_eq!((coronal.axis, coronal.down), (2, along(0, true)));
        assert_eq!((sagittal.axis, sagittal.across), (1, along(2, false)));
        assert_eq!([axial.world, coronal.world, sagittal.world], [2, 1, 0]);
    }

    #[test]
    fn without_a_recorded_orientation_no_side_is_named() {
        let [axial, coronal, _] = planes(&Geometry::from_spacing([0.7, 0.7, 8.0]));
        assert_eq!(
            (axial.across, axial.down),
            (along(0, false), along(1, false))
        );
        assert_eq!(coronal.down, along(2, true));
        assert_eq!((axial.sides, coronal.sides), (None, None));
        let shifted = Geometry::from_spacing([1.0; 3]).translated([1.0, 1.0, 1.0]);
        assert_eq!(planes(&shifted)[0].across, along(0, true));
    }
}
