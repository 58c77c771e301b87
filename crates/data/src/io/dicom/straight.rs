//! The check that slices lie straight above one another.

use std::path::Path;

use super::series::{name, wrong};
use super::slice::{Slice, dot};
use crate::DataError;

/// The largest shift of a slice in its own plane, in pixels, up to which the slices lie straight above one another.
const SHIFT: f64 = 0.25;

/// Checks that none of at least two slices, in the order of their heights along `normal`, is shifted in its plane.
pub(super) fn expect(folder: &Path, slices: &[Slice], normal: [f64; 3]) -> Result<(), DataError> {
    let [first, .., last] = slices else {
        return Ok(());
    };
    let most = first.spacing[0].min(first.spacing[1]) * SHIFT;
    let shifts: Vec<Shift> = slices
        .iter()
        .map(|slice| Shift::of(slice, first, normal))
        .collect();
    let Some(at) = shifts.iter().position(|shift| shift.size() > most) else {
        return Ok(());
    };
    // Of a tilted gantry, the shift grows with the height.
    let whole = Shift::of(last, first, normal);
    let found = match shifts
        .iter()
        .all(|shift| shift.minus(&whole).size() <= most)
    {
        true => format!(
            "slices along an axis that is tilted by {:.1} degrees (a tilted gantry)",
            whole.size().atan2(whole.height).to_degrees()
        ),
        false => {
            let (name, shift) = (name(&slices[at].path), shifts[at].size());
            format!("`{name}` shifted by {shift:.2} mm in its plane")
        }
    };
    let expected = "whose slices lie straight above one another";
    let hint = "convert the series to one .nii.gz with dcm2niix, which removes a tilt";
    Err(wrong(folder, expected, found, hint))
}

/// The position of a slice against the first.
struct Shift {
    in_plane: [f64; 2],
    height: f64,
}

impl Shift {
    fn of(slice: &Slice, first: &Slice, normal: [f64; 3]) -> Self {
        let apart = std::array::from_fn(|k| slice.position[k] - first.position[k]);
        Self {
            in_plane: first.directions.map(|direction| dot(apart, direction)),
            height: dot(apart, normal),
        }
    }

    /// The shift in the plane, in millimeters.
    fn size(&self) -> f64 {
        self.in_plane[0].hypot(self.in_plane[1])
    }

    /// What is left of a shift without the part of another that is due to the height.
    fn minus(&self, whole: &Self) -> Self {
        let part = self.height / whole.height;
        let [a, b] = [0, 1].map(|k| self.in_plane[k] - part * whole.in_plane[k]);
        Self {
            in_plane: [a, b],
            height: self.height,
        }
    }
}
