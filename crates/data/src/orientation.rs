//! Axis directions of volumes, and reorientation.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array3, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::preprocess::Grid;
use crate::{DataError, Geometry, LabelMap, Volume};

/// Letters of both directions along each axis of the body.
const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];

/// Axis directions of a volume as three letters.
///
/// `RAS` means that the first axis points to the patient's right, the second to the front (anterior), the
/// third to the head (superior); `L`, `P` and `I` are the opposites.
///
/// # Examples
///
/// ```
/// use semivox_data::Orientation;
///
/// let sagittal: Orientation = "ASL".parse()?;
/// assert_eq!(sagittal.to_string(), "ASL");
/// assert_eq!(sagittal.axes(), [2, 0, 1]);
/// assert!("RAR".parse::<Orientation>().is_err());
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Orientation([Direction; 3]);

/// An axis of the body, and whether it points in the direction of its second letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Direction {
    body: usize,
    opposite: bool,
}

impl Orientation {
    /// Returns the axis directions of `geometry`; for an oblique volume, the nearest ones.
    pub fn of(geometry: &Geometry) -> Self {
        let (affine, spacing) = (geometry.affine, geometry.spacing());
        let share = |axis: usize, body: usize| affine[body][axis] / spacing[axis];
        // Axes are assigned in order of alignment, so that each axis of the body is assigned once.
        let mut pairs: Vec<(usize, usize)> = (0..9).map(|i| (i / 3, i % 3)).collect();
        pairs.sort_by(|&(a, r), &(b, s)| share(b, s).abs().total_cmp(&share(a, r).abs()));
        let mut chosen: [Option<Direction>; 3] = [None; 3];
        for (axis, body) in pairs {
            let taken = chosen.iter().flatten().any(|other| other.body == body);
            if chosen[axis].is_none() && !taken {
                let opposite = share(axis, body) < 0.0;
                chosen[axis] = Some(Direction { body, opposite });
            }
        }
        Self(
            chosen.map(|direction| direction.expect("three axes of the volume, three of the body")),
        )
    }

    /// Returns the orientation with one of the three axes moved to the end; the others keep their order.
    pub(crate) fn with_last(self, axis: usize) -> Self {
        let mut axes = self.0;
        axes[axis..].rotate_left(1);
        Self(axes)
    }

    /// Returns the indices of the left–right, back–front and feet–head axes.
    pub fn axes(self) -> [usize; 3] {
        [0, 1, 2].map(|body| self.axis_of(body))
    }

    fn axis_of(self, body: usize) -> usize {
        let found = self.0.iter().position(|direction| direction.body == body);
        found.expect("every axis of the body is there")
    }

    /// Returns the reorientation from this orientation to another.
    pub fn reorientation_to(self, other: Self) -> Reorientation {
        let axes = other.0.map(|wanted| self.axis_of(wanted.body));
        let flipped = std::array::from_fn(|a| other.0[a].opposite != self.0[axes[a]].opposite);
        Reorientation { axes, flipped }
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |d: &Direction| LETTERS[d.body][usize::from(d.opposite)];
        f.write_str(&self.0.iter().map(letter).collect::<String>())
    }
}

impl FromStr for Orientation {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let direction = |letter: char| {
            let body = LETTERS.iter().position(|pair| pair.contains(&letter))?;
            let opposite = letter == LETTERS[body][1];
            Some(Direction { body, opposite })
        };
        let found: Option<Vec<Direction>> = text.chars().map(direction).collect();
        let found: Option<[Direction; 3]> = found.and_then(|found| found.try_into().ok());
        let whole = |d: &[Direction; 3]| (0..3).all(|body| d.iter().any(|d| d.body == body));
        found
            .filter(whole)
            .map(Self)
            .ok_or_else(|| DataError::InvalidSetting {
                name: "orientation",
                expected:
                    "three letters, one of R and L, one of A and P, one of S and I, such as RAS"
                        .into(),
                found: format!("'{text}'"),
            })
    }
}

impl TryFrom<String> for Orientation {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Orientation> for String {
    fn from(orientation: Orientation) -> Self {
        orientation.to_string()
    }
}

/// A permutation and reversal of axes that changes a volume's [`Orientation`] without interpolation.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, Orientation, Volume};
///
/// let volume = Volume::new(array![[[1.0, 2.0, 3.0]]], Geometry::from_spacing([1.0, 1.0, 2.0]));
/// let reorientation = Orientation::of(&volume.geometry).reorientation_to("IAR".parse()?);
/// let reoriented = reorientation.volume(&volume);
/// assert_eq!(reoriented.data, array![[[3.0]], [[2.0]], [[1.0]]]);
/// assert_eq!(reoriented.spacing(), [2.0, 1.0, 1.0]);
/// assert_eq!(reoriented.geometry.position([0.0; 3]), volume.geometry.position([0.0, 0.0, 2.0]));
/// assert_eq!(reorientation.inverse().volume(&reoriented), volume);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reorientation {
    /// The source axis of each axis.
    axes: [usize; 3],
    /// Whether the axis is reversed.
    flipped: [bool; 3],
}

impl Reorientation {
    /// The identity.
    pub const NONE: Self = Self {
        axes: [0, 1, 2],
        flipped: [false; 3],
    };

    /// Returns the inverse reorientation.
    #[must_use]
    pub fn inverse(self) -> Self {
        let mut back = Self::NONE;
        for (to, from) in self.axes.into_iter().enumerate() {
            back.axes[from] = to;
            back.flipped[from] = self.flipped[to];
        }
        back
    }

    /// Permutes one value per axis, such as a shape or spacing.
    pub fn values<T: Copy>(self, values: [T; 3]) -> [T; 3] {
        self.axes.map(|axis| values[axis])
    }

    /// Reorients an image.
    pub fn volume(self, volume: &Volume) -> Volume {
        let geometry = self.geometry(volume.geometry, volume.shape());
        Volume::new(self.array(volume.data.view()), geometry)
    }

    /// Reorients a label map.
    pub fn labels(self, labels: &LabelMap) -> LabelMap {
        let geometry = self.geometry(labels.geometry, labels.shape());
        LabelMap::new(self.array(labels.data.view()), geometry)
    }

    /// Reorients a grid.
    pub fn grid(self, grid: &Grid) -> Grid {
        Grid {
            shape: self.values(grid.shape),
            geometry: self.geometry(grid.geometry, grid.shape),
        }
    }

    fn array<T: Clone>(self, array: ArrayView3<'_, T>) -> Array3<T> {
        let mut view = array.permuted_axes(self.axes);
        for axis in (0..3).filter(|&axis| self.flipped[axis]) {
            view.invert_axis(Axis(axis));
        }
        view.as_standard_layout().into_owned()
    }

    fn geometry(self, source: Geometry, shape: [usize; 3]) -> Geometry {
        let mut first = [0.0; 3];
        let mut affine = source.affine;
        for (to, from) in self.axes.into_iter().enumerate() {
            let sign = if self.flipped[to] { -1.0 } else { 1.0 };
            (0..3).for_each(|row| affine[row][to] = sign * source.affine[row][from]);
            if self.flipped[to] {
                first[from] = shape[from] as f64 - 1.0;
            }
        }
        let origin = source.position(first);
        (0..3).for_each(|row| affine[row][3] = origin[row]);
        Geometry { affine }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// All 48 orientations.
    fn all() -> Vec<Orientation> {
        let mut found = Vec::new();
        for axes in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            for signs in 0..8 {
                found.push(Orientation(std::array::from_fn(|a| Direction {
                    body: axes[a],
                    opposite: signs >> a & 1 == 1,
                })));
            }
        }
        found
    }

    fn oblique() -> Volume {
        let (s, c) = 0.2_f64.sin_cos();
        let geometry = Geometry {
            affine: [
                [0.1, -0.7 * c, 2.0 * s, 5.0],
                [0.9, 0.05, 0.0, -6.0],
                [0.0, -0.7 * s, -2.0 * c, 7.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        };
        let data = Array3::from_shape_fn((2, 3, 4), |(x, y, z)| (100 * x + 10 * y + z) as f32);
        Volume::new(data, geometry)
    }

    #[test]
    fn every_orientation_is_written_and_read() {
        for orientation in all() {
            assert_eq!(
                orientation.to_string().parse::<Orientation>().unwrap(),
                orientation
            );
        }
        for wrong in ["", "RA", "RASS", "RAL", "ras", "XYZ"] {
            let message = wrong.parse::<Orientation>().unwrap_err().to_string();
            assert!(message.contains("such as RAS") && message.contains(&format!("'{wrong}'")));
        }
    }

    /// Every voxel keeps its position in the patient, and every reorientation has an inverse.
    #[test]
    fn a_turned_volume_shows_the_same_patient() {
        let volume = oblique();
        let present = Orientation::of(&volume.geometry);
        assert_eq!(present.to_string(), "ALI");
        for wanted in all() {
            let reorientation = present.reorientation_to(wanted);
            let reoriented = reorientation.volume(&volume);
            assert_eq!(Orientation::of(&reoriented.geometry), wanted);
            for ((x, y, z), &value) in reoriented.data.indexed_iter() {
                let place = reoriented.geometry.position([x, y, z].map(|i| i as f64));
                let index = [
                    value as usize / 100,
                    value as usize / 10 % 10,
                    value as usize % 10,
                ];
                let expected = volume.geometry.position(index.map(|i| i as f64));
                let apart = place.iter().zip(expected).map(|(a, b)| (a - b).abs());
                assert!(apart.fold(0.0, f64::max) < 1e-12, "{wanted}");
            }
            let back = reorientation.inverse().volume(&reoriented);
            assert_eq!(back.data, volume.data);
            assert!(back.geometry.approx_eq(&volume.geometry, 1e-12));
            assert_eq!(
                reorientation.grid(&Grid::from(&volume)),
                Grid::from(&reoriented)
            );
        }
    }

    #[test]
    fn of_an_oblique_volume_every_axis_of_the_body_is_named_once() {
        let of = |columns: [[f64; 3]; 3]| {
            let mut affine = [[0.0; 4]; 4];
            for (axis, column) in columns.iter().enumerate() {
                (0..3).for_each(|row| affine[row][axis] = column[row]);
            }
            Orientation::of(&Geometry { affine }).to_string()
        };
        let lps = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 2.0]];
        assert_eq!(of(lps), "LPS");
        // Sagittal slices: the last axis runs from right to left.
        let sagittal = [[0.0, 1.0, 0.1], [0.0, -0.1, 1.0], [-3.0, 0.0, 0.0]];
        assert_eq!(of(sagittal), "ASL");
        let (s, c) = std::f64::consts::FRAC_PI_4.sin_cos();
        let mut letters: Vec<char> = of([[c, s, 0.0], [c * 0.999, -s, 0.0], [0.0, 0.0, -1.0]])
            .chars()
            .collect();
        letters.sort_unstable();
        assert!(letters.len() == 3 && letters.contains(&'I'), "{letters:?}");
    }
}
