//! Position of a volume's voxels in space.

use serde::{Deserialize, Serialize};

/// Maximum distance of corresponding corner voxels, in voxels, at which two grids count as the same.
///
/// Other programs round the affine to a few digits, or store it as a rotation in 32 bits, which moves the corners of a
/// large volume by a tenth of a voxel and more. From half a voxel on, each label would belong to a neighbor.
pub(crate) const SAME_GRID_VOXELS: f64 = 0.25;

/// Affine transform from a voxel index `(x, y, z)` to a position in millimeters.
///
/// `position = affine · (x, y, z, 1)`, in the right-anterior-superior frame of
/// NIfTI. The last row is `(0, 0, 0, 1)`.
///
/// # Examples
///
/// ```
/// use semivox_data::Geometry;
///
/// let geometry = Geometry::from_spacing([0.5, 0.5, 2.0]);
/// assert_eq!(geometry.spacing(), [0.5, 0.5, 2.0]);
/// assert_eq!(geometry.position([2.0, 0.0, 1.0]), [1.0, 0.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Rows of the 4×4 matrix.
    pub affine: [[f64; 4]; 4],
}

impl Default for Geometry {
    /// Voxels of 1 mm with axes along the coordinate frame and the first voxel at the origin.
    fn default() -> Self {
        Self::from_spacing([1.0; 3])
    }
}

impl Geometry {
    /// Creates a geometry with axes along the coordinate frame and the first voxel at the origin.
    ///
    /// `spacing_mm` is the distance between neighboring voxels along each axis.
    pub fn from_spacing(spacing_mm: [f64; 3]) -> Self {
        let mut affine = [[0.0; 4]; 4];
        for axis in 0..3 {
            affine[axis][axis] = spacing_mm[axis];
        }
        affine[3][3] = 1.0;
        Self { affine }
    }

    /// Returns the voxel spacing in millimeters: the lengths of the first three columns of the affine.
    pub fn spacing(&self) -> [f64; 3] {
        std::array::from_fn(|axis| {
            (0..3)
                .map(|row| self.affine[row][axis].powi(2))
                .sum::<f64>()
                .sqrt()
        })
    }

    /// Returns the position in millimeters of a voxel index, which may be fractional.
    pub fn position(&self, index: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|row| {
            let a = &self.affine[row];
            a[0] * index[0] + a[1] * index[1] + a[2] * index[2] + a[3]
        })
    }

    /// Returns the determinant of the 3×3 part: the signed volume of a voxel in mm³.
    pub fn determinant(&self) -> f64 {
        let a = &self.affine;
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
            - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
            + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    }

    /// Returns whether the affine is finite and not singular: its columns are neither tiny nor nearly in one plane.
    pub(crate) fn is_sound(&self) -> bool {
        let spacing = self.spacing();
        let box_volume: f64 = spacing.iter().product();
        let entries = self.affine.as_flattened();
        entries.iter().all(|entry| entry.is_finite())
            && spacing.iter().all(|&side| side > 1e-6)
            && self.determinant().abs() > 1e-4 * box_volume
    }

    /// Returns the geometry with all lengths multiplied by `factor`.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        let entries = self.affine[..3].iter_mut().flatten();
        entries.for_each(|entry| *entry *= factor);
        self
    }

    /// Returns the largest absolute difference between entries of the two affines.
    pub fn max_difference(&self, other: &Self) -> f64 {
        let pairs = self
            .affine
            .as_flattened()
            .iter()
            .zip(other.affine.as_flattened());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Returns whether all entries of the affines differ by at most `tolerance`.
    pub fn approx_eq(&self, other: &Self, tolerance: f64) -> bool {
        self.max_difference(other) <= tolerance
    }

    /// Returns the largest distance between corresponding corner voxels of two volumes of this shape, in voxels of
    /// `self`; infinite if the affine cannot be inverted or an entry is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::Geometry;
    ///
    /// let geometry = Geometry::from_spacing([1.0, 1.0, 6.0]);
    /// let shifted = geometry.translated([0.0, 0.0, 0.5]);
    /// assert_eq!(geometry.corner_distance(&shifted, [64, 64, 20]), 0.5);
    /// ```
    pub fn corner_distance(&self, other: &Self, shape: [usize; 3]) -> f64 {
        let Some(inverse) = inverse3(&self.affine) else {
            return f64::INFINITY;
        };
        let distance = |index: [f64; 3]| {
            let (here, there) = (self.position(index), other.position(index));
            let voxels = inverse.map(|row| {
                let terms = (0..3).map(|k| row[k] * (there[k] - here[k]));
                terms.sum::<f64>()
            });
            voxels.iter().map(|x| x * x).sum::<f64>().sqrt()
        };
        let distances = corners(shape).map(distance).into_iter();
        distances.fold(0.0, |most, x| {
            if x.is_nan() {
                f64::INFINITY
            } else {
                most.max(x)
            }
        })
    }

    /// Returns the geometry of the volume cropped to start at voxel `start` (negative: padded), with the same spacing
    /// and directions.
    #[must_use]
    pub fn translated(&self, start: [f64; 3]) -> Self {
        let origin = self.position(start);
        let mut affine = self.affine;
        for row in 0..3 {
            affine[row][3] = origin[row];
        }
        Self { affine }
    }
}

/// The indices of the corner voxels of a volume.
pub(crate) fn corners(shape: [usize; 3]) -> [[f64; 3]; 8] {
    let last = shape.map(|side| side.saturating_sub(1) as f64);
    std::array::from_fn(|corner| {
        std::array::from_fn(|axis| last[axis] * (corner >> axis & 1) as f64)
    })
}

/// The index that a map of indices, see [`Grid::index_map`](crate::preprocess::Grid), has for another.
pub(crate) fn mapped(map: &[[f64; 4]; 3], [x, y, z]: [f64; 3]) -> [f64; 3] {
    map.map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
}

/// The distance of two indices, in voxels.
pub(crate) fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Inverse of the upper left 3×3 part, by cofactors.
pub(crate) fn inverse3(m: &[[f64; 4]; 4]) -> Option<[[f64; 3]; 3]> {
    let cofactor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * cofactor(0, c)).sum();
    let usable = determinant.is_finite() && determinant != 0.0;
    usable.then(|| std::array::from_fn(|r| std::array::from_fn(|c| cofactor(c, r) / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_of_an_oblique_affine_is_the_column_length() {
        let (s, c) = 0.3_f64.sin_cos();
        let geometry = Geometry {
            affine: [
                [2.0 * c, -3.0 * s, 0.0, 5.0],
                [2.0 * s, 3.0 * c, 0.0, 6.0],
                [0.0, 0.0, -4.0, 7.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        };
        for (found, expected) in geometry.spacing().into_iter().zip([2.0, 3.0, 4.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!((geometry.determinant() + 24.0).abs() < 1e-12);
    }

    #[test]
    fn the_corner_distance_counts_voxels_of_any_affine() {
        let (s, c) = 1.2_f64.sin_cos();
        let oblique = Geometry {
            affine: [
                [0.5 * c, -0.5 * s, 0.0, 100.0],
                [0.5 * s, 0.5 * c, 0.0, -50.0],
                [0.0, 0.0, -6.0, 7.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        };
        let shape = [65, 33, 11];
        assert_eq!(oblique.corner_distance(&oblique, shape), 0.0);
        let shifted = oblique.translated([0.3, 0.0, 0.4]);
        assert!((oblique.corner_distance(&shifted, shape) - 0.5).abs() < 1e-9);
        // A spacing off by a hundredth adds up along the axis; of a single voxel there is nothing to add up.
        let mut stretched = oblique;
        (0..3).for_each(|row| stretched.affine[row][0] *= 1.01);
        assert!((oblique.corner_distance(&stretched, shape) - 0.64).abs() < 1e-9);
        assert_eq!(oblique.corner_distance(&stretched, [1, 33, 11]), 0.0);
        let mut wrong = oblique;
        wrong.affine[1][3] = f64::NAN;
        assert_eq!(oblique.corner_distance(&wrong, shape), f64::INFINITY);
        wrong.affine[2][2] = 0.0;
        assert_eq!(wrong.corner_distance(&oblique, shape), f64::INFINITY);
    }

    #[test]
    fn translation_moves_only_the_origin() {
        let moved = Geometry::from_spacing([2.0, 1.0, 1.0]).translated([3.0, 0.0, -1.0]);
        assert_eq!(moved.position([0.0; 3]), [6.0, 0.0, -1.0]);
        assert_eq!(moved.spacing(), [2.0, 1.0, 1.0]);
        assert!(!moved.approx_eq(&Geometry::default(), 0.5));
    }
}
