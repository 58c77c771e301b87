//! Position of the voxels of MetaImage files.

use super::affine;
use super::meta_header::Header;
use super::nrrd_space::NO_SPACINGS;
use crate::{DataError, Geometry};

/// Fields with the distances of voxels, the first that is there.
const SPACING: [&str; 2] = ["ElementSpacing", "ElementSize"];

/// Fields with the directions of the axes, the first that is there.
const DIRECTIONS: [&str; 3] = ["TransformMatrix", "Rotation", "Orientation"];

/// The largest error of the length of a direction.
const UNIT_TOLERANCE: f64 = 1e-3;

impl Header<'_> {
    /// The affine in NIfTI's frame; the file's is left-posterior-superior.
    pub(super) fn geometry(&self) -> Result<Geometry, DataError> {
        let axes = self.sides()?.len();
        let origin = self.per_axis(&["Offset", "Position", "Origin"], axes)?;
        let spacing = self.per_axis(&SPACING, axes)?;
        let matrix = self.per_axis(&DIRECTIONS, axes * axes)?;
        let mut geometry = Geometry::default();
        for (row, sign) in [-1.0, -1.0, 1.0].into_iter().enumerate() {
            for axis in 0..3 {
                let known = row < axes && axis < axes;
                // The directions of the axes follow one another.
                let direction = match &matrix {
                    Some(matrix) if known => matrix[axis * axes + row],
                    _ => f64::from(u8::from(row == axis)),
                };
                let side = spacing
                    .as_ref()
                    .and_then(|all| all.get(axis))
                    .unwrap_or(&1.0);
                geometry.affine[row][axis] = sign * direction * side;
            }
            let start = origin.as_ref().and_then(|all| all.get(row)).unwrap_or(&0.0);
            geometry.affine[row][3] = sign * start;
        }
        match geometry.is_sound() {
            true => Ok(geometry),
            false => {
                let found = format!("an affine of rows {:?}", &geometry.affine[..3]);
                Err(self.wrong("voxels of nonzero volume", &found))
            }
        }
    }

    /// Whether the file says where its axes point.
    pub(super) fn has_directions(&self) -> bool {
        DIRECTIONS.iter().any(|name| self.field(name).is_ok())
    }

    /// Notes about missing spacings, and about a matrix that is no rotation, which is taken as it is, as ITK does.
    pub(super) fn doubts(&self, geometry: &Geometry) -> Result<Vec<String>, DataError> {
        let stated = self.numbers(&SPACING)?;
        let unstated = stated.is_none().then(|| NO_SPACINGS.to_string());
        let stated = stated.unwrap_or_else(|| vec![1.0; 3]);
        let sizes = geometry.spacing();
        let longer = |(size, stated): (&f64, &f64)| {
            let times = size / stated.abs();
            ((times - 1.0).abs() > UNIT_TOLERANCE).then_some(times)
        };
        let scaled = sizes.iter().zip(&stated).find_map(longer).map(|times| {
            format!(
                "a direction in its TransformMatrix has the length {times:.3}, not 1: voxels are {:.3} by {:.3} by {:.3} mm, \
                 as ITK places them, whatever its ElementSpacing says",
                sizes[0], sizes[1], sizes[2]
            )
        });
        let notes = unstated.into_iter().chain(scaled);
        Ok(notes.chain(affine::shear(geometry)).collect())
    }
}
