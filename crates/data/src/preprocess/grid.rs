//! Voxel grids: shape and geometry without voxels.

use serde::{Deserialize, Serialize};

use crate::geometry::inverse3;
use crate::{DataError, Geometry, LabelMap, Volume};

/// A voxel grid: number of voxels along each axis and their position.
///
/// # Examples
///
/// ```
/// use semivox_data::{Geometry, preprocess::Grid};
///
/// let grid = Grid { shape: [9, 8, 5], geometry: Geometry::from_spacing([1.0, 1.0, 2.0]) };
/// let coarse = grid.with_spacing([2.0, 2.0, 2.0])?;
/// assert_eq!(coarse.shape, [5, 4, 5]);
/// // Both grids have the same center.
/// let center = |g: &Grid| g.geometry.position(g.shape.map(|n| (n as f64 - 1.0) / 2.0));
/// assert_eq!(center(&grid), center(&coarse));
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Number of voxels along each axis.
    pub shape: [usize; 3],
    /// Position of the voxels.
    pub geometry: Geometry,
}

impl From<&Volume> for Grid {
    fn from(volume: &Volume) -> Self {
        Self {
            shape: volume.shape(),
            geometry: volume.geometry,
        }
    }
}

impl From<&LabelMap> for Grid {
    fn from(labels: &LabelMap) -> Self {
        Self {
            shape: labels.shape(),
            geometry: labels.geometry,
        }
    }
}

impl Grid {
    /// Returns the grid with another spacing over the same extent and with the same center.
    ///
    /// Each axis has `round(n · old / new)` voxels, at least one. Half voxels, up to a thousandth, are rounded up: a
    /// spacing of 0.625 mm that a header stores in 32 bits, or as part of a rotation, gives the same shape as an exact one.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] for a spacing that is not positive and finite, and for one that gives more than 2³⁰
    /// voxels, as happens when meters are taken for millimeters.
    pub fn with_spacing(&self, spacing_mm: [f64; 3]) -> Result<Self, DataError> {
        let present = self.geometry.spacing();
        if spacing_mm
            .iter()
            .chain(&present)
            .any(|s| !(s.is_finite() && *s > 0.0))
        {
            return Err(DataError::InvalidSetting {
                name: "spacing_mm",
                expected: "three positive numbers, for a volume whose own spacing is positive"
                    .into(),
                found: format!("{spacing_mm:?} for a volume of {present:?}"),
            });
        }
        let scale = self.scale_to(spacing_mm);
        let shape: [usize; 3] = std::array::from_fn(|a| {
            ((self.shape[a] as f64 / scale[a] + TIE).round() as usize).max(1)
        });
        expect_bounded(shape, || DataError::InvalidSetting {
            name: "spacing_mm",
            expected: format!(
                "a spacing at which the volume, whose voxels are {present:?} mm, has at most {MOST_VOXELS} voxels; if the file's unit is not the millimeter, correct its header"
            ),
            found: format!("{spacing_mm:?} and {shape:?} voxels"),
        })?;
        let start = std::array::from_fn(|a| source_index(0, shape[a], self.shape[a], scale[a]));
        let mut geometry = self.geometry.translated(start);
        for row in &mut geometry.affine[..3] {
            (0..3).for_each(|axis| row[axis] *= scale[axis]);
        }
        Ok(Self { shape, geometry })
    }

    /// Old voxels per new voxel along each axis, exactly 1 if the spacing is unchanged.
    pub(super) fn scale_to(&self, spacing_mm: [f64; 3]) -> [f64; 3] {
        let present = self.geometry.spacing();
        std::array::from_fn(|a| {
            let scale = spacing_mm[a] / present[a];
            if (scale - 1.0).abs() < 1e-6 {
                1.0
            } else {
                scale
            }
        })
    }

    /// Returns the `3×4` affine from indices of `self` to indices of `other`.
    pub(crate) fn index_map(&self, other: &Self) -> Result<[[f64; 4]; 3], DataError> {
        let (a, b) = (&self.geometry.affine, &other.geometry.affine);
        let inverse = inverse3(b).ok_or_else(|| DataError::InvalidSetting {
            name: "affine",
            expected: "invertible".into(),
            found: format!("{b:?}"),
        })?;
        // Columns of a, the last one relative to the origin of b.
        let entry = |row: usize, c: usize| a[row][c] - if c == 3 { b[row][3] } else { 0.0 };
        let map = std::array::from_fn(|row| {
            std::array::from_fn(|c| (0..3).map(|k| inverse[row][k] * entry(k, c)).sum())
        });
        Ok(map)
    }
}

/// The fraction of a voxel below one half from which a side is rounded up.
const TIE: f64 = 1e-3;

/// The largest number of voxels of a resampled or enlarged volume, four times that of a large scan (512×512×1000); 4 GiB as `f32`.
pub(super) const MOST_VOXELS: f64 = (1_u64 << 30) as f64;

/// Returns `error` for a shape of more than [`MOST_VOXELS`] voxels.
pub(super) fn expect_bounded(
    shape: [usize; 3],
    error: impl FnOnce() -> DataError,
) -> Result<(), DataError> {
    let voxels: f64 = shape.iter().map(|&side| side.max(1) as f64).product();
    match voxels <= MOST_VOXELS {
        true => Ok(()),
        false => Err(error()),
    }
}

/// Returns the position of voxel `i` of `n_new` along an old axis of `n_old` voxels with the same center.
pub(super) fn source_index(i: usize, n_new: usize, n_old: usize, scale: f64) -> f64 {
    (i as f64 - (n_new as f64 - 1.0) / 2.0) * scale + (n_old as f64 - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_spacing_rounded_in_its_file_gives_the_same_shape() {
        // 88 voxels of 0.625 mm are 62.5 of 0.88 mm.
        for spacing in [0.625, 0.624_999_97, 0.625_000_03] {
            let grid = Grid {
                shape: [88, 88, 87],
                geometry: Geometry::from_spacing([spacing; 3]),
            };
            let resampled = grid.with_spacing([0.88; 3]).unwrap();
            assert_eq!(resampled.shape, [63, 63, 62], "{spacing}");
        }
    }

    #[test]
    fn an_index_map_goes_through_millimeters() {
        let oblique = Geometry {
            affine: [
                [0.0, -2.0, 0.0, 10.0],
                [1.0, 0.0, 0.5, -3.0],
                [0.0, 0.0, 3.0, 4.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        };
        let a = Grid {
            shape: [4; 3],
            geometry: oblique,
        };
        let b = Grid {
            shape: [4; 3],
            geometry: Geometry::from_spacing([0.7, 1.1, 2.0]),
        };
        let map = a.index_map(&b).unwrap();
        let index = [1.0, 2.0, 3.0];
        let mapped: [f64; 3] =
            std::array::from_fn(|r| map[r][3] + (0..3).map(|c| map[r][c] * index[c]).sum::<f64>());
        let (p, q) = (a.geometry.position(index), b.geometry.position(mapped));
        assert!(
            p.iter().zip(q).all(|(p, q)| (p - q).abs() < 1e-12),
            "{p:?} {q:?}"
        );
    }

    #[test]
    fn a_spacing_must_be_positive() {
        let grid = Grid {
            shape: [4; 3],
            geometry: Geometry::default(),
        };
        for bad in [[0.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, f64::NAN]] {
            assert!(grid.with_spacing(bad).is_err());
        }
    }

    #[test]
    fn a_unit_taken_for_another_is_refused_rather_than_resampled() {
        let grid = Grid {
            shape: [64, 64, 32],
            geometry: Geometry::from_spacing([700.0, 700.0, 3000.0]),
        };
        for spacing in [[1.0; 3], [1e-300; 3]] {
            let message = grid.with_spacing(spacing).unwrap_err().to_string();
            assert!(
                message.contains("700.0") && message.contains("correct its header"),
                "{message}"
            );
        }
        assert!(grid.with_spacing([100.0; 3]).is_ok());
    }
}
