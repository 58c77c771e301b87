//! Headers of NRRD files.

use std::collections::BTreeMap;
use std::path::Path;

use super::raw::{Opened, VoxelLayout};
use super::voxels::VoxelType;
use crate::{DataError, Geometry, SourceHeader};

/// Signs that take the left-posterior-superior frame to NIfTI's.
const LPS: [f64; 3] = [-1.0, -1.0, 1.0];

/// The note about a file whose axes have no anatomical names.
const NO_SPACE: &str =
    "it names no space; its axes are taken for left-posterior-superior, as ITK and 3D Slicer do";

/// Header fields by name.
pub(super) struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

impl<'a> Header<'a> {
    /// Reads lines up to the first empty one, or to the end of a file without voxels.
    pub(super) fn read(file: &mut Opened<'a>) -> Result<Self, DataError> {
        let mut header = Self {
            path: file.path,
            fields: BTreeMap::new(),
        };
        while let Some(line) = file.line()? {
            match line.split_once(": ") {
                _ if line.is_empty() => return Ok(header),
                // `key:=value` is a comment by the writing program.
                Some((name, value)) if !line.starts_with('#') && !name.contains(":=") => {
                    let (name, value) = (name.to_lowercase(), value.trim().to_string());
                    header.fields.insert(name, value);
                }
                _ => {}
            }
        }
        match header.data_file() {
            Some(_) => Ok(header),
            None => Err(header.wrong("an empty line after the header", "the end of the file")),
        }
    }

    /// The name of the file with the voxels, if it is another.
    pub(super) fn data_file(&self) -> Option<&str> {
        self.either("data file", "datafile")
    }

    /// The number in a field that is 0 if it is absent.
    pub(super) fn skip(&self, name: &str, other_name: &str) -> Result<i64, DataError> {
        let text = self.either(name, other_name).unwrap_or("0");
        let number = text.parse().ok().filter(|&number| number >= -1);
        number.ok_or_else(|| {
            let found = format!("'{text}'");
            self.wrong(&format!("a whole number as '{name}'"), &found)
        })
    }

    /// The encoding in lower case.
    pub(super) fn encoding(&self) -> Result<String, DataError> {
        Ok(self.field("encoding")?.to_lowercase())
    }

    /// What the header says about the voxels.
    pub(super) fn layout(&self) -> Result<VoxelLayout, DataError> {
        let (shape, axes) = self.shape()?;
        let (geometry, note) = self.geometry(axes)?;
        let notes = note.map(String::from).into_iter().collect();
        Ok(VoxelLayout {
            shape,
            voxel_type: self.voxel_type()?,
            big_endian: self.big_endian()?,
            slope: 1.0,
            intercept: 0.0,
            geometry,
            header: SourceHeader::new(shape, geometry, None, notes),
        })
    }

    fn either(&self, name: &str, other_name: &str) -> Option<&str> {
        let found = self
            .fields
            .get(name)
            .or_else(|| self.fields.get(other_name));
        found.map(String::as_str)
    }

    pub(super) fn wrong(&self, expected: &str, found: &str) -> DataError {
        let hint = "export it as NIfTI, or as NRRD, raw or gzip";
        DataError::unexpected(
            self.path,
            format!("in an NRRD header, {expected}"),
            found,
            hint,
        )
    }

    fn field(&self, name: &str) -> Result<&str, DataError> {
        let found = self.fields.get(name).map(String::as_str);
        found.ok_or_else(|| self.wrong(&format!("the field '{name}'"), "none"))
    }

    /// The numbers of a field, separated by whitespace.
    fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, DataError> {
        let Some(text) = self.fields.get(name) else {
            return Ok(None);
        };
        let parsed: Option<Vec<f64>> = text
            .split_whitespace()
            .map(|part| part.parse().ok())
            .collect();
        let wrong = || self.wrong(&format!("numbers as '{name}'"), &format!("'{text}'"));
        parsed.map(Some).ok_or_else(wrong)
    }

    /// Lengths and file indices of the three volume axes; all other axes must have length 1.
    fn shape(&self) -> Result<([usize; 3], [usize; 3]), DataError> {
        let text = self.field("sizes")?;
        let sizes: Option<Vec<usize>> = text
            .split_whitespace()
            .map(|side| side.parse().ok())
            .collect();
        let sizes =
            sizes.filter(|sizes| !sizes.contains(&0) && sizes.iter().all(|&side| side <= 32_767));
        let sizes = sizes
            .ok_or_else(|| self.wrong("sides of 1 to 32767 voxels", &format!("sizes {text}")))?;
        let mut axes: Vec<usize> = (0..sizes.len()).collect();
        if self.fields.contains_key("space directions") {
            axes.retain(|&axis| self.direction_text(axis).is_some_and(|text| text != "none"));
        }
        // Without directions, the extra axes of length 1 may be anywhere.
        while axes.len() > 3 {
            let Some(single) = axes.iter().rposition(|&axis| sizes[axis] == 1) else {
                break;
            };
            axes.remove(single);
        }
        let all: usize = sizes.iter().product();
        match <[usize; 3]>::try_from(axes) {
            Ok(axes) if axes.map(|axis| sizes[axis]).iter().product::<usize>() == all => {
                Ok((axes.map(|axis| sizes[axis]), axes))
            }
            _ => Err(self.wrong(
                "a volume of three axes, others of length 1",
                &format!("sizes {text}"),
            )),
        }
    }

    fn voxel_type(&self) -> Result<VoxelType, DataError> {
        let text = self.field("type")?;
        let text = text.to_lowercase();
        let plain = text
            .replace("_t", "")
            .replace("signed ", "s:")
            .replace("uns:", "u:");
        Ok(match plain.trim_start_matches("s:") {
            "char" if plain.starts_with("s:") => VoxelType::Int8,
            "int8" => VoxelType::Int8,
            "uchar" | "u:char" | "uint8" => VoxelType::Uint8,
            "short" | "short int" | "int16" => VoxelType::Int16,
            "ushort" | "u:short" | "u:short int" | "uint16" => VoxelType::Uint16,
            "int" | "int32" => VoxelType::Int32,
            "uint" | "u:int" | "uint32" => VoxelType::Uint32,
            "longlong" | "long long" | "long long int" | "int64" => VoxelType::Int64,
            "ulonglong" | "u:long long" | "u:long long int" | "uint64" => VoxelType::Uint64,
            "float" => VoxelType::Float32,
            "double" => VoxelType::Float64,
            _ => {
                return Err(self.wrong(
                    "integers or floats of up to 64 bits",
                    &format!("type '{text}'"),
                ));
            }
        })
    }

    fn big_endian(&self) -> Result<bool, DataError> {
        let endian = self.fields.get("endian").map(|text| text.to_lowercase());
        match endian.as_deref() {
            Some("little") => Ok(false),
            Some("big") => Ok(true),
            // Single bytes have no byte order.
            None if self.voxel_type()?.size() == 1 => Ok(false),
            other => Err(self.wrong("endian little or big", other.unwrap_or("none"))),
        }
    }

    /// The affine in NIfTI's frame, and a note if the axes have no anatomical names.
    fn geometry(&self, axes: [usize; 3]) -> Result<(Geometry, Option<&'static str>), DataError> {
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
    fn direction_text(&self, axis: usize) -> Option<&str> {
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
