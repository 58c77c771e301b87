//! Position of a volume's voxels in space.

use serde::{Deserialize, Serialize};

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

    /// The voxel spacing in millimeters: the lengths of the first three columns of the affine.
    pub fn spacing(&self) -> [f64; 3] {
        std::array::from_fn(|axis| {
            (0..3)
                .map(|row| self.affine[row][axis].powi(2))
                .sum::<f64>()
                .sqrt()
        })
    }

    /// The position in millimeters of a voxel index, which may be fractional.
    pub fn position(&self, index: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|row| {
            let a = &self.affine[row];
            a[0] * index[0] + a[1] * index[1] + a[2] * index[2] + a[3]
        })
    }

    /// The determinant of the 3×3 part: the signed volume of a voxel in mm³.
    pub fn determinant(&self) -> f64 {
        let a = &self.affine;
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
            - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
            + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    }

    /// The largest absolute difference between entries of the two affines.
    pub fn max_difference(&self, other: &Self) -> f64 {
        let pairs = self
            .affine
            .as_flattened()
            .iter()
            .zip(other.affine.as_flattened());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Whether all entries of the affines differ by at most `tolerance`.
    pub fn approx_eq(&self, other: &Self, tolerance: f64) -> bool {
        self.max_difference(other) <= tolerance
    }

    /// The geometry of the volume cropped to start at voxel `start` (negative: padded), with the same spacing
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
    fn translation_moves_only_the_origin() {
        let moved = Geometry::from_spacing([2.0, 1.0, 1.0]).translated([3.0, 0.0, -1.0]);
        assert_eq!(moved.position([0.0; 3]), [6.0, 0.0, -1.0]);
        assert_eq!(moved.spacing(), [2.0, 1.0, 1.0]);
        assert!(!moved.approx_eq(&Geometry::default(), 0.5));
    }
}
