//! Position of the voxels of NRRD files.

use super::affine;
use super::nrrd_header::Header;
use crate::{DataError, Geometry};

/// Signs that take the left-posterior-superior frame to NIfTI's.
const LPS: [f64; 3] = [-1.0, -1.0, 1.0];

/// The note about a file whose axes have no anatomical names.
const NO_SPACE: &str =
    "it names no space; its axes are taken for left-posterior-superior, as ITK and 3D Slicer do";

/// The note about a file that does not state the size of its voxels.
pub(super) const NO_SPACINGS: &str = "it has no spacings; voxels of 1 mm are assumed, as ITK does";

impl Header<'_> {
    /// The affine in NIfTI's frame, and notes about what the header does not say.
    pub(super) fn geometry(
        &self,
        axes: [usize; 3],
        shape: [usize; 3],
    ) -> Result<(Geometry, Vec<String>), DataError> {
        let mut notes = Vec::new();
        let signs = match self.fields.get("space") {
            Some(space) => self.signs(space)?,
            None => {
                notes.push(NO_SPACE.into());
                LPS
            }
        };
        let (directions, origin) = match self.fields.contains_key("space directions") {
            true => self.directions(axes)?,
            false => self.spacings(axes, shape, &mut notes)?,
        };
        let mut geometry = Geometry::default();
        for row in 0..3 {
            for (axis, direction) in directions.iter().enumerate() {
                geometry.affine[row][axis] = signs[row] * direction[row];
            }
            geometry.affine[row][3] = signs[row] * origin[row];
        }
        notes.extend(affine::shear(&geometry));
        Ok((self.checked(geometry)?, notes))
    }

    /// The step along each axis and the origin, in the file's space; that of a single slice has two dimensions.
    fn directions(&self, axes: [usize; 3]) -> Result<([[f64; 3]; 3], [f64; 3]), DataError> {
        let texts = axes.map(|axis| self.direction_text(axis));
        let dimensions = texts.iter().flatten().count();
        let origin = match self.fields.get("space origin") {
            Some(text) => self.vector(text, dimensions)?,
            None => [0.0; 3],
        };
        let mut directions = [[0.0, 0.0, 1.0]; 3];
        for (direction, text) in directions.iter_mut().zip(texts) {
            if let Some(text) = text {
                *direction = self.vector(text, dimensions)?;
            }
        }
        Ok((directions, origin))
    }

    /// As [`directions`](Self::directions), of a file that has spacings alone, as ITK reads them: the minima count where
    /// all axes have one and a size, but the size of voxels is their spacing, or else 1 mm.
    fn spacings(
        &self,
        axes: [usize; 3],
        shape: [usize; 3],
        notes: &mut Vec<String>,
    ) -> Result<([[f64; 3]; 3], [f64; 3]), DataError> {
        let spacings = self.per_axis("spacings", axes)?;
        let maxs = self.per_axis("axis maxs", axes)?;
        let stored = self.stored(axes);
        if spacings[..stored].contains(&None) {
            notes.push(match maxs[..stored].contains(&None) {
                true => NO_SPACINGS.into(),
                false => format!("{NO_SPACINGS}; its axis mins and maxs give its origin alone"),
            });
        }
        let mins = self.per_axis("axis mins", axes)?;
        let lengths = std::array::from_fn(|at| match (spacings[at], maxs[at]) {
            (Some(spacing), _) => Some(spacing),
            (None, max) => Some((max? - mins[at]?) / shape[at] as f64),
        });
        let mut directions = [[0.0; 3]; 3];
        for (at, direction) in directions.iter_mut().enumerate() {
            direction[at] = spacings[at].unwrap_or(1.0);
        }
        Ok((directions, self.origin(axes, mins, lengths)))
    }

    /// The center of the first voxel of a file with minima and lengths of voxels, 0 if an axis has none.
    fn origin(
        &self,
        axes: [usize; 3],
        mins: [Option<f64>; 3],
        lengths: [Option<f64>; 3],
    ) -> [f64; 3] {
        let centers = self.either("centers", "centerings").unwrap_or_default();
        let centers: Vec<&str> = centers.split_whitespace().collect();
        let starts: [Option<f64>; 3] = std::array::from_fn(|at| {
            let (min, length) = (mins[at]?, lengths[at]?);
            // The minimum is at the edge of the first voxel, unless the axis is centered at nodes.
            let is_node = centers.get(axes[at]) == Some(&"node");
            Some(min + if is_node { 0.0 } else { length / 2.0 })
        });
        let placed = !starts[..self.stored(axes)].contains(&None);
        starts.map(|start| start.filter(|_| placed).unwrap_or(0.0))
    }

    /// The number of the volume's axes that the file has: a single slice may lack the third.
    fn stored(&self, axes: [usize; 3]) -> usize {
        if self.has_axis(axes[2]) { 3 } else { 2 }
    }

    /// The finite numbers of a field for the volume's axes.
    fn per_axis(&self, name: &str, axes: [usize; 3]) -> Result<[Option<f64>; 3], DataError> {
        let numbers = self.numbers(name)?.unwrap_or_default();
        Ok(axes.map(|axis| {
            numbers
                .get(axis)
                .copied()
                .filter(|number| number.is_finite())
        }))
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

    /// Parses `(x,y,z)`, or `(x,y)` of two dimensions.
    fn vector(&self, text: &str, dimensions: usize) -> Result<[f64; 3], DataError> {
        let inner = text
            .trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        let parsed: Option<Vec<f64>> =
            inner.and_then(|text| text.split(',').map(|x| x.trim().parse().ok()).collect());
        match parsed.filter(|parsed| parsed.len() == dimensions) {
            Some(parsed) => Ok(std::array::from_fn(|at| {
                parsed.get(at).copied().unwrap_or(0.0)
            })),
            None => {
                let example = if dimensions == 2 { "(1,0)" } else { "(1,0,0)" };
                Err(self.wrong(&format!("vectors such as {example}"), &format!("'{text}'")))
            }
        }
    }
}
