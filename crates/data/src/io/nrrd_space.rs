//! Position of the voxels of NRRD files.

use super::nrrd_header::Header;
use crate::{DataError, Geometry};

/// Signs that take the left-posterior-superior frame to NIfTI's.
const LPS: [f64; 3] = [-1.0, -1.0, 1.0];

/// The note about a file whose axes have no anatomical names.
const NO_SPACE: &str =
    "it names no space; its axes are taken for left-posterior-superior, as ITK and 3D Slicer do";

impl Header<'_> {
    /// The affine in NIfTI's frame, and a note if the axes have no anatomical names.
    pub(super) fn geometry(
        &self,
        axes: [usize; 3],
    ) -> Result<(Geometry, Option<&'static str>), DataError> {
        let (signs, note) = match self.fields.get("space") {
            Some(space) => (self.signs(space)?, None),
            None => (LPS, Some(NO_SPACE)),
        };
        let (directions, origin) = match self.fields.contains_key("space directions") {
            true => self.directions(axes)?,
            false => self.spacings(axes)?,
        };
        let mut geometry = Geometry::default();
        for row in 0..3 {
            for (axis, direction) in directions.iter().enumerate() {
                geometry.affine[row][axis] = signs[row] * direction[row];
            }
            geometry.affine[row][3] = signs[row] * origin[row];
        }
        Ok((self.checked(geometry)?, note))
    }

    /// The step along each axis and the origin, in the file's space.
    fn directions(&self, axes: [usize; 3]) -> Result<([[f64; 3]; 3], [f64; 3]), DataError> {
        let origin = match self.fields.get("space origin") {
            Some(text) => self.vector(text)?,
            None => [0.0; 3],
        };
        let mut directions = [[0.0; 3]; 3];
        for (direction, axis) in directions.iter_mut().zip(axes) {
            *direction = self.vector(self.direction_text(axis).unwrap_or_default())?;
        }
        Ok((directions, origin))
    }

    /// As [`directions`](Self::directions), of a file that has spacings alone.
    fn spacings(&self, axes: [usize; 3]) -> Result<([[f64; 3]; 3], [f64; 3]), DataError> {
        let spacings = self.numbers("spacings")?.unwrap_or_default();
        let mins = self.numbers("axis mins")?.unwrap_or_default();
        let centers = self.either("centers", "centerings").unwrap_or_default();
        let centers: Vec<&str> = centers.split_whitespace().collect();
        let (mut directions, mut origin) = ([[0.0; 3]; 3], [0.0; 3]);
        for (at, axis) in axes.into_iter().enumerate() {
            let spacing = spacings.get(axis).copied().unwrap_or(1.0);
            directions[at][at] = spacing;
            // The minimum is at the edge of the first voxel, unless the axis is centered at nodes.
            let edge = if centers.get(axis) == Some(&"node") {
                0.0
            } else {
                0.5
            };
            origin[at] = mins.get(axis).map_or(0.0, |min| min + edge * spacing);
        }
        Ok((directions, origin))
    }

    fn checked(&self, geometry: Geometry) -> Result<Geometry, DataError> {
        let rows = || format!("an affine of rows {:?}", &geometry.affine[..3]);
        match geometry.is_sound() {
            true => Ok(geometry),
            false => Err(self.wrong("voxels of nonzero volume", &rows())),
        }
    }

    /// Signs that convert the file's space to the right-anterior-superior frame in millimeters.
    fn signs(&self, space: &str) -> Result<[f64; 3], DataError> {
        if let Some(units) = self.fields.get("space units") {
            let other = units
                .split_whitespace()
                .find(|unit| !["\"mm\"", "\"\""].contains(unit));
            if other.is_some() {
                return Err(self.wrong("space units of mm", units));
            }
        }
        match space.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok(LPS),
            "left-anterior-superior" | "las" => Ok([-1.0, 1.0, 1.0]),
            "right-anterior-superior" | "ras" => Ok([1.0; 3]),
            other => Err(self.wrong(
                "space left-posterior-superior, left-anterior-superior or right-anterior-superior",
                other,
            )),
        }
    }

    /// The direction of one of the file's axes, `(x,y,z)` or `none`.
    pub(super) fn direction_text(&self, axis: usize) -> Option<&str> {
        let text = self.fields.get("space directions")?;
        let mut rest = text.trim();
        for skipped in 0.. {
            let end = match rest.starts_with('(') {
                true => rest.find(')')? + 1,
                false => rest.find(' ').unwrap_or(rest.len()),
            };
            if skipped == axis || end == 0 {
                return (end > 0).then_some(&rest[..end]);
            }
            rest = rest[end..].trim_start();
        }
        None
    }

    /// Parses `(x,y,z)`.
    fn vector(&self, text: &str) -> Result<[f64; 3], DataError> {
        let inner = text
            .trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        let parsed: Option<Vec<f64>> =
            inner.and_then(|text| text.split(',').map(|x| x.trim().parse().ok()).collect());
        let parsed = parsed.and_then(|parsed| parsed.try_into().ok());
        parsed.ok_or_else(|| self.wrong("vectors such as (1,0,0)", &format!("'{text}'")))
    }
}
